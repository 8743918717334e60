// Package hardware says what the machine has.
package hardware

import (
	"fmt"
	"os"
	"strings"
)

// Memory returns the memory of the machine in bytes, or of the container if it is less. It returns 0 if it is unknown.
func Memory() int64 {
	var kib int64
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		_, rest, _ := strings.Cut(string(text), "MemTotal:")
		fmt.Sscan(rest, &kib)
	}
	total := kib << 10
	if text, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		var limit int64
		if n, _ := fmt.Sscan(string(text), &limit); n == 1 && limit < total {
			total = limit
		}
	}
	return total
}

// Holds reports whether the memory has room for so many float32. It does if the memory is unknown.
func Holds(floats int) bool {
	total := Memory()
	return total == 0 || int64(floats) <= total/4
}
