//go:build cgo && linux && gpusim

package gpu_test

import (
	"math"
	"slices"
	"testing"

	"bnas.example/kernels/gpu"
)

// A convCase is a convolution of siblings and its gradients: the kernel, its window, and how both launches are cut.
type convCase struct {
	kernel     string
	in         shape
	out        []int // channels of the siblings
	window     window
	n, stat    int
	activation int
	terms      []bool
	forward    cut
	backward   cut
}

// Forms of pack_weights.
const (
	formForward = iota
	formGradient
	formDepthwise
	formRaw
)

var convCases = []convCase{
	// Tiles of 4×8 and 3×5 with rests, channel tiles of 24 across siblings, of 32 threads.
	{"conv_fp32", shape{12, 9, 11}, []int{5, 16, 19}, window{3, 1, 1, 1, 1}, 2, 1, relu, []bool{true, false}, cut{4, 8, 24, 32, 0}, cut{3, 5, 16, 32, 0}},
	// No two threads share the channels, more than a chunk of them.
	{"conv_fp32", shape{40, 8, 8}, []int{48}, window{3, 1, 1, 1, 1}, 1, 1, linear, []bool{true, true, true}, cut{8, 8, 48, 64, 0}, cut{8, 8, 40, 64, 0}},
	// One channel, one pixel, one image.
	{"conv_fp32", shape{1, 1, 1}, []int{1}, window{1, 1, 0, 1, 1}, 1, 1, relu6, []bool{true}, cut{1, 1, 8, 32, 0}, cut{1, 1, 8, 32, 0}},
	// A launch with constants as most have, and a chunk of eight channels, of which the second halves have none: forward, backward, the last of two.
	{"conv_fp32", shape{5, 9, 18}, []int{32}, window{3, 1, 1, 1, 1}, 1, 1, relu, []bool{true}, cut{8, 16, 32, 128, 0}, cut{8, 16, 8, 64, 0}},
	{"conv_fp32", shape{32, 9, 18}, []int{5}, window{3, 1, 1, 1, 1}, 1, 1, relu, []bool{true}, cut{8, 16, 8, 64, 0}, cut{8, 16, 32, 128, 0}},
	{"conv_fp32", shape{24, 9, 18}, []int{32}, window{3, 1, 1, 1, 1}, 1, 1, relu, []bool{true}, cut{8, 16, 32, 128, 0}, cut{8, 16, 24, 96, 0}},
	// Stride 2 and the shifted stride 2 of a factorised reduction.
	{"conv_fp32", shape{9, 7, 10}, []int{8, 3}, window{3, 2, 1, 1, 1}, 2, 2, relu6, []bool{true}, cut{2, 5, 16, 32, 0}, cut{4, 6, 16, 128, 0}},
	{"conv_fp32", shape{35, 8, 6}, []int{10}, window{1, 2, -1, 1, 1}, 2, 2, relu, []bool{false}, cut{3, 2, 16, 32, 0}, cut{5, 6, 24, 64, 0}},
	// Dilation, stride 3, an even window.
	{"conv_fp32", shape{4, 13, 9}, []int{7}, window{5, 1, 4, 2, 1}, 1, 1, relu, []bool{true}, cut{4, 4, 8, 32, 0}, cut{4, 9, 8, 32, 0}},
	{"conv_fp32", shape{6, 11, 8}, []int{9}, window{2, 3, 2, 3, 1}, 2, 1, linear, []bool{true}, cut{4, 2, 16, 32, 0}, cut{5, 5, 8, 64, 0}},

	{"depthwise", shape{21, 9, 10}, []int{21, 21}, window{3, 1, 1, 1, 21}, 2, 1, relu, []bool{true, false}, cut{4, 5, 32, 96, 0}, cut{5, 10, 16, 96, 0}},
	{"depthwise", shape{5, 8, 8}, []int{5}, window{5, 1, 2, 1, 5}, 1, 1, relu6, []bool{true}, cut{8, 8, 8, 32, 0}, cut{8, 8, 8, 32, 0}},
	{"depthwise", shape{8, 7, 6}, []int{8}, window{7, 1, 3, 1, 8}, 1, 1, linear, []bool{true}, cut{7, 6, 8, 32, 0}, cut{7, 6, 8, 32, 0}},
	{"depthwise", shape{10, 9, 9}, []int{10}, window{3, 2, 1, 1, 10}, 2, 2, relu, []bool{true}, cut{5, 5, 16, 64, 0}, cut{4, 9, 16, 64, 0}},
	{"depthwise", shape{3, 9, 7}, []int{3}, window{3, 1, 2, 2, 3}, 1, 1, relu, []bool{true}, cut{3, 7, 8, 32, 0}, cut{3, 7, 8, 32, 0}},
	// Strides and dilations of two, in tiles of odd widths, of nodes with two and three terms and one that is bare.
	{"depthwise", shape{8, 11, 13}, []int{8, 8}, window{5, 2, 2, 1, 8}, 2, 2, relu, []bool{true, true}, cut{3, 7, 16, 32, 0}, cut{3, 7, 8, 32, 0}},
	{"depthwise", shape{12, 9, 10}, []int{12}, window{7, 2, 3, 1, 12}, 1, 1, relu6, []bool{false}, cut{5, 3, 16, 32, 0}, cut{9, 5, 8, 64, 0}},
	{"depthwise", shape{9, 10, 8}, []int{9}, window{5, 1, 4, 2, 9}, 1, 1, relu, []bool{true, false, true}, cut{5, 8, 8, 32, 0}, cut{4, 3, 16, 32, 0}},
	{"depthwise", shape{24, 9, 14}, []int{24}, window{3, 2, 2, 2, 24}, 2, 1, linear, []bool{true}, cut{2, 5, 24, 32, 0}, cut{3, 9, 24, 64, 0}},
	{"depthwise", shape{7, 12, 11}, []int{7}, window{5, 2, 4, 2, 7}, 1, 1, relu, []bool{false, true}, cut{6, 6, 8, 32, 0}, cut{5, 11, 8, 32, 0}},
	{"depthwise", shape{6, 10, 13}, []int{6}, window{3, 3, 1, 1, 6}, 1, 1, relu, []bool{true}, cut{4, 5, 8, 32, 0}, cut{4, 7, 8, 32, 0}},

	{"grouped", shape{6, 5, 7}, []int{9, 3}, window{3, 1, 1, 1, 3}, 2, 1, relu, []bool{true}, cut{2, 7, 16, 64, 0}, cut{5, 4, 8, 64, 0}},
	{"grouped", shape{12, 6, 6}, []int{8}, window{3, 2, 1, 2, 4}, 1, 1, linear, []bool{true, true}, cut{2, 2, 8, 32, 0}, cut{6, 6, 16, 64, 0}},
}

