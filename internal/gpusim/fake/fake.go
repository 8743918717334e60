// Package fake is a driver that fails where it is told to. Its memory is the host's and its kernels do nothing.
package fake

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"bnas.example/cuda/driver"
	"bnas.example/internal/gpusim/hostqueue"
	"bnas.example/kernels/gpu"
)

// Driver refuses what CUDA refuses (addresses that are not allocated, handles that do not exist), and counts what is not
// freed.
type Driver struct {
	Limit  int64                             // bytes that can be allocated
	Fail   func(call int, name string) error // the error that a call is to fail with
	Calls  []string                          // the calls so far
	Failed string                            // the call that failed last
	Misuse []string                          // what CUDA refuses
	Waits  int                               // how often the host waited for a stream, an event or a copy

	hostqueue.Queue
	memory map[driver.Ptr][]byte
	pinned map[unsafe.Pointer]int
	used   int64
	next   driver.Ptr
	closed bool
}

// ErrInjected is an error to fail with.
var ErrInjected = errors.New("CUDA_ERROR_INJECTED")

// New returns a driver with 1 GiB of memory whose calls fail as fail says; nil: none does.
func New(fail func(call int, name string) error) *Driver {
	d := &Driver{Limit: 1 << 30, Fail: fail, memory: map[driver.Ptr][]byte{}, pinned: map[unsafe.Pointer]int{}, next: 1 << 20}
	d.Queue = hostqueue.New("fake", d.run, func() error { return nil })
	return d
}

