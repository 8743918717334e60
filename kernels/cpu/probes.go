//go:build cgo

package cpu

// #include "entry.h"
import "C"

import (
	"bnas.example/kernels"
)

// tap describes a load of what a Tap names.
func (e *exec) tap(t kernels.Tap) (C.struct_load, kernels.Shape) {
	e.desc.reset()
	if v, ok := t.Value(); ok {
		return e.value(v), e.p.Values[v].Shape
	}
	n, _ := t.Node()
	return e.node(n, kernels.Linear), e.p.Nodes[n].Shape
}

// Read writes the tap itself, n×C×H×W.
func (e *exec) Read(t kernels.Tap, dst []float32) error {
	l, _ := e.tap(t)
	at := e.place()
	C.run_unblock(e.d.isa, &at, (*C.float)(&dst[0]), &l, first(e.desc.terms))
	return nil
}

// SpatialMean writes the mean over pixels, n×C.
func (e *exec) SpatialMean(t kernels.Tap, dst []float64) error {
	l, _ := e.tap(t)
	e.spatialMean(&l, dst)
	return nil
}

func (e *exec) spatialMean(l *C.struct_load, dst []float64) {
	at := e.place()
	C.run_spatial_mean(e.d.isa, &at, (*C.double)(&dst[0]), l, first(e.desc.terms))
}

// Covariance writes the channels' means and biased covariances over images and pixels, in two passes: products are
// taken about the means rounded to float32.
func (e *exec) Covariance(t kernels.Tap, mean, cov []float64) error {
	l, s := e.tap(t)
	each := make([]float64, e.n*s.C)
	e.spatialMean(&l, each)
	clear(mean)
	for i, v := range each {
		mean[i%s.C] += v / float64(e.n)
	}
	centre := make([]float32, blocks(s.C)*lanes)
	for c, v := range mean {
		centre[c] = float32(v)
	}
	at := e.place()
	C.run_covariance(e.d.isa, &at, (*C.float)(&centre[0]), (*C.double)(&cov[0]), &l, first(e.desc.terms))
	m := float64(e.n * s.H * s.W)
	for i := range cov {
		c, d := i/s.C, i%s.C
		cov[i] = cov[i]/m - (mean[c]-float64(centre[c]))*(mean[d]-float64(centre[d]))
	}
	return nil
}

// CodeGram packs each image's rectifier states into words and counts equal bits.
func (e *exec) CodeGram(dst []int64) (units int64, err error) {
	clear(dst)
	at := e.place()
	var codes []uint64
	e.p.EachRectified(func(s *kernels.Step, node kernels.NodeID) {
		shape := e.p.Nodes[node].Shape
		words := (floats(shape)/lanes + 3) / 4
		if need := words * e.n; need > len(codes) {
			codes = make([]uint64, need)
		}
		e.desc.reset()
		l := e.node(node, kernels.Linear)
		C.run_codes(e.d.isa, &at, (*C.uint64_t)(&codes[0]), C.size_t(words), &l, first(e.desc.terms))
		C.run_agree(e.d.isa, &at, (*C.int64_t)(&dst[0]), (*C.uint64_t)(&codes[0]), C.size_t(words), C.int64_t(shape.Len()), C.int64_t(s.ReLUs))
		units += int64(s.ReLUs) * int64(shape.Len())
	})
	return units, nil
}

// FiringRate writes the share of images and pixels at which each channel of each rectified node is > 0.
func (e *exec) FiringRate(dst []float64) error {
	clear(dst)
	at := e.place()
	column := 0
	e.p.EachRectified(func(_ *kernels.Step, node kernels.NodeID) {
		s := e.p.Nodes[node].Shape
		counts := make([]int64, e.n*s.C)
		e.desc.reset()
		l := e.node(node, kernels.Linear)
		C.run_fired(e.d.isa, &at, (*C.int64_t)(&counts[0]), &l, first(e.desc.terms))
		for i, on := range counts {
			dst[column+i%s.C] += float64(on) / float64(e.n*s.H*s.W)
		}
		column += s.C
	})
	return nil
}
