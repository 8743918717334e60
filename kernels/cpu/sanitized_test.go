//go:build cgo && (asan || race)

package cpu_test

// sanitized: this build runs many times slower.
const sanitized = true
