package ntk

import (
	"math"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
	"bnas.example/philox"
	"bnas.example/supernet"
)

func TestPairs(t *testing.T) {
	cell, cellProgram := lowered(t, supernet.Config{Space: "nas-bench-201", BN: supernet.Fair, Cells: 1, Channels: 4},
		"|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|none~1|nor_conv_3x3~2|")
	bottlenecks, bottleneckProgram := macro(t)
	for _, c := range []struct {
		net     *supernet.Net
		program *kernels.Program
		want    map[Case]int
	}{
		// Rectified: the stem, node 1 of each cell, node 3 of two, conv_a of each reduction. Behind node 3 of the last cell is a
		// BatchNorm. Those of the skips are behind no convolution.
		{cell, cellProgram, map[Case]int{CaseRectified: 1 + 3 + 2 + 2, CaseSummed: 3 + 2, CaseLinear: 1}},
		// A block has three: before the depthwise convolution, behind it, and the linear bottleneck's.
		{bottlenecks, bottleneckProgram, map[Case]int{CaseRectified: 1 + 8 + 1, CaseFree: 8, CaseLinear: 8}},
	} {
		got, params := map[Case]int{}, c.net.Params()
		for _, pair := range Pairs(c.program, params) {
			got[pair.Case]++
			if s := params[pair.Weight].Shape; pair.Variance != 2/float64(s[0]*s[2]*s[3]) {
				t.Errorf("%s: σ_w² = %v of %v", pair.Name, pair.Variance, s)
			}
		}
		for _, k := range Cases() {
			if got[k] != c.want[k] {
				t.Errorf("%s: %d pairs of case %s, want %d", c.program.Name, got[k], k, c.want[k])
			}
		}
	}
}

// The network of TestKernelIdentityAfterAReLU has σ_w² = 1. Its two kernels are equal on the diagonal, κ₁(1) = κ₀(1) = ½, and
// differ by √(1−ρ²)/2π off it.
func TestIdentitiesAfterAReLU(t *testing.T) {
	const rho, width = .6, 20000
	n := newNetwork(t, width, false, rho, 1)
	pairs := Pairs(n.e.Program(), n.store.Params())
	if len(pairs) != 1 || pairs[0].Case != CaseRectified {
		t.Fatalf("pairs %+v", pairs)
	}
	pairs[0].Variance = 1
	got, err := Identities(n.e, n.store, n.images, kernels.FreezeStatistics, pairs)
	if err != nil {
		t.Fatal(err)
	}
	kappa0 := (math.Pi - math.Acos(rho)) / (2 * math.Pi)
	gap := math.Sqrt(1-rho*rho) / (2 * math.Pi)
	size := math.Hypot(.5, rho*kappa0)
	want := Identity{1, gap / size, (.25 + (rho*kappa0+gap)*rho*kappa0) / (size * math.Hypot(.5, rho*kappa0+gap))}
	if !(math.Abs(got[0].Ratio-want.Ratio) <= .04) || !(math.Abs(got[0].Deviation-want.Deviation) <= .04) || !(math.Abs(got[0].Alignment-want.Alignment) <= .01) {
		t.Errorf("%+v, theory %+v", got[0], want)
	}
}

// By hand: σ_w²Θ_W is diag(6, 4).
func TestIdentityOfTwoKernels(t *testing.T) {
	weight := symmetric(2, 3, 0, 0, 2)
	got, err := identity(symmetric(2, 3, 0, 0, 4), weight, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := Identity{7. / 10, 3 / math.Sqrt(52), 17 / (5 * math.Sqrt(13))}
	if !(math.Abs(got.Ratio-want.Ratio) < 1e-12 && math.Abs(got.Deviation-want.Deviation) < 1e-12 && math.Abs(got.Alignment-want.Alignment) < 1e-12) {
		t.Errorf("%+v, want %+v", got, want)
	}
	// A free scale has no kernel, and nothing to align.
	if got, err := identity(symmetric(2, 0, 0, 0, 0), weight, 2); err != nil || got != (Identity{0, 1, 0}) {
		t.Errorf("of zero: %+v, %v", got, err)
	}
}

// Before a depthwise convolution that ends in BatchNorm the scale of a channel has no effect.
func TestIdentitiesOfAFreeScale(t *testing.T) {
	net, p := macro(t)
	dev := ref.New()
	defer dev.Close()
	store, err := net.NewStore(dev)
	if err != nil {
		t.Fatal(err)
	}
	e, err := dev.Compile(p, store, 2)
	if err != nil {
		t.Fatal(err)
	}
	images := make([]float32, 2*p.Values[kernels.Images].Len())
	philox.New(5, "images", 0).Normal(images, 1)
	pairs := Pairs(p, net.Params())[1:3]
	got, err := Identities(e, store, images, kernels.DifferentiateStatistics, pairs)
	if err != nil {
		t.Fatal(err)
	}
	if pairs[0].Case != CaseFree || !(got[0].Ratio < 1e-4) || !(got[1].Ratio > .01) {
		t.Errorf("%s: %+v, %s: %+v", pairs[0].Case, got[0], pairs[1].Case, got[1])
	}
}

// macro is a network of linear bottlenecks.
func macro(t *testing.T) (*supernet.Net, *kernels.Program) {
	return lowered(t, supernet.Config{Space: "nas-bench-macro", Classes: 3, Height: 32, Width: 32, Channels: 2}, "11111111")
}

func lowered(t *testing.T, c supernet.Config, arch string) (*supernet.Net, *kernels.Program) {
	t.Helper()
	net, err := supernet.New(c)
	if err != nil {
		t.Fatal(err)
	}
	a, err := net.Space.Parse(arch)
	if err != nil {
		t.Fatal(err)
	}
	p, err := net.Program(a)
	if err != nil {
		t.Fatal(err)
	}
	return net, p
}
