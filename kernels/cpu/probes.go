//go:build cgo

package cpu

// #include "entry.h"
// #cgo noescape run_agree
// #cgo nocallback run_agree
// #cgo noescape run_covariance
// #cgo nocallback run_covariance
// #cgo noescape run_spatial_mean
// #cgo nocallback run_spatial_mean
// #cgo noescape run_states
// #cgo nocallback run_states
// #cgo noescape run_unblock
// #cgo nocallback run_unblock
import "C"

import (
	"bnas.example/kernels"
)

// tap describes a load of the node or value of a Tap.
func (e *exec) tap(t kernels.Tap) (C.struct_load, kernels.Shape) {
	e.desc.reset()
	if v, ok := t.Value(); ok {
		return e.value(v), e.p.Values[v].Shape
	}
	n, _ := t.Node()
	return e.node(n, kernels.Linear), e.p.Nodes[n].Shape
}

// probeScratch returns the floats that a thread needs for any probe of one image of a shape.
func probeScratch(s kernels.Shape) int {
	return max(floats(s), int(C.covariance_floats(C.int(blocks(s.C)), C.int(s.H), C.int(s.W))))
}

// Read writes the node or value, n×C×H×W.
func (e *exec) Read(t kernels.Tap, dst []float32) error {
	if err := e.reserveScratch(); err != nil {
		return err
	}
	l, _ := e.tap(t)
	at := e.place()
	C.run_unblock(e.d.isa, &at, (*C.float)(&dst[0]), &l, first(e.desc.terms))
	return nil
}

// SpatialMean writes the mean over pixels, n×C.
func (e *exec) SpatialMean(t kernels.Tap, dst []float64) error {
	if v, ok := t.Value(); ok && e.storedMeans(v, dst) {
		return nil
	}
	if err := e.reserveScratch(); err != nil {
		return err
	}
	l, _ := e.tap(t)
	e.spatialMean(e.place(), &l, dst)
	return nil
}

// storedMeans copies the means that Forward took of each image of a value, if it took them of all images.
func (e *exec) storedMeans(v kernels.ValueID, dst []float64) bool {
	p := &e.plan.values[v]
	if p.partial < 0 || e.statRows < e.n {
		return false
	}
	for i := range e.n {
		copy(dst[i*p.C:(i+1)*p.C], e.d.saved.doubles(p.partial+2*i*2*p.cp(), p.C))
	}
	return true
}

func (e *exec) spatialMean(at C.struct_place, l *C.struct_load, dst []float64) {
	C.run_spatial_mean(e.d.isa, &at, (*C.double)(&dst[0]), l, first(e.desc.terms))
}

// Covariance writes the means and biased covariances of the channels over images and pixels. It multiplies the deviations from
// the means of the first image in float32, and corrects the sums by the means of the deviations.
func (e *exec) Covariance(t kernels.Tap, mean, cov []float64) error {
	if err := e.reserveScratch(); err != nil {
		return err
	}
	l, s := e.tap(t)
	cb := blocks(s.C)
	if err := e.d.moving.reserve(2 * int(C.covariance_doubles(C.int(cb)))); err != nil {
		return err
	}
	at := e.place()
	at.n = 1
	e.spatialMean(at, &l, mean)
	at.n = C.int(e.n)
	centre := make([]float32, cb*lanes)
	for c, v := range mean {
		centre[c] = float32(v)
	}
	C.run_covariance(e.d.isa, &at, e.d.moving.doublePointer(0), (*C.float)(&centre[0]), (*C.double)(&mean[0]), (*C.double)(&cov[0]),
		&l, first(e.desc.terms))
	return nil
}

// CodeGram packs each image's rectifier states into words and counts equal bits.
func (e *exec) CodeGram(dst []int64) (units int64, err error) {
	clear(dst)
	err = e.eachStates(func(s *kernels.Step, shape kernels.Shape, words int) {
		at := e.place()
		C.run_agree(e.d.isa, &at, (*C.int64_t)(&dst[0]), (*C.uint64_t)(&e.codes[0]), C.size_t(words), C.int64_t(shape.Len()), C.int64_t(s.ReLUs))
		units += int64(s.ReLUs) * int64(shape.Len())
	})
	return units, err
}

// FiringRate writes the share of images and pixels at which each channel of each rectified node is > 0.
func (e *exec) FiringRate(dst []float64) error {
	if e.rates == nil {
		if err := e.eachStates(func(*kernels.Step, kernels.Shape, int) {}); err != nil {
			return err
		}
	}
	copy(dst, e.rates)
	return nil
}

// eachStates computes the codes of one rectified node after the other, words 64-bit words an image, and keeps the firing rates
// until the next Forward.
func (e *exec) eachStates(use func(s *kernels.Step, shape kernels.Shape, words int)) error {
	if err := e.reserveScratch(); err != nil {
		return err
	}
	at := e.place()
	e.rates = make([]float64, e.p.RectifiedChannels())
	column := 0
	e.p.EachRectified(func(step *kernels.Step, node kernels.NodeID) {
		s := e.p.Nodes[node].Shape
		words := (floats(s)/lanes + 3) / 4
		e.codes = enough(e.codes, words*e.n)
		e.counts = enough(e.counts, e.n*s.C)
		e.desc.reset()
		l := e.node(node, kernels.Linear)
		C.run_states(e.d.isa, &at, (*C.uint64_t)(&e.codes[0]), C.size_t(words), (*C.int64_t)(&e.counts[0]), &l, first(e.desc.terms))
		for i, on := range e.counts[:e.n*s.C] {
			e.rates[column+i%s.C] += float64(on) / float64(e.n*s.H*s.W)
		}
		column += s.C
		use(step, s, words)
	})
	return nil
}

// enough returns a slice of at least n elements, x if it is long enough.
func enough[T any](x []T, n int) []T {
	if len(x) >= n {
		return x
	}
	return make([]T, n)
}
