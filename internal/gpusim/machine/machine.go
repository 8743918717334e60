//go:build cgo && linux && gpusim

package machine

// #cgo CXXFLAGS: -O2 -std=c++17 -fno-exceptions
// #cgo !race,!asan,!msan CXXFLAGS: -DBNAS_HOOKS
// #cgo asan CXXFLAGS: -fsanitize=address
// #include <stdlib.h>
// #include "machine.h"
import "C"

import (
	"embed"
	"errors"
	"fmt"
	"unsafe"

	"bnas.example/internal/hardware"
)

// Headers are what kernels are compiled with. With them in this package, packages of kernels are compiled anew when they
// change.
//
//go:embed emulate.h runtime.h
var Headers embed.FS

// Hooked says whether loads and stores are checked in this build: not with -race, -asan and -msan.
var Hooked = C.machine_hooked() != 0

// Kernels are the lists of a package's kernels (struct bnas_kernel) in their two compilations: with hooks, and fast.
type Kernels struct{ Hooked, Fast unsafe.Pointer }

// Machine is for one goroutine at a time.
type Machine struct {
	m       *C.machine
	kernels Kernels
	found   map[string]*C.struct_bnas_kernel
	pinned  map[unsafe.Pointer]int
	traffic []Traffic
	count   bool
	lost    error
}

var errClosed = errors.New("the emulated machine is closed")

// ErrNoMemory: the machine has too little memory left.
var ErrNoMemory = errors.New("out of memory")

// New returns a Machine that runs kernels.
func New(o Options, kernels Kernels) (*Machine, error) {
	if o.Threads == 0 {
		o.Threads = 1
	}
	if o.Memory == 0 {
		o.Memory = 4 << 30
	}
	if o.Threads < 0 || o.Memory < 0 {
		return nil, fmt.Errorf("emulated machine: %d threads, %d bytes of memory", o.Threads, o.Memory)
	}
	c := C.machine_options{threads: C.int(o.Threads), check: flag(o.Check), count: flag(o.Count), order: C.int(o.Order), seed: C.uint64_t(o.Seed), memory: C.int64_t(o.Memory)}
	m := C.machine_new(&c)
	if m == nil {
		return nil, fmt.Errorf("emulated machine: no addresses for %d bytes of memory", o.Memory)
	}
	return &Machine{m: m, kernels: kernels, found: map[string]*C.struct_bnas_kernel{}, pinned: map[unsafe.Pointer]int{}, count: o.Count}, nil
}

func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// Err is the fault that ended the machine, nil if there was none.
func (m *Machine) Err() error { return m.lost }

// Used is how many bytes are allocated.
func (m *Machine) Used() int64 {
	if m.m == nil {
		return 0
	}
	return int64(C.machine_used(m.m))
}

// Alloc returns the address of a new buffer; every bit of it is one, so that each float is a NaN.
func (m *Machine) Alloc(bytes int64) (uint64, error) {
	if m.lost != nil {
		return 0, m.lost
	}
	if bytes <= 0 {
		return 0, fmt.Errorf("allocate %d bytes", bytes)
	}
	p := C.machine_alloc(m.m, C.int64_t(bytes))
	if p == 0 {
		return 0, fmt.Errorf("allocate %d bytes: %w, %d are in use", bytes, ErrNoMemory, m.Used())
	}
	return uint64(p), nil
}

// Free releases a buffer.
func (m *Machine) Free(p uint64) error {
	if m.m == nil {
		return m.lost
	}
	switch C.machine_free(m.m, C.uint64_t(p)) {
	case 0:
		return m.lost
	case 1:
		return fmt.Errorf("free %#x: something has written past the end of the buffer", p)
	}
	return fmt.Errorf("free %#x: not a buffer", p)
}

// Pinned returns memory that does not move.
func (m *Machine) Pinned(bytes int) ([]byte, error) {
	if m.lost != nil {
		return nil, m.lost
	}
	if bytes <= 0 {
		return nil, fmt.Errorf("allocate %d bytes of pinned memory", bytes)
	}
	var p unsafe.Pointer
	if hardware.Holds(bytes / 4) { // a sanitizer ends the process that asks for more
		p = C.calloc(C.size_t(bytes), 1)
	}
	if p == nil {
		return nil, fmt.Errorf("allocate %d bytes of pinned memory: %w", bytes, ErrNoMemory)
	}
	m.pinned[p] = bytes
	return unsafe.Slice((*byte)(p), bytes), nil
}

