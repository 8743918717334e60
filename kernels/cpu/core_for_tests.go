// This file calls the cores alone, for tests and benchmarks only. A test file cannot use cgo.

//go:build cgo

package cpu

// #include <stdlib.h>
// #include "core.h"
// #include "entry.h"
import "C"

import (
	"fmt"
	"unsafe"

	"bnas.example/kernels"
)

// coreShape is the geometry of a convolution whose core is called alone, in tests and benchmarks. Height and Width are
// those of the output. The padded input is as large as the windows need.
type coreShape struct {
	In, Out, Height, Width   int
	Kernel, Stride, Dilation int
	Depthwise                bool
}

// FLOPs returns the number of multiplications and additions of the direct convolution of n images.
func (c coreShape) FLOPs(n int) float64 {
	in := c.In
	if c.Depthwise {
		in = 1
	}
	return 2 * float64(n) * float64(c.Out) * float64(in) * float64(c.Kernel*c.Kernel) * float64(c.Height*c.Width)
}

func (c coreShape) shape() C.struct_conv_shape {
	s := C.struct_conv_shape{
		cb: C.int((c.In + C.LANES - 1) / C.LANES), kb: C.int((c.Out + C.LANES - 1) / C.LANES),
		h: C.int(c.Height), w: C.int(c.Width),
		ph:     C.int((c.Height-1)*c.Stride + (c.Kernel-1)*c.Dilation + 1),
		pw:     C.int((c.Width-1)*c.Stride + (c.Kernel-1)*c.Dilation + 1),
		kernel: C.int(c.Kernel), stride: C.int(c.Stride), dilation: C.int(c.Dilation), tail: C.int(c.In % C.LANES),
	}
	if c.Depthwise {
		s.depthwise = 1
	}
	return s
}

// buffer is memory outside Go's heap with a guard zone of NaN on both sides.
type buffer struct {
	all, data []float32
}

const guard = 64 // floats

// alloc returns n floats, 64-byte aligned and filled with NaN.
func alloc(n int) (buffer, error) {
	p := C.new_floats(C.size_t(n + 2*guard))
	if p == nil {
		return buffer{}, fmt.Errorf("cpu: no memory for %d bytes", 4*n)
	}
	all := unsafe.Slice((*float32)(p), n+2*guard)
	fillNaN(all)
	return buffer{all, all[guard : guard+n]}, nil
}

func (b buffer) pointer() *C.float { return (*C.float)(unsafe.Pointer(&b.all[guard])) }

// intact reports whether the guard zones still hold NaN.
func (b buffer) intact() bool {
	for i := range guard {
		if b.all[i] == b.all[i] || b.all[len(b.all)-1-i] == b.all[len(b.all)-1-i] {
			return false
		}
	}
	return true
}

// coreCall is a core with the arguments of a call. in[i·cb+c] is block c of the padded image i; out has the same order.
type coreCall struct {
	core            *C.struct_core
	shape           C.struct_conv_shape
	images          int
	in, out         []buffer
	packed, scratch buffer
	pins            unsafe.Pointer // the arrays of pointers to in and to out
}

// findISA returns the instruction set of that name, or the widest for "".
func findISA(name string) (*C.struct_isa, error) {
	if name == "" {
		return C.isa_best(), nil
	}
	s := C.CString(name)
	defer C.free(unsafe.Pointer(s))
	if i := C.isa_named(s); i != nil {
		return i, nil
	}
	return nil, fmt.Errorf("cpu: this processor does not have %s: %w", name, kernels.ErrUnsupported)
}

// newCoreCall chooses the core of the given name, or the default core for c if the name is empty. It allocates memory
// for n images, or for as many as the core prefers if n is 0.
func newCoreCall(isa, name string, c coreShape, n int) (*coreCall, error) {
	i, err := findISA(isa)
	if err != nil {
		return nil, err
	}
	var want *C.char
	if name != "" {
		want = C.CString(name)
		defer C.free(unsafe.Pointer(want))
	}
	k := &coreCall{shape: c.shape(), images: n}
	if k.core = C.core_for(i, &k.shape, want); k.core == nil {
		return nil, fmt.Errorf("cpu: the %s core does not do %+v: %w", name, c, kernels.ErrUnsupported)
	}
	if n == 0 {
		k.images = int(C.core_group(k.core, &k.shape))
	}
	if err := k.alloc(); err != nil {
		k.free()
		return nil, err
	}
	return k, nil
}

func (k *coreCall) alloc() (err error) {
	s := &k.shape
	if k.packed, err = alloc(int(C.core_pack_size(k.core, s))); err != nil {
		return err
	}
	if k.scratch, err = alloc(int(C.core_scratch_size(k.core, s, C.int(k.images)))); err != nil {
		return err
	}
	planes := func(count, pixels C.int) (list []buffer, err error) {
		for range k.images * int(count) {
			b, err := alloc(int(pixels) * C.LANES)
			if err != nil {
				return list, err
			}
			list = append(list, b)
		}
		return list, nil
	}
	if k.in, err = planes(s.cb, s.ph*s.pw); err != nil {
		return err
	}
	if k.out, err = planes(s.kb, s.h*s.w); err != nil {
		return err
	}
	k.pins = C.malloc(C.size_t(len(k.in)+len(k.out)) * C.size_t(unsafe.Sizeof(uintptr(0))))
	pointers := k.pointers()
	for i, b := range append(append([]buffer{}, k.in...), k.out...) {
		pointers[i] = b.pointer()
	}
	return nil
}

func (k *coreCall) pointers() []*C.float {
	return unsafe.Slice((**C.float)(k.pins), len(k.in)+len(k.out))
}

func (k *coreCall) name() string { return C.GoString(k.core.name) }

// width returns the number of columns of a padded input row.
func (k *coreCall) width() int { return int(k.shape.pw) }

// pack packs dense weights, whose layout conv.h describes.
func (k *coreCall) pack(w []float32) {
	C.core_pack(k.core, &k.shape, k.packed.pointer(), (*C.float)(unsafe.Pointer(unsafe.SliceData(w))))
}

// run convolves n images from the first-th on.
func (k *coreCall) run(first, n int) {
	p := k.pointers()
	in, out := &p[first*int(k.shape.cb)], &p[len(k.in)+first*int(k.shape.kb)]
	C.core_run(k.core, &k.shape, C.int(n), out, in, k.packed.pointer(), k.scratch.pointer())
}

func (k *coreCall) buffers() []buffer {
	return append(append([]buffer{k.packed, k.scratch}, k.in...), k.out...)
}

func (k *coreCall) free() {
	for _, b := range k.buffers() {
		C.free_floats((*C.float)(unsafe.Pointer(unsafe.SliceData(b.all))), C.size_t(len(b.all)))
	}
	C.free(k.pins)
}

// PeakFLOPS measures the largest number of single precision operations per second that one thread reaches with
// independent multiply-adds. isa names the instruction set; "" is the widest of this processor.
func PeakFLOPS(isa string) (float64, error) {
	i, err := findISA(isa)
	if err != nil {
		return 0, err
	}
	return float64(C.isa_peak(i)), nil
}
