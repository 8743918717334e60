//go:build cgo

package cpu

// #include <stdlib.h>
// #include "entry.h"
import "C"

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"bnas.example/internal/amount"
	"bnas.example/kernels"
)

// device is a kernels.Backend. It runs one Exec at a time on a pool of threads. saved is the memory that lives from a
// Forward to the next, moving holds the gradients of a backward pass, scratch is the memory of each thread within a step.
type device struct {
	isa      *C.struct_isa
	threads  int
	numerics Numerics
	pool     *C.struct_pool
	saved    memory
	moving   memory
	scratch  memory
	profiles *C.struct_profile // of each thread; nil: nothing is measured
	poison   bool              // see poisoned
}

// New starts a device with the given number of threads, including the calling thread. It returns an error if ISAVariable
// names an instruction set that the processor does not have.
func New(threads int, n Numerics) (kernels.Device, error) {
	d, err := newDevice(threads, n)
	if err != nil {
		return nil, err
	}
	return kernels.Guard("cpu", d), nil
}

// newDevice starts a device with the instruction set of the environment.
func newDevice(threads int, n Numerics) (*device, error) {
	isa, err := chooseISA()
	if err != nil {
		return nil, err
	}
	return startDevice(isa, threads, n)
}

func startDevice(isa *C.struct_isa, threads int, n Numerics) (*device, error) {
	if !slices.Contains(AllNumerics, n) {
		return nil, fmt.Errorf("cpu: numerics %q: there is %q", n, AllNumerics)
	}
	if threads < 1 || threads > 1024 {
		return nil, fmt.Errorf("cpu: %d threads, must be 1…1024", threads)
	}
	d := &device{isa: isa, threads: threads, numerics: n, pool: C.pool_new(C.int(threads))}
	if d.pool == nil {
		return nil, fmt.Errorf("cpu: cannot start %d threads", threads)
	}
	return d, nil
}

// poisoned makes the device fill memory with NaN before use, and check the gaps between buffers: for tests.
func (d *device) poisoned() {
	d.poison, d.saved.exact, d.moving.exact, d.scratch.exact = true, true, true, true
}

func (d *device) Info() kernels.Info {
	name := C.GoString(d.isa.name)
	if d.numerics == Fast {
		name += ", fast"
	}
	return kernels.Info{Name: "cpu", Detail: name + ", " + amount.Of(d.threads, "thread"), Threads: d.threads, Arithmetic: name}
}

func (d *device) NewStore(params []kernels.Param) (kernels.Store, error) {
	s := newStore(params)
	s.Threads = d.threads
	if d.poison {
		s.packs.slab = 0 // each pack is a block of its own: the sanitizer sees what is read beside it
	}
	return s, nil
}

// Beside starts a device of the same kind, with the same instruction set.
func (d *device) Beside(threads int) (kernels.Backend, error) {
	beside, err := startDevice(d.isa, threads, d.numerics)
	if err != nil {
		return nil, err
	}
	if d.poison {
		beside.poisoned()
	}
	return beside, nil
}

// Twin copies the parameters and shares the packs.
func (d *device) Twin(s kernels.Store) (kernels.Store, error) {
	of, ok := s.(*store)
	if !ok {
		return nil, errors.New("the store is not one of a CPU engine")
	}
	twin := of.twin()
	twin.Threads = d.threads
	return twin, nil
}

// Share lets s have the packs of another store: equal weights are packed once.
func (d *device) Share(s, with kernels.Store) error {
	own, ok := s.(*store)
	other, also := with.(*store)
	if !ok || !also {
		return errors.New("a store is not one of a CPU engine")
	}
	switch {
	case own.packs == other.packs:
		return nil
	case own.packs.used():
		return errors.New("the store is in use already: it has packed weights, or a twin")
	}
	own.share(other)
	return nil
}

// Close stops the threads and frees the memory.
func (d *device) Close() error {
	C.pool_free(d.pool)
	d.saved.free()
	d.moving.free()
	d.scratch.free()
	C.free(unsafe.Pointer(d.profiles))
	return nil
}

func (d *device) Compile(p *kernels.Program, s kernels.Store, n int) (kernels.Exec, error) {
	if err := checkSize(p, n); err != nil {
		return nil, err
	}
	return newExec(d, p, s.(*store), n), nil
}

// maxPixels is the most pixels of a map with its border. The engine's ints hold 15 times as many.
const maxPixels = 1 << 27

// checkSize returns an error if a size does not fit the engine's integers: more images than 2²⁴, a batch of more than 2⁴⁰ elements, or
// a map of more than maxPixels.
func checkSize(p *kernels.Program, n int) error {
	total := 0
	for _, v := range p.Values {
		total += floats(v.Shape)
	}
	if n > 1<<24 || total > 1<<40/n {
		return fmt.Errorf("a batch of %d images, %d elements each: %w", n, total, kernels.ErrUnsupported)
	}
	for _, v := range p.Values {
		if !fits(v.H, v.W) {
			return fmt.Errorf("value %s of %v: %w", v.Name, v.Shape, kernels.ErrUnsupported)
		}
	}
	for i, node := range p.Nodes {
		if !fits(node.H, node.W) {
			return fmt.Errorf("node %d (%s) of %v: %w", i, node.Name, node.Shape, kernels.ErrUnsupported)
		}
	}
	for i := range p.Steps {
		if s := &p.Steps[i]; !fitsWindow(p, s) {
			return fmt.Errorf("step %d (%s): window %v on %v: %w", i, s.Name, s.Window, p.Nodes[s.In[0]].Shape, kernels.ErrUnsupported)
		}
	}
	return nil
}

// fits reports whether a map is not too large, of any height and width.
func fits(h, w int) bool { return h <= maxPixels && w <= maxPixels && h*w <= maxPixels }

// fitsWindow reports whether the padded inputs of a step fit: that of the window over the outputs, and that of the gradient. Winograd's
// tiles make them larger, by less than 16 pixels.
func fitsWindow(p *kernels.Program, s *kernels.Step) bool {
	if s.Op != kernels.OpConv && s.Op != kernels.OpMaxPool && s.Op != kernels.OpAvgPool {
		return true
	}
	in, out, border := p.Nodes[s.In[0]].Shape, p.Values[s.Outputs()[0]].Shape, (s.Kernel-1)*s.Dilation+16
	return fits(in.H+border, in.W+border) && fits((out.H-1)*s.Stride+border, (out.W-1)*s.Stride+border)
}
