//go:build cgo

package cpu

// #include "entry.h"
import "C"

import (
	"fmt"
	"unsafe"

	"bnas.example/internal/hardware"
)

// memory is one block of C memory. It grows on request and then loses its contents.
type memory struct {
	base *C.float
	size int
}

// maxFloats is the largest request: its size in bytes must fit an integer and the address space.
const maxFloats = 1 << 44

func (m *memory) reserve(floats int) error {
	if floats <= m.size {
		return nil
	}
	m.free()
	if floats < maxFloats && hardware.Holds(floats) {
		m.base = C.new_floats(C.size_t(floats))
	}
	if m.base == nil {
		return fmt.Errorf("no memory for %d MiB: fewer images or channels need less", floats>>18)
	}
	m.size = floats
	return nil
}

func (m *memory) free() {
	C.free_floats(m.base)
	m.base, m.size = nil, 0
}

func (m *memory) pointer(at int) *C.float {
	return (*C.float)(unsafe.Add(unsafe.Pointer(m.base), 4*at))
}

func (m *memory) doublePointer(at int) *C.double {
	return (*C.double)(unsafe.Add(unsafe.Pointer(m.base), 4*at))
}

func (m *memory) floats(at, n int) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(m.pointer(at))), n)
}

func (m *memory) doubles(at, n int) []float64 {
	return unsafe.Slice((*float64)(unsafe.Pointer(m.pointer(at))), n)
}