// call counts a call and returns the error that it is to fail with.
func (d *Driver) call(name string) error {
	d.Calls = append(d.Calls, name)
	if d.closed {
		d.Misuse = append(d.Misuse, name+" after Close")
	}
	if d.Fail == nil {
		return nil
	}
	if err := d.Fail(len(d.Calls)-1, name); err != nil {
		d.Failed = name
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// misuse notes an error as one of the caller.
func (d *Driver) misuse(err error) error {
	if err != nil {
		d.Misuse = append(d.Misuse, err.Error())
	}
	return err
}

// Used is how many bytes are allocated.
func (d *Driver) Used() int64 { return d.used }

// Leaks lists what was not freed.
func (d *Driver) Leaks() []string {
	var list []string
	for _, l := range []struct {
		what string
		n    int
	}{{"buffers", len(d.memory)}, {"pinned buffers", len(d.pinned)}, {"events", d.Events()}, {"graphs", d.Graphs()}} {
		if l.n > 0 {
			list = append(list, fmt.Sprintf("%d %s", l.n, l.what))
		}
	}
	if !d.closed {
		list = append(list, "the driver itself")
	}
	return list
}

// beside is the driver itself, which goes on when this is closed.
type beside struct{ *Driver }

// Beside returns a driver whose calls are counted with those of this one.
func (d *Driver) Beside() (driver.Driver, error) { return beside{d}, d.call("Beside") }

func (d *Driver) Follow(driver.Driver) error { return d.call("Follow") }

func (b beside) Close() error { return b.call("Close beside") }

// at returns the bytes at an address.
func (d *Driver) at(p driver.Ptr, bytes int64) ([]byte, error) {
	for base, b := range d.memory {
		if base <= p && p+driver.Ptr(bytes) <= base+driver.Ptr(len(b)) {
			return b[p-base:][:bytes], nil
		}
	}
	return nil, d.misuse(d.Errorf("%d bytes at %#x are not allocated", bytes, uint64(p)))
}

func (d *Driver) Properties() driver.Properties {
	return driver.Properties{Name: "fake", Capability: 80, SMs: 108, Memory: 1 << 30, Free: d.Limit - d.used, SharedMemory: 163 << 10}
}

func (d *Driver) Alloc(bytes int64) (driver.Ptr, error) {
	if err := d.call("Alloc"); err != nil {
		return 0, err
	}
	if bytes <= 0 {
		return 0, d.misuse(d.Errorf("an allocation of %d bytes", bytes))
	}
	if d.used+bytes > d.Limit {
		return 0, fmt.Errorf("Alloc of %d bytes: %w", bytes, driver.ErrOutOfMemory)
	}
	p := d.next
	d.next += driver.Ptr(bytes+511)&^255 + 1<<20
	d.used += bytes
	d.memory[p] = make([]byte, bytes)
	return p, nil
}

// Free frees even when it fails, as a lost GPU does.
func (d *Driver) Free(p driver.Ptr) error {
	err := d.call("Free")
	if _, ok := d.memory[p]; !ok {
		return d.misuse(d.Errorf("Free of %#x, which is not allocated", uint64(p)))
	}
	d.used -= int64(len(d.memory[p]))
	delete(d.memory, p)
	return err
}

func (d *Driver) Pinned(bytes int) ([]byte, error) {
	if err := d.call("Pinned"); err != nil {
		return nil, err
	}
	b := make([]byte, bytes)
	d.Pin(b)
	d.pinned[unsafe.Pointer(unsafe.SliceData(b))] = bytes
	return b, nil
}

func (d *Driver) FreePinned(b []byte) error {
	err := d.call("FreePinned")
	p := unsafe.Pointer(unsafe.SliceData(b))
	if d.pinned[p] != len(b) {
		return d.misuse(d.Errorf("FreePinned of what is not pinned"))
	}
	d.Unpin(b)
	delete(d.pinned, p)
	return err
}

// copy does one of the calls that read and write memory.
func (d *Driver) copy(name string, s driver.Stream, p driver.Ptr, bytes int64, f func([]byte)) error {
	if err := d.call(name); err != nil {
		return err
	}
	if err := d.misuse(d.Ready(s, name)); err != nil {
		return err
	}
	b, err := d.at(p, bytes)
	if err == nil {
		f(b)
	}
	return err
}

func (d *Driver) CopyIn(s driver.Stream, dst driver.Ptr, src []byte) error {
	d.pageable(src)
	return d.copy("CopyIn", s, dst, int64(len(src)), func(b []byte) { copy(b, src) })
}

func (d *Driver) CopyOut(s driver.Stream, dst []byte, src driver.Ptr) error {
	d.pageable(dst)
	if err := d.call("CopyOut"); err != nil {
		return err
	}
	return d.misuse(d.Out(s, dst, func(dst []byte) error {
		b, err := d.at(src, int64(len(dst)))
		copy(dst, b)
		return err
	}))
}

// pageable counts a wait for a copy of memory that is not pinned.
func (d *Driver) pageable(host []byte) {
	if !d.IsPinned(host) {
		d.Waits++
	}
}

func (d *Driver) Fill(s driver.Stream, dst driver.Ptr, value byte, bytes int64) error {
	return d.copy("Fill", s, dst, bytes, func(b []byte) {
		for i := range b {
			b[i] = value
		}
	})
}

// Launch refuses a geometry that no GPU has.
func (d *Driver) Launch(s driver.Stream, l *driver.Launch) error {
	if err := d.call("Launch"); err != nil {
		return fmt.Errorf("%v: %w", l, err)
	}
	if l.Kernel == "" || slices.Min(l.Grid[:]) < 1 || slices.Min(l.Block[:]) < 1 || l.Block[0]*l.Block[1]*l.Block[2] > 1024 ||
		max(l.Grid[1], l.Grid[2]) > 65535 || l.Shared > d.Properties().SharedMemory {
		return d.misuse(d.Errorf("launch %v", l))
	}
	return d.misuse(d.Queue.Launch(s, l))
}

// run runs nothing but gradient_norm, which finds every gradient finite.
func (d *Driver) run(_ driver.Stream, l *driver.Launch) error {
	if l.Kernel != "gradient_norm" {
		return nil
	}
	finite := gpu.Norm{Parameter: -1}
	b, err := d.at(driver.Ptr(l.Args[0]), int64(unsafe.Sizeof(finite)))
	if err == nil {
		*(*gpu.Norm)(unsafe.Pointer(unsafe.SliceData(b))) = finite
	}
	return err
}

func (d *Driver) NewEvent() (driver.Event, error) {
	if err := d.call("NewEvent"); err != nil {
		return 0, err
	}
	return d.Queue.NewEvent()
}

// FreeEvent frees even when it fails, and so does FreeGraph.
func (d *Driver) FreeEvent(e driver.Event) error {
	err := d.call("FreeEvent")
	return errors.Join(err, d.misuse(d.Queue.FreeEvent(e)))
}

func (d *Driver) Record(s driver.Stream, e driver.Event) error {
	return errors.Join(d.call("Record"), d.misuse(d.Queue.Record(s, e)))
}

func (d *Driver) Wait(s driver.Stream, e driver.Event) error {
	return errors.Join(d.call("Wait"), d.misuse(d.Queue.Wait(s, e)))
}

func (d *Driver) Reached(e driver.Event) error {
	d.Waits++
	return errors.Join(d.call("Reached"), d.misuse(d.Queue.Reached(e)))
}

func (d *Driver) Sync(s driver.Stream) error {
	d.Waits++
	return errors.Join(d.call("Sync"), d.misuse(d.Queue.Sync(s)))
}

func (d *Driver) Capture(s driver.Stream, record func() error) (driver.Graph, error) {
	if err := d.call("Capture"); err != nil {
		return 0, err
	}
	return d.Queue.Capture(s, record)
}

func (d *Driver) Replay(s driver.Stream, g driver.Graph) error {
	return errors.Join(d.call("Replay"), d.misuse(d.Queue.Replay(s, g)))
}

func (d *Driver) FreeGraph(g driver.Graph) error {
	err := d.call("FreeGraph")
	return errors.Join(err, d.misuse(d.Queue.FreeGraph(g)))
}

// Close frees the graphs, as the real driver does.
func (d *Driver) Close() error {
	err := d.call("Close")
	d.closed = true
	d.Clear()
	return err
}