// shared completes a cut: the patch of the tile and two buffers of weights, or then the tile and the store's scratch.
func (c convCase) shared(t cut, gradient bool) cut {
	w, ld, weights, height, width, scratch := c.window, 16+4, 0, t.h, t.w, 8
	phases := 1
	if gradient {
		scratch, phases = 16, int(w.Stride)
	}
	switch {
	case c.kernel == "depthwise": // runs of 4 pixels
		ld, width = t.channelTile+4, (t.w+3)&^3
	case c.kernel == "grouped":
		ld = 0
	default: // whole steps of 8 rows of a phase; rows of weights have one of few lengths; a list of the taps of each phase, and of none
		steps, lengths := ((t.h+phases-1)/phases+7)/8, []int{16, 32, 48, 64, 96}
		height = steps * 8 * phases
		length, _ := slices.BinarySearch(lengths, t.channelTile)
		weights = 2*16*lengths[length] + (phases*phases+1)*max(int(w.Kernel*w.Kernel), 2)
		if w.Kernel == 1 {
			ld = 32 + 4
		}
	}
	reach := int((w.Kernel - 1) * w.Dilation)
	length := func(n int) int {
		switch {
		case !gradient:
			return (n-1)*int(w.Stride) + reach + 1
		case w.Stride == 1:
			return n + reach
		}
		return (n-1+reach)/int(w.Stride) + 2
	}
	t.shared = 4 * max(length(height)*length(width)*ld+weights, t.h*t.w*t.channelTile+scratch*t.threads)
	return t
}

// weights makes a convolution's weights and their packed form.
func (k *kit) weights(out, in, taps, form int) (w []float64, raw, packed gpu.Ptr) {
	w = k.random(out * in * taps)
	for i := range w {
		w[i] = float64(float32(w[i] / math.Sqrt(float64(in*taps))))
	}
	raw = put(k, floats(w)...)
	return w, raw, k.pack(raw, out, in, taps, form)
}

func (k *kit) pack(raw gpu.Ptr, out, in, taps, form int) gpu.Ptr {
	k.t.Helper()
	return k.packPart(raw, out, in, taps, in*taps, form)
}

// packPart packs a part of a larger weight, whose outputs are row elements apart.
func (k *kit) packPart(raw gpu.Ptr, out, in, taps, row, form int) gpu.Ptr {
	k.t.Helper()
	dst := k.alloc(4 * pitchOf(out) * pitchOf(in) * taps)
	k.launch("pack_weights", 2, 1, 64, 0, dst, raw, out, in, taps, row, form, 0)
	return dst
}

// eachProduct visits the products of the convolution's sum, with the indices of weight, input and output.
func (w window) eachProduct(n int, in, out shape, visit func(weight, from, to int)) {
	outs, ins, kernel := out.c/int(w.Groups), in.c/int(w.Groups), int(w.Kernel)
	for to := range n * out.h * out.w * out.c {
		o, x, y, i := to%out.c, to/out.c%out.w, to/out.c/out.w%out.h, to/out.c/out.w/out.h
		for tap := range kernel * kernel {
			iy, ix := w.input(y, tap/kernel), w.input(x, tap%kernel)
			if !in.inside(iy, ix) {
				continue
			}
			for c := range ins {
				from := ((i*in.h+iy)*in.w+ix)*in.c + o/outs*ins + c
				visit((o*ins+c)*kernel*kernel+tap, from, to)
			}
		}
	}
}

