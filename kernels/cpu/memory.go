//go:build cgo

package cpu

// #include "entry.h"
import "C"

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"bnas.example/internal/hardware"
)

// memory is one block of C memory. It grows on request and then loses its contents.
type memory struct {
	base  *C.float
	size  int  // floats that were asked for
	room  int  // floats of the block: pages that were never touched are no more than addresses
	exact bool // no room behind size: the sanitizer sees what is touched there
}

// maxFloats is the largest request: its size in bytes must fit an integer and the address space.
const maxFloats = 1 << 44

// reserved are the floats of all blocks of this process. Each may fit the memory of the machine where all of them do not.
var reserved atomic.Int64

func (m *memory) reserve(floats int) error {
	if floats <= m.size {
		return nil
	}
	others := int(reserved.Load()) - m.size
	if floats >= maxFloats || !hardware.Holds(others+floats) {
		m.free()
	} else if floats > m.room {
		m.replace(floats)
	}
	if m.base == nil {
		return fmt.Errorf("no memory for %d MiB beside the %d in use: fewer images or channels need less", floats>>18, others>>18)
	}
	reserved.Add(int64(floats - m.size))
	m.size = floats
	return nil
}

// replace makes a block of at least so many floats. A block that grows gets twice the room: it would have to be touched anew each time.
func (m *memory) replace(floats int) {
	rooms := []int{max(floats, 2*m.room), floats}
	if m.exact {
		rooms = rooms[1:]
	}
	m.free()
	for _, room := range rooms {
		if m.base = C.new_floats(C.size_t(room)); m.base != nil {
			m.room = room
			return
		}
	}
}

func (m *memory) free() {
	reserved.Add(int64(-m.size))
	C.free_floats(m.base, C.size_t(m.room))
	m.base, m.size, m.room = nil, 0, 0
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
