package cuda

import (
	"fmt"

	"bnas.example/internal/gpusim/ptx"
)

// InterpretedOptions are the GPU that an Interpreted poses as.
type InterpretedOptions struct {
	Capability int   // 10·major + minor; 0 is 80
	Memory     int64 // bytes; 0 is 4 GiB
	Workers    int   // blocks that run at a time; 0 is one for each processor
}

// Interpreted is a Driver that runs compiled kernels, PTX, on the host. Its streams run at once. New memory holds NaN.
// A fault in a kernel ends it: everything but giving back fails from then on.
type Interpreted struct {
	hostQueue
	options InterpretedOptions
	machine *ptx.Machine
	kernels map[string]*ptx.Kernel
	sizes   map[Ptr]int64
	used    int64
	pinned  int
	counts  map[string]ptx.Counts
	fault   error // of the first launch that failed
}

// NewInterpreted returns a GPU that has the kernels of the modules. A kernel that two modules have is an error.
func NewInterpreted(o InterpretedOptions, modules ...*ptx.Module) (*Interpreted, error) {
	if o.Capability == 0 {
		o.Capability = 80
	}
	if o.Memory == 0 {
		o.Memory = 4 << 30
	}
	i := &Interpreted{
		options: o, kernels: map[string]*ptx.Kernel{}, sizes: map[Ptr]int64{},
		counts: map[string]ptx.Counts{},
	}
	i.hostQueue = newHostQueue("interpreted GPU", i.interpret, func() error { return i.fault })
	i.machine = ptx.NewMachine(ptx.Options{Workers: o.Workers, SharedMemory: i.Properties().SharedMemory})
	for _, m := range modules {
		for _, k := range m.Kernels() {
			if i.kernels[k.Name] != nil {
				return nil, fmt.Errorf("interpreted GPU: two modules have a kernel %s", k.Name)
			}
			i.kernels[k.Name] = k
		}
	}
	return i, nil
}

// Properties are of an imaginary GPU with few multiprocessors.
func (i *Interpreted) Properties() Properties {
	shared := map[int]int{70: 96 << 10, 75: 64 << 10, 86: 99 << 10, 89: 99 << 10, 90: 227 << 10}[i.options.Capability]
	if shared == 0 {
		shared = 163 << 10
	}
	return Properties{
		Name: "ptx", Capability: i.options.Capability, SMs: 8, Memory: i.options.Memory, Free: i.options.Memory - i.used, SharedMemory: shared,
	}
}

// Counts are what the launches of each kernel have done so far.
func (i *Interpreted) Counts() map[string]ptx.Counts { return i.counts }

func (i *Interpreted) Alloc(bytes int64) (Ptr, error) {
	if bytes <= 0 {
		return 0, i.wrong("an allocation of %d bytes", bytes)
	}
	if bytes > i.options.Memory-i.used {
		return 0, i.wrong("%d bytes of %d that are free: %w", bytes, i.options.Memory-i.used, ErrOutOfMemory)
	}
	at, err := i.machine.Alloc(int(bytes), fmt.Sprintf("allocation %d", len(i.sizes)+1))
	if err != nil {
		return 0, i.failed("allocate", err)
	}
	b, err := i.machine.Memory(at, int(bytes))
	if err != nil {
		return 0, i.failed("allocate", err)
	}
	for n := range b {
		b[n] = 0xff
	}
	i.sizes[Ptr(at)] = bytes
	i.used += bytes
	return Ptr(at), nil
}

func (i *Interpreted) Free(p Ptr) error {
	if err := i.machine.Free(uint64(p)); err != nil {
		return i.failed("free", err)
	}
	i.used -= i.sizes[p]
	delete(i.sizes, p)
	return nil
}

func (i *Interpreted) Pinned(bytes int) ([]byte, error) {
	if bytes <= 0 {
		return nil, i.wrong("%d bytes of pinned memory", bytes)
	}
	i.pinned++
	return make([]byte, bytes), nil
}

func (i *Interpreted) FreePinned([]byte) error {
	i.pinned--
	return nil
}

func (i *Interpreted) CopyIn(s Stream, dst Ptr, src []byte) error {
	if err := i.queue(s, "copy"); err != nil {
		return err
	}
	b, err := i.machine.Memory(uint64(dst), len(src))
	copy(b, src)
	return i.failed("copy to the GPU", err)
}

func (i *Interpreted) CopyOut(s Stream, dst []byte, src Ptr) error {
	if err := i.queue(s, "copy"); err != nil {
		return err
	}
	b, err := i.machine.Memory(uint64(src), len(dst))
	copy(dst, b)
	return i.failed("copy from the GPU", err)
}

func (i *Interpreted) Fill(s Stream, dst Ptr, value byte, bytes int64) error {
	if err := i.queue(s, "fill"); err != nil {
		return err
	}
	b, err := i.machine.Memory(uint64(dst), int(bytes))
	for n := range b {
		b[n] = value
	}
	return i.failed("fill", err)
}

// interpret runs a launch.
func (i *Interpreted) interpret(l *Launch) error {
	k := i.kernels[l.Kernel]
	if k == nil {
		return i.wrong("launch: no kernel %s", l.Kernel)
	}
	c, err := i.machine.Launch(k, l.Grid, l.Block, l.Shared, l.Args)
	i.counts[l.Kernel] = i.counts[l.Kernel].Plus(c)
	i.fault = i.failed("launch", err)
	return i.fault
}

// Close says what was not freed.
func (i *Interpreted) Close() error {
	if n := len(i.sizes) + i.pinned + len(i.graphs) + len(i.events); n > 0 {
		return i.wrong("close: %d allocations (%d bytes), %d pinned buffers, %d graphs and %d events were never freed",
			len(i.sizes), i.used, i.pinned, len(i.graphs), len(i.events))
	}
	return nil
}
