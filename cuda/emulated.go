package cuda

import (
	"errors"
	"fmt"

	"bnas.example/kernels/gpu"
)

// EmulatorOptions are the threads, checks, order and memory of the emulated GPU.
type EmulatorOptions = gpu.Options

// Emulated is a Driver over the emulated GPU. Its streams run at once.
type Emulated struct {
	hostQueue
	gpu    *gpu.Emulator
	memory int64
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
	run := func(l *Launch) error { return wrap(g.Launch(l.Kernel, l.Grid, l.Block, l.Shared, l.Args)) }
	return &Emulated{hostQueue: newHostQueue("emulated GPU", run, func() error { return wrap(g.Err()) }), gpu: g, memory: o.Memory}, nil
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

// Close says what was not freed.
func (e *Emulated) Close() error {
	err := wrap(e.gpu.Close())
	if n := len(e.graphs) + len(e.events); n > 0 {
		err = errors.Join(err, fmt.Errorf("emulated GPU: close: %d graphs and events were never freed", n))
	}
	e.graphs, e.events = nil, nil
	return err
}
