//go:build cgo && !asan && !race

package cpu_test

const sanitized = false
