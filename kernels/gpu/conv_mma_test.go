//go:build cgo && linux && gpusim

package gpu_test

import (
	"math"
	"testing"

	"bnas.example/kernels/gpu"
)

// An operand is a type of the tensor cores: what pack_weights calls it, and how it rounds.
type operand struct {
	kernel       string
	pack         int
	bytes, depth int // of an element; elements in 32 bytes
	bits, least  int // of the mantissa; exponent of the smallest normal number
	away         bool
	forwardOnly  bool // its gradients have another type
}

var operands = []operand{
	{"conv_tf32", 1, 4, 8, 10, -126, true, false},
	{"conv_f16", 2, 2, 16, 10, -14, false, true},
	{"conv_bf16", 3, 2, 16, 7, -126, false, false},
}

// round is x as the type has it.
func (o operand) round(x float64) float64 {
	_, e := math.Frexp(x)
	unit := math.Ldexp(1, max(e-1, o.least)-o.bits)
	if o.away {
		return math.Round(x/unit) * unit
	}
	return math.RoundToEven(x/unit) * unit
}

func (o operand) rounded(v []float64) []float64 {
	r := make([]float64, len(v))
	for i, x := range v {
		r[i] = o.round(x)
	}
	return r
}

type mmaCase struct {
	in                shape
	out               []int
	window            window
	n, stat           int
	activation        int
	terms             []bool
	forward, backward cut
}

var mmaCases = []mmaCase{
	// Tiles of 4×8 and 3×5 with rests, channel tiles of 24 across two siblings.
	{shape{12, 9, 11}, []int{5, 16, 19}, window{3, 1, 1, 1, 1}, 2, 1, relu, []bool{true, false}, cut{4, 8, 24, 64, 0}, cut{3, 5, 16, 64, 0}},
	// Several chunks, the last one short; 48 columns are one warp's forward, 40 two warps' backward.
	{shape{40, 8, 8}, []int{48}, window{3, 1, 1, 1, 1}, 1, 1, linear, []bool{true, true, true}, cut{8, 8, 48, 64, 0}, cut{8, 8, 40, 128, 0}},
	// One channel, one pixel, one image.
	{shape{1, 1, 1}, []int{1}, window{1, 1, 0, 1, 1}, 1, 1, relu6, []bool{true}, cut{1, 1, 8, 32, 0}, cut{1, 1, 8, 32, 0}},
	// Two warps across, more chunks than the ring has slots.
	{shape{56, 4, 6}, []int{72, 8}, window{1, 1, 0, 1, 1}, 2, 2, relu, []bool{true}, cut{4, 6, 80, 96, 0}, cut{2, 6, 56, 64, 0}},
	// Stride 2 and the shifted stride 2 of a factorised reduction.
	{shape{9, 7, 10}, []int{8, 3}, window{3, 2, 1, 1, 1}, 2, 2, relu6, []bool{true}, cut{2, 5, 16, 32, 0}, cut{4, 6, 16, 64, 0}},
	{shape{35, 8, 6}, []int{10}, window{1, 2, -1, 1, 1}, 2, 2, relu, []bool{false}, cut{3, 2, 16, 32, 0}, cut{5, 6, 24, 64, 0}},
	// Dilation, stride 3, an even window.
	{shape{4, 13, 9}, []int{7}, window{5, 1, 4, 2, 1}, 1, 1, relu, []bool{true}, cut{4, 4, 8, 32, 0}, cut{4, 9, 8, 64, 0}},
	{shape{6, 11, 8}, []int{9}, window{2, 3, 2, 3, 1}, 2, 1, linear, []bool{true}, cut{4, 2, 16, 32, 0}, cut{5, 5, 8, 160, 0}},
	// A warp has four rows of 16 pixels: tiles with rests, two chunks, stride 2, two steps of K, terms without BatchNorm.
	{shape{10, 18, 19}, []int{9}, window{3, 1, 1, 1, 1}, 2, 1, relu, []bool{true, false}, cut{16, 16, 16, 128, 0}, cut{16, 16, 16, 128, 0}},
	{shape{40, 12, 16}, []int{3, 4}, window{1, 1, 0, 1, 1}, 1, 1, linear, []bool{false}, cut{12, 16, 16, 96, 0}, cut{4, 8, 40, 64, 0}},
	{shape{5, 32, 31}, []int{16}, window{3, 2, 1, 1, 1}, 1, 1, relu, []bool{true}, cut{16, 16, 16, 128, 0}, cut{8, 16, 8, 128, 0}},
	{shape{24, 17, 18}, []int{12}, window{3, 1, 1, 1, 1}, 3, 2, relu, []bool{false, true, false}, cut{16, 16, 16, 128, 0}, cut{8, 16, 24, 128, 0}},
	{shape{10, 12, 17}, []int{24, 9}, window{3, 1, 1, 1, 1}, 3, 3, relu, []bool{false, false}, cut{8, 16, 40, 128, 0}, cut{12, 16, 16, 96, 0}},
	// More phases than rows in a tile.
	{shape{3, 9, 10}, []int{4}, window{4, 5, 1, 1, 1}, 1, 1, relu, []bool{true}, cut{2, 2, 8, 32, 0}, cut{2, 8, 8, 160, 0}},
}