// FreePinned releases what Pinned returned.
func (m *Machine) FreePinned(b []byte) error {
	p := unsafe.Pointer(unsafe.SliceData(b))
	if _, ok := m.pinned[p]; !ok {
		return errors.New("free pinned memory: not allocated here")
	}
	delete(m.pinned, p)
	C.free(p)
	return nil
}

func (m *Machine) reach(what string, p uint64, bytes int64) error {
	if m.lost != nil {
		return m.lost
	}
	if C.machine_inside(m.m, C.uint64_t(p), C.int64_t(bytes)) == 0 {
		return fmt.Errorf("%s: %d bytes at %#x are not in one buffer", what, bytes, p)
	}
	return nil
}

// CopyIn copies src to dst.
func (m *Machine) CopyIn(dst uint64, src []byte) error {
	if err := m.reach("copy to the device", dst, int64(len(src))); err != nil || len(src) == 0 {
		return err
	}
	C.machine_write(m.m, C.uint64_t(dst), unsafe.Pointer(unsafe.SliceData(src)), C.int64_t(len(src)))
	return nil
}

// CopyOut copies src to dst.
func (m *Machine) CopyOut(dst []byte, src uint64) error {
	if err := m.reach("copy from the device", src, int64(len(dst))); err != nil || len(dst) == 0 {
		return err
	}
	C.machine_read(m.m, unsafe.Pointer(unsafe.SliceData(dst)), C.uint64_t(src), C.int64_t(len(dst)))
	return nil
}

// Fill sets bytes at dst to value.
func (m *Machine) Fill(dst uint64, value byte, bytes int64) error {
	if err := m.reach("fill", dst, bytes); err != nil || bytes == 0 {
		return err
	}
	C.machine_fill(m.m, C.uint64_t(dst), C.int(value), C.int64_t(bytes))
	return nil
}

func (m *Machine) kernel(name string) *C.struct_bnas_kernel {
	if k, ok := m.found[name]; ok {
		return k
	}
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	k := C.machine_kernel(m.m, (*C.struct_bnas_kernel)(m.kernels.Hooked), (*C.struct_bnas_kernel)(m.kernels.Fast), c)
	m.found[name] = k
	return k
}

// Launch runs a kernel to its end. shared is in bytes; args are the kernel's parameters.
func (m *Machine) Launch(name string, grid, block [3]int, shared int, args []uint64) error {
	if m.lost != nil {
		return m.lost
	}
	if err := checkLaunch(name, grid, block, shared); err != nil {
		return err
	}
	k := m.kernel(name)
	if k == nil {
		return fmt.Errorf("launch %s: no such kernel", name)
	}
	if len(args) != int(k.parameters) {
		return fmt.Errorf("launch %s: %d arguments, the kernel has %d parameters", name, len(args), int(k.parameters))
	}
	l := C.machine_launch_shape{shared: C.uint(shared)}
	for i := range 3 {
		l.grid[i], l.block[i] = C.uint(grid[i]), C.uint(block[i])
	}
	var traffic C.machine_traffic
	var fault C.machine_fault
	if C.machine_run(m.m, k, l, (*C.ulonglong)(unsafe.Pointer(unsafe.SliceData(args))), &traffic, &fault) != 0 {
		m.lost = errors.New(C.GoString(&fault.text[0]) + source(uint64(fault.pc)))
		return m.lost
	}
	if m.count {
		m.traffic = append(m.traffic, Traffic{name, int64(traffic.loads), int64(traffic.stores), int64(traffic.sectors_read), int64(traffic.sectors_written)})
	}
	return nil
}

// Traffic returns what the launches since the last call did, in order, where Options.Count is set.
func (m *Machine) Traffic() []Traffic {
	t := m.traffic
	m.traffic = nil
	return t
}

// Close releases everything. Buffers and pinned memory that were not freed are an error.
func (m *Machine) Close() error {
	if m.m == nil {
		return nil
	}
	m.lost = errors.Join(m.lost, errClosed)
	buffers, bytes := int(C.machine_buffers(m.m)), m.Used()
	C.machine_delete(m.m)
	m.m = nil
	pinned := len(m.pinned)
	for p := range m.pinned {
		C.free(p)
	}
	m.pinned = nil
	if buffers > 0 || pinned > 0 {
		return fmt.Errorf("close the emulated machine: %d buffers of %d bytes and %d pinned ones were never freed", buffers, bytes, pinned)
	}
	return nil
}
