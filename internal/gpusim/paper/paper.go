// Package paper is a driver without a GPU, memory or results. It counts what is allocated; launches do nothing.
package paper

import (
	"unsafe"

	"bnas.example/cuda/driver"
	"bnas.example/kernels/gpu"
)

// Driver is the GPU on paper.
type Driver struct {
	next driver.Ptr
	size map[driver.Ptr]int64
	used int64
	peak int64
	norm driver.Ptr // where the last launch of gradient_norm writes
}

// New returns a GPU with more memory than anybody has.
func New() *Driver { return &Driver{next: 1 << 20, size: map[driver.Ptr]int64{}} }

// Used is how many bytes are allocated.
func (p *Driver) Used() int64 { return p.used }

// Peak is the most bytes that were allocated at a time.
func (p *Driver) Peak() int64 { return p.peak }

func (p *Driver) Properties() driver.Properties {
	return driver.Properties{Name: "paper", Capability: 90, Memory: 1 << 50, Free: 1 << 50, SharedMemory: 227 << 10}
}

func (p *Driver) Alloc(bytes int64) (driver.Ptr, error) {
	at := p.next
	p.next += driver.Ptr((bytes + 255) &^ 255)
	p.size[at] = bytes
	p.used += bytes
	p.peak = max(p.peak, p.used)
	return at, nil
}

func (p *Driver) Free(at driver.Ptr) error {
	p.used -= p.size[at]
	delete(p.size, at)
	return nil
}

func (p *Driver) Pinned(bytes int) ([]byte, error)                              { return make([]byte, bytes), nil }
func (p *Driver) FreePinned([]byte) error                                       { return nil }
func (p *Driver) CopyIn(driver.Stream, driver.Ptr, []byte) error                { return nil }
func (p *Driver) Fill(driver.Stream, driver.Ptr, byte, int64) error             { return nil }
func (p *Driver) NewEvent() (driver.Event, error)                               { return 1, nil }
func (p *Driver) FreeEvent(driver.Event) error                                  { return nil }
func (p *Driver) Record(driver.Stream, driver.Event) error                      { return nil }
func (p *Driver) Wait(driver.Stream, driver.Event) error                        { return nil }
func (p *Driver) Reached(driver.Event) error                                    { return nil }
func (p *Driver) Sync(driver.Stream) error                                      { return nil }
func (p *Driver) Capture(_ driver.Stream, f func() error) (driver.Graph, error) { return 1, f() }
func (p *Driver) Replay(driver.Stream, driver.Graph) error                      { return nil }
func (p *Driver) FreeGraph(driver.Graph) error                                  { return nil }
func (p *Driver) Close() error                                                  { return nil }

// Launch does nothing.
func (p *Driver) Launch(_ driver.Stream, l *driver.Launch) error {
	if l.Kernel == "gradient_norm" {
		p.norm = driver.Ptr(l.Args[0])
	}
	return nil
}

// CopyOut copies the norm of gradients that are all finite, where gradient_norm writes one, and otherwise nothing.
func (p *Driver) CopyOut(_ driver.Stream, dst []byte, src driver.Ptr) error {
	if src == p.norm {
		finite := gpu.Norm{Parameter: -1}
		copy(dst, unsafe.Slice((*byte)(unsafe.Pointer(&finite)), unsafe.Sizeof(finite)))
	}
	return nil
}