func oddEighths(n int) int {
	if n%16 == 0 {
		return n + 8
	}
	return n
}

// mmaShared completes a cut for a depth of K without the taps: the header, the list of weights, patches and the ring,
// or then the tile and the store's scratch.
func (c mmaCase) mmaShared(o operand, t cut, depth int, gradient bool) cut {
	w := c.window
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
	listed, most, scratch := t.channelTile, 48, 32
	if gradient {
		listed, most, scratch = depth, 32, 64
	}
	steps, patches := min(2, (depth+o.depth-1)/o.depth), 1
	alone := gradient || depth <= 2*o.depth
	if !alone {
		patches = 2
	}
	columns, split := (t.channelTile+15)&^15, 1
	if t.channelTile > most {
		columns, split = 2*((t.channelTile/2+15)&^15), 2
	}
	taps := int(w.Kernel * w.Kernel)
	before, slot := 224+2*listed+(4*taps+15)&^15+patches*length(t.h)*length(t.w)*(32*steps+16), 32*steps*oddEighths(columns)
	loop := before + 4*slot
	if rows := before + 6*slot; w.Kernel == 3 && rows <= 39<<10 && columns/split*o.bytes <= 128 {
		loop = rows
	}
	if all := before + taps*slot; alone && all <= 39<<10 {
		loop = all
	}
	t.shared = max(loop, 4*t.h*t.w*oddEighths(t.channelTile)+scratch*t.threads)
	return t
}

// grid returns n multiples of 2⁻⁹ below 8: sums and products with powers of two of these are exact in float32, so that a
// number is rounded to an operand from the same number here and there.
func (k *kit) grid(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(k.rng.IntN(8192)-4096) / 512
	}
	return v
}

// power returns a power of two, of any sign.
func (k *kit) power() float32 { return []float32{0.5, 1, 2, -0.5, -1, -2}[k.rng.IntN(6)] }

// gridNode is a node of exact numbers.
func (k *kit) gridNode(n int, s shape, activation int, terms []bool) *node {
	values := make([][]float64, len(terms))
	for i := range values {
		values[i] = k.grid(n * s.h * s.w * s.c)
	}
	d := k.nodeOf(n, s, activation, values, make([]bool, len(terms)))
	for i, through := range terms {
		if !through {
			continue
		}
		a, x := make([]gpu.Affine, pitchOf(s.c)), values[i]
		for c := range s.c {
			a[c] = gpu.Affine{Mean: float32(k.grid(1)[0]), Scale: k.power(), Beta: float32(k.grid(1)[0]), Rstd: float32(math.Abs(float64(k.power())))}
		}
		d.affine[i], d.hat[i] = a, make([]float64, len(x))
		for j := range x {
			p := a[j%s.c]
			d.hat[i][j] = (x[j] - float64(p.Mean)) * float64(p.Rstd)
			d.z[j] += d.factor[i][j/(len(x)/n)] * ((x[j]-float64(p.Mean))*float64(p.Scale) + float64(p.Beta) - x[j])
			d.u[j] = activate(d.z[j], activation)
		}
		d.bn[i] = gpu.BatchNorm{Affine: put(k, a...), Slope: put(k, make([]gpu.Slope, pitchOf(s.c))...), Dgamma: k.alloc(4 * s.c), Dbeta: k.alloc(4 * s.c), Channels: int64(s.c)}
		d.abi.Term[i].Affine = d.bn[i].Affine
		d.norm[i] = put(k, d.bn[i])
	}
	return d
}

