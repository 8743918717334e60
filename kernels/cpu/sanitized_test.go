//go:build cgo && (asan || race)

package cpu_test

// sanitized: this is a build that runs many times slower.
const sanitized = true
