//go:build cgo && linux && gpusim

package gpu_test

import (
	"math"
	"testing"
)

var poolCases = []struct {
	n          int
	in         shape
	window     window
	activation int
	cut        cut
}{
	{2, shape{5, 6, 7}, window{Kernel: 3, Stride: 1, Pad: 1, Dilation: 1}, relu, plainCut(2, 3, 8, 64)},
	{1, shape{16, 7, 5}, window{Kernel: 3, Stride: 2, Pad: 1, Dilation: 1}, linear, plainCut(3, 2, 8, 96)},
	{2, shape{9, 6, 6}, window{Kernel: 2, Stride: 2, Pad: 0, Dilation: 1}, relu6, plainCut(4, 4, 16, 256)},
	{1, shape{1, 9, 8}, window{Kernel: 3, Stride: 1, Pad: 2, Dilation: 2}, linear, plainCut(9, 8, 8, 32)},
	{1, shape{3, 5, 6}, window{Kernel: 1, Stride: 2, Pad: -1, Dilation: 1}, linear, plainCut(2, 2, 8, 64)},
	{1, shape{40, 12, 12}, window{Kernel: 3, Stride: 1, Pad: 1, Dilation: 1}, relu, plainCut(12, 12, 40, 64)}, // more windows than the scratch holds
}

func TestPools(t *testing.T) {
	for seed, c := range poolCases {
		t.Log(describe(uint64(seed), c))
		k := newKit(t, uint64(seed))
		out := shape{c.in.c, c.window.size(c.in.h), c.window.size(c.in.w)}
		for _, most := range []bool{true, false} {
			d := k.node(c.n, c.in, c.activation, true, false)
			k.checkPool(d, out, c.window, c.cut, most)
		}
	}
}

// The first maximum of many that are equal, and NaN.
func TestMaxPoolTies(t *testing.T) {
	k := newKit(t, 3)
	s, w := shape{8, 6, 5}, window{Kernel: 3, Stride: 1, Pad: 1, Dilation: 1}
	x := make([]float64, s.h*s.w*s.c)
	for i := range x {
		switch x[i] = float64(k.rng.IntN(3) - 1); {
		case i%23 == 0:
			x[i] = math.NaN()
		case i%31 == 0:
			x[i] = math.Inf(-1)
		}
	}
	k.checkPool(k.nodeOf(1, s, linear, [][]float64{x}, []bool{false}), s, w, plainCut(2, 5, 8, 64), true)
}

// checkPool runs a pool and its gradient at node d.
func (k *kit) checkPool(d *node, out shape, w window, cut cut, most bool) {
	k.t.Helper()
	name := "avg_pool"
	if most {
		name = "max_pool"
	}
	dy := k.incoming(d.n, out, true, true)
	y, du := make([]float64, len(dy.dy)), make([]float64, len(d.u))
	for to := range y {
		c, x, row, i := to%out.c, to/out.c%out.w, to/out.c/out.w%out.h, to/out.c/out.w/out.h
		from := d.windowAt(w, i, row, x, c)
		if most {
			best := from[0]
			for _, j := range from {
				if d.u[j] > d.u[best] || math.IsNaN(d.u[j]) && !math.IsNaN(d.u[best]) {
					best = j
				}
			}
			y[to] = d.u[best]
			du[best] += dy.dy[to]
			continue
		}
		for _, j := range from {
			y[to] += d.u[j] / float64(len(from))
			du[j] += dy.dy[to] / float64(len(from))
		}
	}
	f := forward{kernel: name, n: d.n, statImages: d.n, in: []*node{d}, out: []int{out.c}, shape: out, window: w, cut: cut}
	f.run(k, y)
	backward{kernel: name + "_gradient", n: d.n, in: d, out: []*incoming{dy}, window: w, cut: cut, sums: true, add: true}.run(k, du)
}

// windowAt are the elements that an output's window reads.
func (d *node) windowAt(w window, i, row, x, c int) (from []int) {
	for ky := range int(w.Kernel) {
		for kx := range int(w.Kernel) {
			if iy, ix := w.input(row, ky), w.input(x, kx); d.inside(iy, ix) {
				from = append(from, d.at(i, iy, ix, c))
			}
		}
	}
	return from
}