// gridIncoming is the gradient of a value, of exact numbers.
func (k *kit) gridIncoming(n int, s shape, sources []bool) *incoming {
	size := n * s.h * s.w * s.c
	x := k.grid(size)
	v := &incoming{shape: s, dy: make([]float64, size)}
	var list []gpu.Source
	for _, through := range sources {
		d := k.grid(size)
		factor, at := k.factors(n)
		source := gpu.Source{Gradient: k.putMap(d, s.c), Factor: at}
		slopes := make([]gpu.Slope, pitchOf(s.c))
		for c := range slopes {
			slopes[c] = gpu.Slope{Scale: 1}
			if through && c < s.c {
				slopes[c] = gpu.Slope{Scale: k.power(), Offset: float32(k.grid(1)[0]), Slope: k.power(), Mean: float32(k.grid(1)[0])}
			}
		}
		if through {
			source.Slope = put(k, slopes...)
		}
		for j := range d {
			p := slopes[j%s.c]
			v.dy[j] += float64(p.Scale)*factor[j/(size/n)]*d[j] + float64(p.Offset) + float64(p.Slope)*(x[j]-float64(p.Mean))
		}
		list = append(list, source)
	}
	v.abi = gpu.Incoming{Value: k.putMap(x, s.c), Source: put(k, list...), Sources: int64(len(list)), Channels: int64(s.c), Pitch: int64(pitchOf(s.c))}
	return v
}

// mmaWeights makes a convolution's weights and their two packed forms.
func (k *kit) mmaWeights(o operand, out, in, taps int) (w []float64, forward, gradient gpu.Ptr) {
	w = k.random(out * in * taps)
	for i := range w {
		w[i] = float64(float32(w[i] / math.Sqrt(float64(16*in*taps))))
	}
	raw := put(k, floats(w)...)
	var packed [2]gpu.Ptr
	for form := range packed {
		packed[form] = k.alloc(o.bytes * pitchOf(out) * pitchOf(in) * taps)
		k.launch("pack_weights", 1, 1, 64, 0, packed[form], raw, out, in, taps, in*taps, form, o.pack)
	}
	return w, packed[0], packed[1]
}

// TestConvMMA compares with sums of the products of rounded operands, and those with the bound on what rounding does.
func TestConvMMA(t *testing.T) {
	for _, o := range operands {
		for seed, c := range mmaCases {
			for again := range uint64(4) { // with other terms in half precision, and other factors
				seed := uint64(seed) + 100*again
				t.Log(o.kernel, describe(seed, c))
				c.test(newKit(t, seed), o)
			}
		}
	}
}

func (c mmaCase) test(k *kit, o operand) {
	d := k.gridNode(c.n, c.in, c.activation, c.terms)
	s := shape{0, c.window.size(c.in.h), c.window.size(c.in.w)}
	u, du, taps := o.rounded(d.u), make([]float64, len(d.u)), int(c.window.Kernel*c.window.Kernel)
	f := forward{kernel: o.kernel, n: c.n, statImages: c.stat, in: []*node{d}, out: c.out, shape: s, window: c.window}
	var want [][]float64
	var values []*incoming
	depth := 0
	for b, channels := range c.out {
		out := shape{channels, s.h, s.w}
		raw, packed, gradient := k.mmaWeights(o, channels, c.in.c, taps)
		f.weights = append(f.weights, packed)
		v := k.gridIncoming(c.n, out, []bool{true, false}[:2-b]) // the third sibling is not used
		v.abi.Weight = gradient
		values = append(values, v)
		depth += pitchOf(channels)
		w, dy := o.rounded(raw), o.rounded(v.dy)
		y, exact, size := make([]float64, len(dy)), make([]float64, len(dy)), make([]float64, len(dy))
		c.window.eachProduct(c.n, c.in, out, func(weight, from, to int) {
			y[to] += w[weight] * u[from]
			du[from] += w[weight] * dy[to]
			exact[to] += raw[weight] * d.u[from]
			size[to] += math.Abs(raw[weight] * d.u[from])
		})
		want = append(want, y)
		rho := math.Ldexp(1, -1-o.bits)
		for i := range y {
			if e := math.Abs(y[i] - exact[i]); !(e <= (2*rho+rho*rho)*size[i]+1e-6) {
				k.t.Fatalf("%s: element %d is %v, without rounding %v", o.kernel, i, y[i], exact[i])
			}
		}
	}
	f.cut = c.mmaShared(o, c.forward, pitchOf(c.in.c), false)
	f.run(k, want...)
	if o.forwardOnly {
		return
	}
	for _, g := range backwards(o.kernel + "_gradient") {
		g.n, g.in, g.out, g.window, g.cut = c.n, d, values, c.window, c.mmaShared(o, c.backward, depth, true)
		g.run(k, du)
	}
}
