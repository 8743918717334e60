package cuda

import (
	"errors"
	"fmt"
	"slices"

	"bnas/kernels/gpu"
)

// EmulatorOptions are the threads, checks, order and memory of the emulated GPU.
type EmulatorOptions = gpu.Options

// Emulated is a Driver over the emulated GPU. Its streams run at once.
type Emulated struct {
	gpu    *gpu.Emulator
	memory int64
	graphs map[Graph][]Launch
	events map[Event]bool
	last   uint64 // handle
	record *[]Launch
	onto   Stream // of the recording
}

// NewEmulated returns a GPU of compute capability 8.0 with o.Memory bytes (4 GiB if that is 0). Without cgo the error
// wraps kernels.ErrUnsupported.
func NewEmulated(o EmulatorOptions) (*Emulated, error) {
	if o.Memory == 0 {
		o.Memory = 4 << 30
	}
	g, err := gpu.NewEmulator(o)
	if err != nil {
		return nil, err
	}
	return &Emulated{gpu: g, memory: o.Memory, graphs: map[Graph][]Launch{}, events: map[Event]bool{}}, nil
}

// Traffic returns what each launch since the last call moved, where EmulatorOptions.Count is set.
func (e *Emulated) Traffic() []gpu.Traffic { return e.gpu.Traffic() }

// Properties are of an imaginary GPU with few multiprocessors.
func (e *Emulated) Properties() Properties {
	return Properties{Name: "emulated", Capability: 80, SMs: 8, Memory: e.memory, Free: e.memory - e.gpu.Used(), SharedMemory: gpu.MaxShared}
}

func (e *Emulated) Alloc(bytes int64) (Ptr, error) {
	p, err := e.gpu.Alloc(bytes)
	return Ptr(p), wrap(err)
}

func (e *Emulated) Free(p Ptr) error { return wrap(e.gpu.Free(uint64(p))) }

func (e *Emulated) Pinned(bytes int) ([]byte, error) {
	b, err := e.gpu.Pinned(bytes)
	return b, wrap(err)
}

func (e *Emulated) FreePinned(b []byte) error { return wrap(e.gpu.FreePinned(b)) }

func wrap(err error) error {
	if err != nil {
		return fmt.Errorf("emulated GPU: %w", err)
	}
	return nil
}

// queue refuses streams that there are not, and what a recording cannot hold.
func (e *Emulated) queue(s Stream, what string) error {
	if s < 0 || s >= streams {
		return fmt.Errorf("emulated GPU: %s: no stream %d", what, s)
	}
	if e.record != nil && s == e.onto {
		return fmt.Errorf("emulated GPU: %s: the stream is being captured", what)
	}
	return nil
}

func (e *Emulated) CopyIn(s Stream, dst Ptr, src []byte) error {
	if err := e.queue(s, "copy"); err != nil {
		return err
	}
	return wrap(e.gpu.CopyIn(uint64(dst), src))
}

func (e *Emulated) CopyOut(s Stream, dst []byte, src Ptr) error {
	if err := e.queue(s, "copy"); err != nil {
		return err
	}
	return wrap(e.gpu.CopyOut(dst, uint64(src)))
}

func (e *Emulated) Fill(s Stream, dst Ptr, value byte, bytes int64) error {
	if err := e.queue(s, "fill"); err != nil {
		return err
	}
	return wrap(e.gpu.Fill(uint64(dst), value, bytes))
}

func (e *Emulated) Launch(s Stream, l *Launch) error {
	if e.record != nil && s == e.onto {
		c := *l
		c.Args = slices.Clone(l.Args)
		*e.record = append(*e.record, c)
		return nil
	}
	if err := e.queue(s, "launch "+l.Kernel); err != nil {
		return err
	}
	return wrap(e.gpu.Launch(l.Kernel, l.Grid, l.Block, l.Shared, l.Args))
}

func (e *Emulated) NewEvent() (Event, error) {
	e.last++
	e.events[Event(e.last)] = true
	return Event(e.last), nil
}

func (e *Emulated) FreeEvent(ev Event) error {
	if err := e.known(ev, "free"); err != nil {
		return err
	}
	delete(e.events, ev)
	return nil
}

func (e *Emulated) known(ev Event, what string) error {
	if !e.events[ev] {
		return fmt.Errorf("emulated GPU: %s: no event %d", what, ev)
	}
	return wrap(e.gpu.Err())
}

func (e *Emulated) Record(s Stream, ev Event) error {
	return errors.Join(e.queue(s, "record an event"), e.known(ev, "record"))
}

func (e *Emulated) Wait(s Stream, ev Event) error {
	return errors.Join(e.queue(s, "wait for an event"), e.known(ev, "wait"))
}

func (e *Emulated) Reached(ev Event) error { return e.known(ev, "reach") }

func (e *Emulated) Sync(s Stream) error {
	if err := e.queue(s, "synchronise"); err != nil {
		return err
	}
	return wrap(e.gpu.Err())
}

func (e *Emulated) Capture(s Stream, f func() error) (Graph, error) {
	if err := e.queue(s, "capture"); err != nil {
		return 0, err
	}
	if e.record != nil {
		return 0, errors.New("emulated GPU: capture: another stream is being captured")
	}
	var launches []Launch
	e.record, e.onto = &launches, s
	err := f()
	e.record = nil
	if err != nil {
		return 0, err
	}
	e.last++
	e.graphs[Graph(e.last)] = launches
	return Graph(e.last), nil
}

func (e *Emulated) Replay(s Stream, g Graph) error {
	launches, ok := e.graphs[g]
	if !ok {
		return fmt.Errorf("emulated GPU: replay: no graph %d", g)
	}
	if err := e.queue(s, "replay"); err != nil {
		return err
	}
	for i := range launches {
		if err := e.Launch(s, &launches[i]); err != nil {
			return err
		}
	}
	return nil
}

func (e *Emulated) FreeGraph(g Graph) error {
	if _, ok := e.graphs[g]; !ok {
		return fmt.Errorf("emulated GPU: free: no graph %d", g)
	}
	delete(e.graphs, g)
	return nil
}

// Close says what was not freed.
func (e *Emulated) Close() error {
	err := wrap(e.gpu.Close())
	if n := len(e.graphs) + len(e.events); n > 0 {
		err = errors.Join(err, fmt.Errorf("emulated GPU: close: %d graphs and events were never freed", n))
	}
	e.graphs, e.events = nil, nil
	return err
}
