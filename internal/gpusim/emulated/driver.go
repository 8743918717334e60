//go:build cgo && linux && gpusim

package emulated

import (
	"errors"
	"fmt"
	"sync"

	"bnas.example/cuda/driver"
	"bnas.example/internal/gpusim/hostkernels"
	"bnas.example/internal/gpusim/hostqueue"
	"bnas.example/internal/gpusim/machine"
)

// Driver is the emulated GPU. Its streams run at once.
type Driver struct {
	hostqueue.Queue
	*shared
	beside bool
}

// shared is what the drivers of a GPU share.
type shared struct {
	mu      sync.Mutex // of the machine
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
	return newDriver(&shared{machine: m, memory: o.Memory}), nil
}

func newDriver(s *shared) *Driver {
	run := func(_ driver.Stream, l *driver.Launch) error {
		return s.locked(func() error { return s.machine.Launch(l.Kernel, l.Grid, l.Block, l.Shared, l.Args) })
	}
	return &Driver{Queue: hostqueue.New("emulated GPU", run, func() error { return s.locked(s.machine.Err) }), shared: s}
}

// Beside returns a driver with a queue of its own.
func (d *Driver) Beside() (driver.Driver, error) {
	beside := newDriver(d.shared)
	beside.beside = true
	return beside, nil
}

// Follow has nothing to do: streams run at once.
func (d *Driver) Follow(other driver.Driver) error {
	if o, ok := other.(*Driver); !ok || o.shared != d.shared {
		return errors.New("emulated GPU: follow: the driver is of another GPU")
	}
	return nil
}

// locked calls f while no other driver uses the machine.
func (s *shared) locked(f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := f(); err != nil {
		return fmt.Errorf("emulated GPU: %w", err)
	}
	return nil
}

// Traffic returns what each launch since the last call moved, where Options.Count is set.
func (d *Driver) Traffic() []machine.Traffic { return d.machine.Traffic() }

// Properties are of an imaginary GPU with few multiprocessors.
func (d *Driver) Properties() driver.Properties {
	d.mu.Lock()
	defer d.mu.Unlock()
	return driver.Properties{
		Name: "emulated", Capability: 80, SMs: 8, Memory: d.memory, Free: d.memory - d.machine.Used(), SharedMemory: machine.MaxShared,
	}
}

func (d *Driver) Alloc(bytes int64) (p driver.Ptr, err error) {
	err = d.locked(func() error {
		at, err := d.machine.Alloc(bytes)
		if p = driver.Ptr(at); errors.Is(err, machine.ErrNoMemory) {
			err = driver.OutOfMemory(fmt.Errorf("%w: %w", driver.ErrOutOfMemory, err))
		}
		return err
	})
	return p, err
}

func (d *Driver) Free(p driver.Ptr) error {
	return d.locked(func() error { return d.machine.Free(uint64(p)) })
}

func (d *Driver) Pinned(bytes int) (b []byte, err error) {
	err = d.locked(func() error {
		if b, err = d.machine.Pinned(bytes); errors.Is(err, machine.ErrNoMemory) {
			err = driver.OutOfHostMemory(err)
		}
		return err
	})
	if err == nil {
		d.Pin(b)
	}
	return b, err
}

func (d *Driver) FreePinned(b []byte) error {
	d.Unpin(b)
	return d.locked(func() error { return d.machine.FreePinned(b) })
}

func (d *Driver) CopyIn(s driver.Stream, dst driver.Ptr, src []byte) error {
	if err := d.Ready(s, "copy"); err != nil {
		return err
	}
	return d.locked(func() error { return d.machine.CopyIn(uint64(dst), src) })
}

func (d *Driver) CopyOut(s driver.Stream, dst []byte, src driver.Ptr) error {
	return d.Out(s, dst, func(dst []byte) error { return d.locked(func() error { return d.machine.CopyOut(dst, uint64(src)) }) })
}

func (d *Driver) Fill(s driver.Stream, dst driver.Ptr, value byte, bytes int64) error {
	if err := d.Ready(s, "fill"); err != nil {
		return err
	}
	return d.locked(func() error { return d.machine.Fill(uint64(dst), value, bytes) })
}

// Close says what was not freed.
func (d *Driver) Close() (err error) {
	if !d.beside {
		err = d.locked(d.machine.Close)
	}
	if n := d.Graphs() + d.Events(); n > 0 {
		err = errors.Join(err, fmt.Errorf("emulated GPU: close: %d graphs and events were never freed", n))
	}
	return err
}
