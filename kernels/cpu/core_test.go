//go:build cgo

package cpu

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"bnas.example/kernels"
)

// call makes a core's call for n images.
func call(t testing.TB, isa, name string, c coreShape, n int) *coreCall {
	t.Helper()
	k, err := newCoreCall(isa, name, c, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.free)
	return k
}

// testedCores lists the cores. bound is the error bound in TestCores. vary changes a 3×3 convolution of stride 1 with random
// sizes into a random shape that the core may fit; nil changes nothing.
var testedCores = []struct {
	name  string
	bound float64
	vary  func(r *rand.Rand, c *coreShape)
}{
	{"winograd", 2e-6, nil},
	{"winograd8", 1e-4, func(_ *rand.Rand, c *coreShape) { c.Height, c.Width = (c.Height+7)/8*8, (c.Width+7)/8*8 }},
	{"conv1x1", 1e-6, func(_ *rand.Rand, c *coreShape) { c.Kernel = 1 }},
	{"depthwise", 1e-6, func(r *rand.Rand, c *coreShape) {
		c.Depthwise, c.Out = true, c.In
		varyWindow(r, c)
	}},
	{"direct", 1e-6, varyWindow},
}

func varyWindow(r *rand.Rand, c *coreShape) {
	c.Kernel, c.Stride, c.Dilation = 1+r.IntN(7), 1+r.IntN(3), 1+r.IntN(3)
}

// everyCore runs a test for each core of each instruction set that the processor has.
func everyCore(t *testing.T, test func(t *testing.T, isa string, core int)) {
	for _, isa := range []string{"avx512", "avx2", "portable"} {
		for core := range testedCores {
			t.Run(isa+"/"+testedCores[core].name, func(t *testing.T) {
				if _, err := findISA(isa); err != nil {
					t.Skip(err)
				}
				test(t, isa, core)
			})
		}
	}
}

// The core of each shape, with the reason.
func TestCoreChoice(t *testing.T) {
	for _, c := range []struct {
		conv coreShape
		want string
		why  string
	}{
		{coreShape{16, 16, 32, 32, 3, 1, 1, false}, "winograd", "a quarter of the multiplications"},
		{coreShape{64, 192, 8, 8, 3, 1, 1, false}, "winograd", "four tiles an image, several images a call"},
		{coreShape{32, 32, 7, 7, 3, 1, 1, false}, "winograd", "edge tiles in part outside cost less than they save"},
		{coreShape{32, 32, 2, 2, 3, 1, 1, false}, "direct", "a tile would be three quarters outside"},
		{coreShape{32, 32, 1, 32, 3, 1, 1, false}, "direct", "a row of tiles would be three quarters outside"},
		{coreShape{3, 16, 32, 32, 3, 1, 1, false}, "direct", "three channels cost less to multiply than to transform"},
		{coreShape{16, 32, 16, 16, 3, 2, 1, false}, "direct", "stride"},
		{coreShape{16, 16, 32, 32, 3, 1, 2, false}, "direct", "dilation"},
		{coreShape{16, 16, 32, 32, 5, 1, 1, false}, "direct", "window"},
		{coreShape{16, 64, 32, 32, 1, 1, 1, false}, "conv1x1", "no rows"},
		{coreShape{16, 64, 16, 16, 1, 2, 1, false}, "direct", "stride"},
		{coreShape{64, 64, 32, 32, 3, 1, 1, true}, "depthwise", ""},
		{coreShape{64, 64, 32, 32, 9, 3, 2, true}, "depthwise", "any window"},
	} {
		if got := call(t, "portable", "", c.conv, 1).name(); got != c.want {
			t.Errorf("%+v: %s, want %s (%s)", c.conv, got, c.want, c.why)
		}
	}
}

// rounds is the number of random shapes. It is smaller in short runs, for example under a sanitizer.
func rounds(short, full int) int {
	if testing.Short() {
		return short
	}
	return full
}

