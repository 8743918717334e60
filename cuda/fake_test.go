package cuda

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unsafe"
)

// fake is a driver whose memory is the host's and whose kernels do nothing. It refuses what CUDA would (addresses that
// are not allocated, things that are not there), counts what is not given back, and fails where it is told to.
type fake struct {
	limit  int64 // bytes that can be allocated
	fail   func(call int, name string) error
	calls  []string
	failed string // the call that was made to fail
	misuse []string

	memory map[Ptr][]byte
	pinned map[unsafe.Pointer]int
	events map[Event]bool
	graphs map[Graph]bool
	used   int64
	next   uint64
	closed bool
}

var errInjected = errors.New("CUDA_ERROR_INJECTED")

func newFake(fail func(call int, name string) error) *fake {
	return &fake{
		limit: 1 << 30, fail: fail, memory: map[Ptr][]byte{}, pinned: map[unsafe.Pointer]int{}, events: map[Event]bool{}, graphs: map[Graph]bool{},
	}
}

// call counts a call and returns the error that it is to fail with.
func (f *fake) call(name string) error {
	f.calls = append(f.calls, name)
	if f.closed {
		f.misuse = append(f.misuse, name+" after Close")
	}
	if f.fail == nil {
		return nil
	}
	if err := f.fail(len(f.calls)-1, name); err != nil {
		f.failed = name
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// leaks lists what was not given back.
func (f *fake) leaks() []string {
	var list []string
	for what, n := range map[string]int{"buffers": len(f.memory), "pinned buffers": len(f.pinned), "events": len(f.events), "graphs": len(f.graphs)} {
		if n > 0 {
			list = append(list, fmt.Sprintf("%d %s", n, what))
		}
	}
	if !f.closed {
		list = append(list, "the driver itself")
	}
	return list
}

func (f *fake) wrong(format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	f.misuse = append(f.misuse, text)
	return errors.New(text)
}

// at returns the bytes at an address.
func (f *fake) at(p Ptr, bytes int64) ([]byte, error) {
	for base, b := range f.memory {
		if base <= p && p+Ptr(bytes) <= base+Ptr(len(b)) {
			return b[p-base:][:bytes], nil
		}
	}
	return nil, f.wrong("%d bytes at %#x are not allocated", bytes, uint64(p))
}

func (f *fake) Properties() Properties {
	return Properties{Name: "fake", Capability: 80, SMs: 108, Memory: 1 << 30, Free: f.limit - f.used, SharedMemory: 163 << 10}
}

func (f *fake) Alloc(bytes int64) (Ptr, error) {
	if err := f.call("Alloc"); err != nil {
		return 0, err
	}
	if bytes <= 0 {
		return 0, f.wrong("an allocation of %d bytes", bytes)
	}
	if f.used+bytes > f.limit {
		return 0, fmt.Errorf("Alloc of %d bytes: %w", bytes, ErrOutOfMemory)
	}
	f.used += bytes
	f.next += uint64(bytes+511)&^255 + 1<<20
	p := Ptr(f.next - uint64(bytes+511)&^255)
	p = p &^ 255
	f.memory[p] = make([]byte, bytes)
	return p, nil
}

// Free gives back even when it fails, as a lost GPU does.
func (f *fake) Free(p Ptr) error {
	err := f.call("Free")
	if _, ok := f.memory[p]; !ok {
		return f.wrong("Free of %#x, which is not allocated", uint64(p))
	}
	f.used -= int64(len(f.memory[p]))
	delete(f.memory, p)
	return err
}

func (f *fake) Pinned(bytes int) ([]byte, error) {
	if err := f.call("Pinned"); err != nil {
		return nil, err
	}
	b := make([]byte, bytes)
	f.pinned[unsafe.Pointer(unsafe.SliceData(b))] = bytes
	return b, nil
}

func (f *fake) FreePinned(b []byte) error {
	err := f.call("FreePinned")
	p := unsafe.Pointer(unsafe.SliceData(b))
	if f.pinned[p] != len(b) {
		return f.wrong("FreePinned of what is not pinned")
	}
	delete(f.pinned, p)
	return err
}

func (f *fake) CopyIn(s Stream, dst Ptr, src []byte) error {
	if err := f.call("CopyIn"); err != nil {
		return err
	}
	b, err := f.at(dst, int64(len(src)))
	copy(b, src)
	return err
}

func (f *fake) CopyOut(s Stream, dst []byte, src Ptr) error {
	if err := f.call("CopyOut"); err != nil {
		return err
	}
	b, err := f.at(src, int64(len(dst)))
	copy(dst, b)
	return err
}

func (f *fake) Fill(s Stream, dst Ptr, value byte, bytes int64) error {
	if err := f.call("Fill"); err != nil {
		return err
	}
	b, err := f.at(dst, bytes)
	for i := range b {
		b[i] = value
	}
	return err
}

// Launch runs nothing but the norm of the gradients, which it finds finite.
func (f *fake) Launch(s Stream, l *Launch) error {
	if err := f.call("Launch"); err != nil {
		return fmt.Errorf("%v: %w", l, err)
	}
	if l.Kernel == "" || min(l.Grid[0], l.Grid[1], l.Grid[2]) < 1 || min(l.Block[0], l.Block[1], l.Block[2]) < 1 ||
		l.Block[0]*l.Block[1]*l.Block[2] > 1024 || l.Grid[1] > 65535 || l.Grid[2] > 65535 || l.Shared > f.Properties().SharedMemory {
		return f.wrong("launch %v", l)
	}
	if l.Kernel == "gradient_norm" {
		b, err := f.at(Ptr(l.Args[0]), 24)
		if err == nil {
			binary.LittleEndian.PutUint64(b[8:], math.Float64bits(-1))
		}
		return err
	}
	return nil
}

func (f *fake) NewEvent() (Event, error) {
	if err := f.call("NewEvent"); err != nil {
		return 0, err
	}
	f.next++
	f.events[Event(f.next)] = true
	return Event(f.next), nil
}

func (f *fake) FreeEvent(e Event) error {
	err := f.call("FreeEvent")
	if !f.events[e] {
		return f.wrong("FreeEvent of %d", e)
	}
	delete(f.events, e)
	return err
}

func (f *fake) onEvent(name string, e Event) error {
	if !f.events[e] {
		return f.wrong("%s of event %d", name, e)
	}
	return f.call(name)
}

func (f *fake) Record(s Stream, e Event) error { return f.onEvent("Record", e) }
func (f *fake) Wait(s Stream, e Event) error   { return f.onEvent("Wait", e) }
func (f *fake) Reached(e Event) error          { return f.onEvent("Reached", e) }
func (f *fake) Sync(s Stream) error            { return f.call("Sync") }

func (f *fake) Capture(s Stream, record func() error) (Graph, error) {
	err := f.call("Capture")
	if err = errors.Join(err, record()); err != nil {
		return 0, err
	}
	f.next++
	f.graphs[Graph(f.next)] = true
	return Graph(f.next), nil
}

func (f *fake) Replay(s Stream, g Graph) error {
	if !f.graphs[g] {
		return f.wrong("Replay of graph %d", g)
	}
	return f.call("Replay")
}

func (f *fake) FreeGraph(g Graph) error {
	err := f.call("FreeGraph")
	if !f.graphs[g] {
		return f.wrong("FreeGraph of %d", g)
	}
	delete(f.graphs, g)
	return err
}

// Close gives back graphs, as the real one does.
func (f *fake) Close() error {
	err := f.call("Close")
	f.closed = true
	clear(f.graphs)
	return err
}
