package ptx

import (
	"fmt"
	"sync"
)

// The generic address space. Shared and local memory have windows; allocation i of global memory has all addresses
// from i·2³⁶, so that an address beyond its end is in no other one.
const (
	sharedWindow = uint64(1) << 32
	localWindow  = uint64(2) << 32
	windowSize   = uint64(1) << 32
	allocShift   = 36
	maxAlloc     = 1 << 35
)

// alloc is one allocation of global memory.
type alloc struct {
	name     string
	base     uint64
	data     []byte
	readOnly bool
	freed    bool
}

func (a *alloc) String() string {
	what := fmt.Sprintf("%q (%d bytes at %#x)", a.name, len(a.data), a.base)
	if a.freed {
		what += ", freed"
	}
	return what
}

// Machine is a GPU's global memory, and what launches share. Its methods are for one goroutine at a time.
type Machine struct {
	o       Options
	allocs  []*alloc // by address >> allocShift; the first is never used
	loaded  map[*Module]map[string]uint64
	atomics [64]sync.Mutex // by address
	// counters has the words of 32 bits that atomics change and what they were before, during a row of a Sample.
	counters map[uint64]uint64
}

// Options are settings of a Machine.
type Options struct {
	// Workers is how many blocks run at a time; 0 is one for each processor.
	Workers int
	// MaxSteps is how many instructions the warps of one block may run together before the launch fails as endless;
	// 0 is 2³².
	MaxSteps uint64
	// SharedMemory is how much shared memory a block may have; 0 is 227 KiB.
	SharedMemory int
}

// NewMachine makes a machine without allocations.
func NewMachine(o Options) *Machine {
	if o.MaxSteps == 0 {
		o.MaxSteps = 1 << 32
	}
	if o.SharedMemory == 0 {
		o.SharedMemory = 227 << 10
	}
	return &Machine{o: o, allocs: []*alloc{nil}, loaded: map[*Module]map[string]uint64{}}
}

// Alloc makes an allocation of zeros that faults call by the name given.
func (m *Machine) Alloc(bytes int, name string) (uint64, error) {
	if bytes < 0 || bytes > maxAlloc {
		return 0, fmt.Errorf("ptx: allocation %q of %d bytes", name, bytes)
	}
	base := uint64(len(m.allocs)) << allocShift
	m.allocs = append(m.allocs, &alloc{name: name, base: base, data: make([]byte, bytes)})
	return base, nil
}

// Free ends an allocation. Its addresses are not used again.
func (m *Machine) Free(address uint64) error {
	a := m.alloc(address)
	if a == nil || a.base != address || a.freed {
		return fmt.Errorf("ptx: free of %#x, where no allocation begins", address)
	}
	a.data, a.freed = nil, true
	return nil
}

// Memory is the bytes at an address themselves, all in one allocation.
func (m *Machine) Memory(address uint64, bytes int) ([]byte, error) {
	a := m.alloc(address)
	if a == nil || bytes < 0 || address-a.base > uint64(len(a.data)) || uint64(bytes) > uint64(len(a.data))-(address-a.base) {
		return nil, fmt.Errorf("ptx: %d bytes at %#x: %s", bytes, address, m.outside(address))
	}
	at := address - a.base
	return a.data[at : at+uint64(bytes) : at+uint64(bytes)], nil
}

func (m *Machine) alloc(address uint64) *alloc {
	if i := address >> allocShift; i < uint64(len(m.allocs)) {
		return m.allocs[i]
	}
	return nil
}

// outside says where an address is that is in no allocation.
func (m *Machine) outside(address uint64) string {
	var nearest *alloc
	best := ^uint64(0)
	for _, a := range m.allocs[1:] {
		d := uint64(0)
		if address < a.base {
			d = a.base - address
		} else if end := a.base + uint64(len(a.data)); address >= end {
			d = address - end
		}
		if d < best {
			nearest, best = a, d
		}
	}
	if nearest == nil {
		return "nothing is allocated"
	}
	if nearest.freed {
		return fmt.Sprintf("in %v", nearest)
	}
	return fmt.Sprintf("outside every allocation; the nearest is %v, from which it is at %d", nearest, int64(address-nearest.base))
}

// load gives a module's variables their memory, once.
func (m *Machine) load(mod *Module) (map[string]uint64, error) {
	if at, ok := m.loaded[mod]; ok {
		return at, nil
	}
	at := map[string]uint64{}
	for _, v := range mod.source.variables {
		if v.space != "global" && v.space != "const" || v.extern {
			continue
		}
		address, err := m.Alloc(v.size, v.name)
		if err != nil {
			return nil, err
		}
		a := m.alloc(address)
		copy(a.data, v.init)
		a.readOnly = v.space == "const"
		at[v.name] = address
	}
	m.loaded[mod] = at
	return at, nil
}