// draw makes a call of a core, an index of testedCores, for a random shape that the core fits.
func draw(t *testing.T, r *rand.Rand, isa string, core, images int) (*coreCall, coreShape) {
	for {
		c := coreShape{
			In: 1 + r.IntN(70), Out: 1 + r.IntN(130), Height: 1 + r.IntN(13), Width: 1 + r.IntN(21),
			Kernel: 3, Stride: 1, Dilation: 1,
		}
		if vary := testedCores[core].vary; vary != nil {
			vary(r, &c)
		}
		k, err := newCoreCall(isa, testedCores[core].name, c, images)
		if err == nil {
			t.Cleanup(k.free)
			return k, c
		}
		if !errors.Is(err, kernels.ErrUnsupported) {
			t.Fatal(err)
		}
	}
}

// problem holds the numbers of one test: inputs and dense weights. want computes the expected outputs from them.
type problem struct {
	conv      coreShape
	images    int
	ins, outs int       // channels in whole blocks
	w         []float32 // [outs][ins or 1][kernel][kernel]
}

func blocksOf(channels int) int { return (channels + 15) / 16 }

// fill writes random numbers into the call's inputs and weights; channels of padding are zero.
func fill(r *rand.Rand, k *coreCall, c coreShape) problem {
	p := problem{conv: c, images: k.images, ins: blocksOf(c.In) * 16, outs: blocksOf(c.Out) * 16}
	for b, in := range k.in {
		for i := range in.data {
			in.data[i] = 0
			if b%blocksOf(c.In)*16+i%16 < c.In {
				in.data[i] = float32(r.NormFloat64())
			}
		}
	}
	depth := p.ins
	if c.Depthwise {
		depth = 1
	}
	taps := c.Kernel * c.Kernel
	p.w = make([]float32, p.outs*depth*taps)
	for i := range p.w {
		if o, in := i/(depth*taps), i/taps%depth; o < c.Out && in < c.In {
			p.w[i] = float32(r.NormFloat64())
		}
	}
	k.pack(p.w)
	return p
}

// want returns the sum for one output in float64, and the sum of the absolute values of its terms.
func (p problem) want(k *coreCall, image, o, y, x int) (sum, size float64) {
	first, end, depth := 0, p.ins, p.ins
	if p.conv.Depthwise {
		first, end, depth = o, o+1, 1
	}
	n := p.conv.Kernel
	for c := first; c < end; c++ {
		in := k.in[image*p.ins/16+c/16].data
		for t := range n * n {
			row, col := y*p.conv.Stride+t/n*p.conv.Dilation, x*p.conv.Stride+t%n*p.conv.Dilation
			v := float64(in[(row*k.width()+col)*16+c%16]) * float64(p.w[(o*depth+(c-first))*n*n+t])
			sum += v
			size += math.Abs(v)
		}
	}
	return sum, size
}

// Each core in each instruction set against float64 on random shapes. Outputs and scratch are poisoned with NaN. The bounds
// are for float32 sums of up to 7·7·70 terms, and for the larger intermediate values of Winograd. They are relative to the
// largest sum of absolute values.
func TestCores(t *testing.T) {
	everyCore(t, func(t *testing.T, isa string, core int) {
		r := rand.New(rand.NewPCG(7, 7))
		for range rounds(3, 40) {
			k, c := draw(t, r, isa, core, 1+r.IntN(5))
			check(t, r, k, c, testedCores[core].bound)
		}
	})
}

func check(t *testing.T, r *rand.Rand, k *coreCall, c coreShape, bound float64) {
	t.Helper()
	p := fill(r, k, c)
	var before [][]float32
	for _, b := range append(append([]buffer{}, k.in...), k.packed) {
		before = append(before, append([]float32(nil), b.data...))
	}
	k.run(0, k.images)
	for i, b := range append(append([]buffer{}, k.in...), k.packed) {
		for j, v := range b.data {
			if math.Float32bits(v) != math.Float32bits(before[i][j]) {
				t.Fatalf("%+v: an input or weight was changed", c)
			}
		}
	}
	for i, b := range k.buffers() {
		if !b.intact() {
			t.Fatalf("%+v: buffer %d: guard zone written", c, i)
		}
	}
	worst, largest := 0.0, 0.0
	for image := range k.images {
		for range 80 {
			o, y, x := r.IntN(p.outs), r.IntN(c.Height), r.IntN(c.Width)
			want, size := p.want(k, image, o, y, x)
			got := float64(k.out[image*p.outs/16+o/16].data[(y*c.Width+x)*16+o%16])
			if math.IsNaN(got) {
				t.Fatalf("%+v: image %d, channel %d, pixel %d,%d is not a number", c, image, o, y, x)
			}
			worst, largest = max(worst, math.Abs(got-want)), max(largest, size)
		}
	}
	for b, out := range k.out {
		for i, v := range out.data {
			if v != v {
				t.Fatalf("%+v: block %d, element %d was not written", c, b, i)
			}
		}
	}
	if !(worst <= bound*largest) {
		t.Errorf("%+v: %s differs by %.2g of %.2g", c, k.name(), worst, largest)
	}
}

