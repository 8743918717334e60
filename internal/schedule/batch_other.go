//go:build !linux

package schedule

// Batch does nothing here.
func Batch() {}
