//go:build cgo && linux && gpusim

package emulated

import (
	"errors"
	"fmt"

	"bnas.example/cuda/driver"
	"bnas.example/internal/gpusim/hostkernels"
	"bnas.example/internal/gpusim/hostqueue"
	"bnas.example/internal/gpusim/machine"
)

// Driver is the emulated GPU. Its streams run at once.
type Driver struct {
	hostqueue.Queue
	machine *machine.Machine
	memory  int64
}

// New returns a GPU of compute capability 8.0 with o.Memory bytes (4 GiB if that is 0).
func New(o Options) (*Driver, error) {
	if o.Memory == 0 {
		o.Memory = 4 << 30
	}
	m, err := hostkernels.NewMachine(o)
	if err != nil {
		return nil, err
	}
	run := func(l *driver.Launch) error { return wrap(m.Launch(l.Kernel, l.Grid, l.Block, l.Shared, l.Args)) }
	queue := hostqueue.New("emulated GPU", run, func() error { return wrap(m.Err()) })
	return &Driver{Queue: queue, machine: m, memory: o.Memory}, nil
}

func wrap(err error) error {
	if err != nil {
		return fmt.Errorf("emulated GPU: %w", err)
	}
	return nil
}

// Traffic returns what each launch since the last call moved, where Options.Count is set.
func (d *Driver) Traffic() []machine.Traffic { return d.machine.Traffic() }

// Properties are of an imaginary GPU with few multiprocessors.
func (d *Driver) Properties() driver.Properties {
	return driver.Properties{
		Name: "emulated", Capability: 80, SMs: 8, Memory: d.memory, Free: d.memory - d.machine.Used(), SharedMemory: machine.MaxShared,
	}
}

func (d *Driver) Alloc(bytes int64) (driver.Ptr, error) {
	p, err := d.machine.Alloc(bytes)
	return driver.Ptr(p), wrap(err)
}

func (d *Driver) Free(p driver.Ptr) error { return wrap(d.machine.Free(uint64(p))) }

func (d *Driver) Pinned(bytes int) ([]byte, error) {
	b, err := d.machine.Pinned(bytes)
	if err == nil {
		d.Pin(b)
	}
	return b, wrap(err)
}

func (d *Driver) FreePinned(b []byte) error {
	d.Unpin(b)
	return wrap(d.machine.FreePinned(b))
}

func (d *Driver) CopyIn(s driver.Stream, dst driver.Ptr, src []byte) error {
	if err := d.Ready(s, "copy"); err != nil {
		return err
	}
	return wrap(d.machine.CopyIn(uint64(dst), src))
}

func (d *Driver) CopyOut(s driver.Stream, dst []byte, src driver.Ptr) error {
	return d.Out(s, dst, func(dst []byte) error { return wrap(d.machine.CopyOut(dst, uint64(src))) })
}

func (d *Driver) Fill(s driver.Stream, dst driver.Ptr, value byte, bytes int64) error {
	if err := d.Ready(s, "fill"); err != nil {
		return err
	}
	return wrap(d.machine.Fill(uint64(dst), value, bytes))
}

// Close says what was not freed.
func (d *Driver) Close() error {
	err := wrap(d.machine.Close())
	if n := d.Graphs() + d.Events(); n > 0 {
		err = errors.Join(err, fmt.Errorf("emulated GPU: close: %d graphs and events were never freed", n))
	}
	return err
}