// The bits that a core writes for an image must not depend on the other images of the call.
func TestCoreImagesAreIndependent(t *testing.T) {
	everyCore(t, func(t *testing.T, isa string, core int) {
		r := rand.New(rand.NewPCG(11, 11))
		for range rounds(1, 10) {
			k, c := draw(t, r, isa, core, 7)
			fill(r, k, c)
			k.run(0, 7)
			var together [][]float32
			for _, b := range k.out {
				together = append(together, append([]float32(nil), b.data...))
			}
			for n := range 3 {
				for first := 0; first < 7; first += n + 1 {
					k.run(first, min(n+1, 7-first))
				}
				for b, out := range k.out {
					for i, v := range out.data {
						if math.Float32bits(v) != math.Float32bits(together[b][i]) {
							t.Fatalf("%+v: block %d, element %d: %v in calls of %d, %v in one of 7", c, b, i, v, n+1, together[b][i])
						}
					}
				}
			}
		}
	})
}

// BenchmarkCore reports the rate of the direct convolution's operations in the best run, and its share of the measured peak
// of multiply-adds, in the instruction set of [ISAVariable].
func BenchmarkCore(b *testing.B) {
	isa := os.Getenv(ISAVariable)
	peak, err := PeakFLOPS(isa)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range benchConvs() {
		kind := fmt.Sprintf("%dx%d", c.Kernel, c.Kernel)
		if c.Depthwise {
			kind = "dw" + kind
		}
		b.Run(fmt.Sprintf("%s/s%d/%dto%d/%d", kind, c.Stride, c.In, c.Out, c.Height), func(b *testing.B) {
			k := call(b, isa, "", c, 0)
			fill(rand.New(rand.NewPCG(1, 1)), k, c)
			best := math.Inf(1)
			for b.Loop() {
				start := time.Now()
				k.run(0, k.images)
				best = min(best, time.Since(start).Seconds())
			}
			rate := c.FLOPs(k.images) / best
			b.ReportMetric(rate*1e-9, "GFLOP/s")
			b.ReportMetric(100*rate/peak, "%peak")
		})
	}
}

// The shapes of NAS-Bench-201 (single convolutions and three siblings, forward and as their input gradient) and of
// NAS-Bench-Macro.
func benchConvs() []coreShape {
	list := []coreShape{{3, 16, 32, 32, 3, 1, 1, false}, {16, 32, 16, 16, 3, 2, 1, false}, {32, 64, 8, 8, 3, 2, 1, false}}
	for _, kernel := range []int{3, 1} {
		for _, s := range [][2]int{{16, 32}, {32, 16}, {64, 8}} {
			c, h := s[0], s[1]
			list = append(list, coreShape{c, c, h, h, kernel, 1, 1, false}, coreShape{c, 3 * c, h, h, kernel, 1, 1, false},
				coreShape{3 * c, c, h, h, kernel, 1, 1, false})
		}
	}
	for _, s := range [][3]int{{32, 96, 32}, {32, 192, 16}, {64, 384, 8}} {
		c, e, h := s[0], s[1], s[2]
		list = append(list, coreShape{c, e, h, h, 1, 1, 1, false}, coreShape{e, c, h, h, 1, 1, 1, false})
		for _, kernel := range []int{3, 5} {
			list = append(list, coreShape{e, e, h, h, kernel, 1, 1, true}, coreShape{e, e, h, h, kernel, 2, 1, true})
		}
	}
	return list
}
