//go:build cgo && linux && gpusim

package gpu_test

import (
	"testing"

	"bnas.example/kernels/gpu"
)

var linearCases = []struct {
	n, channels, classes int
	bias                 bool
	channelTile, threads int
}{
	{1, 1, 1, false, 8, 32},
	{3, 13, 10, true, 8, 64},
	{2, 64, 21, true, 24, 256},
	{1, 1037, 9, false, 16, 256}, // more channels than a block holds
	{1, 5, 1030, true, 64, 256},  // more classes
}

func TestLinear(t *testing.T) {
	for seed, c := range linearCases {
		t.Log(describe(uint64(seed), c))
		k := newKit(t, uint64(seed))
		d := k.node(c.n, shape{c.channels, 1, 1}, relu, true, true)
		w, b := k.random(c.classes*c.channels), make([]float64, c.classes)
		weight, bias := put(k, floats(w)...), gpu.Ptr(0)
		if c.bias {
			b = k.random(c.classes)
			bias = put(k, floats(b)...)
		}
		y := make([]float64, c.n*c.classes)
		for i := range y {
			y[i] = b[i%c.classes]
			for j := range c.channels {
				y[i] += w[i%c.classes*c.channels+j] * d.u[i/c.classes*c.channels+j]
			}
		}
		out := shape{c.classes, 1, 1}
		cut := plainCut(1, 1, c.channelTile, c.threads)
		forward{kernel: "linear", n: c.n, in: []*node{d}, out: []int{c.classes}, shape: out, cut: cut, args: []any{weight, bias}, noStats: true}.run(k, y)

		dy := k.incoming(c.n, out, false)
		du := make([]float64, c.n*c.channels)
		for i := range du {
			for class := range c.classes {
				du[i] += dy.dy[i/c.channels*c.classes+class] * w[class*c.channels+i%c.channels]
			}
		}
		f := backward{kernel: "linear_gradient", n: c.n, in: d, out: []*incoming{dy}, cut: cut, args: []any{weight}, sums: true}
		f.run(k, du)
		k.checkLinearWeights(f, c.bias)
	}
}

func (k *kit) checkLinearWeights(f backward, bias bool) {
	k.t.Helper()
	channels, classes, dy := f.in.c, f.out[0].c, f.out[0].dy
	wantW, wantB := make([]float64, classes*channels), make([]float64, classes)
	for i := range f.n {
		for class := range classes {
			wantB[class] += dy[i*classes+class]
			for j := range channels {
				wantW[class*channels+j] += dy[i*classes+class] * f.in.u[i*channels+j]
			}
		}
	}
	dw, db := k.alloc(4*classes*channels), gpu.Ptr(0)
	if bias {
		db = k.alloc(4 * classes)
	}
	k.launch("linear_weight_gradient", 3, 1, 256, 0, dw, db, put(k, f.step(k)), f.n)
	near(k.t, "dW", widen(get[float32](k, dw, classes*channels)), wantW, 1e-5)
	if bias {
		near(k.t, "db", widen(get[float32](k, db, classes)), wantB, 1e-5)
	}
}
