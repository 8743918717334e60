// Package interpreted is a GPU as a driver that runs compiled kernels, PTX, on the host.
package interpreted

import (
	"fmt"

	"bnas.example/cuda/driver"
	"bnas.example/internal/gpusim/hostqueue"
	"bnas.example/internal/gpusim/ptx"
)

// Options are the properties of the GPU.
type Options struct {
	Capability int   // 10·major + minor; 0 is 80
	Memory     int64 // bytes; 0 is 4 GiB
	Workers    int   // blocks that run at a time; 0 is one for each processor

	// Launch, if it is set, is called in the place of each launch, and new memory holds zeros. The kernel is nil if no module
	// has it.
	Launch func(*ptx.Machine, *ptx.Kernel, *driver.Launch) error
}

// Driver is the interpreted GPU. Its streams run at once. New memory holds NaN. After a fault in a kernel every call
// fails but those that free.
type Driver struct {
	hostqueue.Queue
	options Options
	machine *ptx.Machine
	kernels map[string]*ptx.Kernel
	sizes   map[driver.Ptr]int64
	used    int64
	pinned  int
	counts  map[string]ptx.Counts
	fault   error // of the first launch that failed
}

// New returns a GPU that has the kernels of the modules. A kernel that two modules have is an error.
func New(o Options, modules ...*ptx.Module) (*Driver, error) {
	if o.Capability == 0 {
		o.Capability = 80
	}
	if o.Memory == 0 {
		o.Memory = 4 << 30
	}
	d := &Driver{
		options: o, kernels: map[string]*ptx.Kernel{}, sizes: map[driver.Ptr]int64{},
		counts: map[string]ptx.Counts{},
	}
	d.Queue = hostqueue.New("interpreted GPU", d.interpret, func() error { return d.fault })
	d.machine = ptx.NewMachine(ptx.Options{Workers: o.Workers, SharedMemory: d.Properties().SharedMemory})
	for _, m := range modules {
		for _, k := range m.Kernels() {
			if d.kernels[k.Name] != nil {
				return nil, fmt.Errorf("interpreted GPU: two modules have a kernel %s", k.Name)
			}
			d.kernels[k.Name] = k
		}
	}
	return d, nil
}

// Properties are of an imaginary GPU with few multiprocessors.
func (d *Driver) Properties() driver.Properties {
	shared := map[int]int{70: 96 << 10, 75: 64 << 10, 86: 99 << 10, 89: 99 << 10, 90: 227 << 10}[d.options.Capability]
	if shared == 0 {
		shared = 163 << 10
	}
	return driver.Properties{
		Name: "ptx", Capability: d.options.Capability, SMs: 8, Memory: d.options.Memory, Free: d.options.Memory - d.used, SharedMemory: shared,
	}
}

// Counts are what the launches of each kernel have done so far.
func (d *Driver) Counts() map[string]ptx.Counts { return d.counts }

func (d *Driver) Alloc(bytes int64) (driver.Ptr, error) {
	if bytes <= 0 {
		return 0, d.Errorf("an allocation of %d bytes", bytes)
	}
	if bytes > d.options.Memory-d.used {
		return 0, d.Errorf("%d bytes of %d that are free: %w", bytes, d.options.Memory-d.used, driver.ErrOutOfMemory)
	}
	at, err := d.machine.Alloc(int(bytes), fmt.Sprintf("allocation %d", len(d.sizes)+1))
	if err != nil {
		return 0, d.Failed("allocate", err)
	}
	b, err := d.machine.Memory(at, int(bytes))
	if err != nil {
		return 0, d.Failed("allocate", err)
	}
	if d.options.Launch == nil {
		for n := range b {
			b[n] = 0xff
		}
	}
	d.sizes[driver.Ptr(at)] = bytes
	d.used += bytes
	return driver.Ptr(at), nil
}

func (d *Driver) Free(p driver.Ptr) error {
	if err := d.machine.Free(uint64(p)); err != nil {
		return d.Failed("free", err)
	}
	d.used -= d.sizes[p]
	delete(d.sizes, p)
	return nil
}

func (d *Driver) Pinned(bytes int) ([]byte, error) {
	if bytes <= 0 {
		return nil, d.Errorf("%d bytes of pinned memory", bytes)
	}
	d.pinned++
	b := make([]byte, bytes)
	d.Pin(b)
	return b, nil
}

func (d *Driver) FreePinned(b []byte) error {
	d.Unpin(b)
	d.pinned--
	return nil
}

func (d *Driver) CopyIn(s driver.Stream, dst driver.Ptr, src []byte) error {
	if err := d.Ready(s, "copy"); err != nil {
		return err
	}
	b, err := d.machine.Memory(uint64(dst), len(src))
	copy(b, src)
	return d.Failed("copy to the GPU", err)
}

func (d *Driver) CopyOut(s driver.Stream, dst []byte, src driver.Ptr) error {
	return d.Out(s, dst, func(dst []byte) error {
		b, err := d.machine.Memory(uint64(src), len(dst))
		copy(dst, b)
		return d.Failed("copy from the GPU", err)
	})
}

func (d *Driver) Fill(s driver.Stream, dst driver.Ptr, value byte, bytes int64) error {
	if err := d.Ready(s, "fill"); err != nil {
		return err
	}
	b, err := d.machine.Memory(uint64(dst), int(bytes))
	for n := range b {
		b[n] = value
	}
	return d.Failed("fill", err)
}

// interpret runs a launch.
func (d *Driver) interpret(_ driver.Stream, l *driver.Launch) error {
	k := d.kernels[l.Kernel]
	if d.options.Launch != nil {
		d.fault = d.Failed("launch", d.options.Launch(d.machine, k, l))
		return d.fault
	}
	if k == nil {
		return d.Errorf("launch: no kernel %s", l.Kernel)
	}
	c, err := d.machine.Launch(k, l.Grid, l.Block, l.Shared, l.Args)
	d.counts[l.Kernel] = d.counts[l.Kernel].Plus(c)
	d.fault = d.Failed("launch", err)
	return d.fault
}

// Close says what was not freed.
func (d *Driver) Close() error {
	if n := len(d.sizes) + d.pinned + d.Graphs() + d.Events(); n > 0 {
		return d.Errorf("close: %d allocations (%d bytes), %d pinned buffers, %d graphs and %d events were never freed",
			len(d.sizes), d.used, d.pinned, d.Graphs(), d.Events())
	}
	return nil
}