func TestConv(t *testing.T) {
	for seed, c := range convCases {
		t.Log(describe(uint64(seed), c))
		c.check(newKit(t, uint64(seed)), "", "")
	}
}

// packedForms are the forms of a kernel's weights, forward and backward.
var packedForms = map[string][2]int{
	"conv_fp32": {formForward, formGradient}, "depthwise": {formDepthwise, formDepthwise}, "grouped": {formRaw, formRaw}, "conv_naive": {formRaw, formRaw},
}

// check compares a convolution and its gradients with sums in float64. statistics and norms are the kernels of its
// BatchNorms, where the convolution's have none.
func (c convCase) check(k *kit, statistics, norms string) {
	k.t.Helper()
	d := k.node(c.n, c.in, c.activation, c.terms...)
	s := shape{0, c.window.size(c.in.h), c.window.size(c.in.w)}
	f := forward{kernel: c.kernel, n: c.n, statImages: c.stat, in: []*node{d}, out: c.out, shape: s, window: c.window, cut: c.shared(c.forward, false), statistics: statistics}
	var want [][]float64
	var values, others []*incoming
	du, duOthers := make([]float64, len(d.u)), make([]float64, len(d.u))
	taps, ins := int(c.window.Kernel*c.window.Kernel), c.in.c/int(c.window.Groups)
	for b, channels := range c.out {
		out := shape{channels, s.h, s.w}
		w, raw, packed := k.weights(channels, ins, taps, packedForms[c.kernel][0])
		f.weights = append(f.weights, packed)
		v := k.incoming(c.n, out, []bool{true, false}[:2-b]...) // the third sibling is not used
		v.abi.Weight = k.pack(raw, channels, ins, taps, packedForms[c.kernel][1])
		values = append(values, v)
		other := k.incoming(c.n, out, b == 1) // one source, which is no BatchNorm's but in the second sibling
		other.abi.Weight = v.abi.Weight
		others = append(others, other)
		y, dw := make([]float64, len(v.dy)), make([]float64, len(w))
		c.window.eachProduct(c.n, c.in, out, func(weight, from, to int) {
			y[to] += w[weight] * d.u[from]
			du[from] += w[weight] * v.dy[to]
			duOthers[from] += w[weight] * other.dy[to]
			dw[weight] += v.dy[to] * d.u[from]
		})
		want = append(want, y)
		k.checkWeightGradient(d, v, c.window, dw)
	}
	f.run(k, want...)
	for _, g := range backwards(c.kernel + "_gradient") {
		g.n, g.in, g.out, g.window, g.cut, g.norms = c.n, d, values, c.window, c.shared(c.backward, true), norms
		g.run(k, du)
	}
	backward{kernel: c.kernel + "_gradient", n: c.n, in: d, out: others, window: c.window, cut: c.shared(c.backward, true), norms: norms}.run(k, duOthers)
}

// checkWeightGradient compares dW with want, in tiles of 16 outputs and 8 inputs, tiles of 3×5, and 1 and 3 chunks. An
// output of dW has five elements more than it needs, which must stay.
func (k *kit) checkWeightGradient(in *node, v *incoming, w window, want []float64) {
	k.t.Helper()
	used := len(want) / v.c
	row := used + 5
	whole := slices.Repeat([]float64{7}, v.c*row)
	for o := range v.c {
		copy(whole[o*row:], want[o*used:(o+1)*used])
	}
	for _, chunks := range []int{1, 3} {
		s := gpu.WeightGradient{In: in.abi, Out: v.abi, Height: int64(v.h), Width: int64(v.w), Window: gpu.Window(w), Gradient: put(k, slices.Repeat([]float32{7}, v.c*row)...), Row: int64(row), Partial: k.alloc(4 * chunks * len(want)), Chunks: int64(chunks), TileH: 3, TileW: 5, TileOut: 16, TileIn: 8}
		blocks := (v.c + 15) / 16 * (pitchOf(in.c) / 8) * int(w.Kernel*((w.Kernel+2)/3))
		s.Arrived = put(k, make([]uint32, blocks)...)
		rows, columns := 2*w.Stride+1, 4*w.Stride+1+2*w.Dilation
		shared := 4 * max(15*20+int(rows*columns)*12, 3*16*8)
		k.launch("conv_weight_gradient", blocks, chunks, 64, shared, put(k, s), in.n)
		near(k.t, "conv_weight_gradient", widen(get[float32](k, s.Gradient, len(whole))), whole, 1e-4)
		for i, left := range get[uint32](k, s.Arrived, blocks) {
			if left != 0 {
				k.t.Fatalf("conv_weight_gradient: counter %d is %d after the launch", i, left)
			}
		}
	}
}
