package supernet

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bnas.example/kernels"
)

// drawn is a space of one architecture. The test gives its lowering.
type drawn struct {
	*chain
	lower func(b *Builder)
}

func (drawn) Name() string       { return "drawn" }
func (drawn) Genes() []Gene      { return []Gene{{Name: "only", Options: []string{"one"}}} }
func (drawn) Places() []Place    { return nil }
func (drawn) Chosen(Arch) []int  { return nil }
func (drawn) Valid(Arch) error   { return nil }
func (drawn) Cover() []Arch      { return []Arch{{0}} }
func (drawn) Alive(Arch) bool    { return true }
func (drawn) Format(Arch) string { return "0" }
func (d drawn) Lower(b *Builder, _ Arch) error {
	d.lower(b)
	return nil
}

// lowered builds a program. draw records the network from a feature x of 2 channels to the feature that is classified.
func lowered(t *testing.T, draw func(b *Builder, x Feature) Feature) *kernels.Program {
	t.Helper()
	p, err := tryLower(draw)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Validate(); err != nil {
		t.Fatalf("%v\n%v", err, p)
	}
	return p
}

func tryLower(draw func(b *Builder, x Feature) Feature) (*kernels.Program, error) {
	s := drawn{lower: func(b *Builder) {
		x := b.Sum("stem", b.BN("stem.1", b.Conv("stem.0", b.Images(), kernels.Linear, Conv{Out: 2, Window: same3})))
		y := draw(b, x)
		b.Linear("classifier", b.Sum("pooled", b.Bare(b.GlobalAvg("pool", y, kernels.ReLU))), 3)
	}}
	n, err := newNet(s, Config{Space: "drawn", BN: Fair, Height: 8, Width: 8, Channels: 2, Classes: 3, Gamma: GammaOne}, false)
	if err != nil {
		return nil, err
	}
	return n.Program(Arch{0})
}

func convBN(b *Builder, name string, x Feature, out, kernel int) Summand {
	w := kernels.Window{Kernel: kernel, Pad: kernel / 2}
	return b.BN(name+".bn", b.Conv(name, x, kernels.ReLU, Conv{Out: out, Window: w}))
}

// ops lists the steps: for each its op and the number of its branches or inputs.
func ops(p *kernels.Program) string {
	var words []string
	for _, s := range p.Steps {
		words = append(words, fmt.Sprintf("%v%d", s.Op, max(len(s.Branches), len(s.In))))
	}
	return strings.Join(words, " ")
}

func node(t *testing.T, p *kernels.Program, name string) kernels.Node {
	t.Helper()
	for _, n := range p.Nodes {
		if n.Name == name {
			return n
		}
	}
	t.Fatalf("no node %s in\n%v", name, p)
	return kernels.Node{}
}

func TestLowering(t *testing.T) {
	for _, c := range []struct {
		name string
		want string
		draw func(b *Builder, x Feature) Feature
	}{
		{"siblings join, other windows do not", "conv1 conv2 conv1 globalavg1 linear1", func(b *Builder, x Feature) Feature {
			return b.Sum("y", convBN(b, "a", x, 2, 3), convBN(b, "b", x, 2, 1), convBN(b, "c", x, 2, 3))
		}},
		{"siblings behind other activations do not join", "conv1 conv1 conv1 globalavg1 linear1", func(b *Builder, x Feature) Feature {
			plain := b.BN("b.bn", b.Conv("b", x, kernels.Linear, Conv{Out: 2, Window: same3}))
			return b.Sum("y", convBN(b, "a", x, 2, 3), plain)
		}},
		{"an identity of two terms dissolves where there is room for two", "conv1 conv2 conv1 globalavg1 linear1", func(b *Builder, x Feature) Feature {
			y := b.Sum("y", convBN(b, "a", x, 2, 3), convBN(b, "b", x, 2, 3))
			return b.Sum("z", b.Identity(y), convBN(b, "c", x, 2, 1))
		}},
		{"an identity of two terms is stored where there is room for one", "conv1 conv2 conv2 sum1 globalavg1 linear1", func(b *Builder, x Feature) Feature {
			y := b.Sum("y", convBN(b, "a", x, 2, 3), convBN(b, "b", x, 2, 3))
			return b.Sum("z", b.Identity(y), convBN(b, "c", x, 2, 1), convBN(b, "d", x, 2, 1))
		}},
		{"an identity BatchNorm where a block starts stores its sum", "conv1 avgpool1 sum1 globalavg1 linear1", func(b *Builder, x Feature) Feature {
			y := b.Sum("y", b.Bare(b.AvgPool("pool", x, kernels.Linear, same3)))
			z := b.Sum("z", b.BN("i", b.Stored(y)))
			b.Block("block", y, z)
			return z
		}},
		{"siblings of other widths join", "conv1 conv2 concat2 globalavg1 linear1", func(b *Builder, x Feature) Feature {
			return b.Sum("y", b.BN("bn", b.Concat("cat", kernels.ReLU, b.Sum("a", convBN(b, "a", x, 2, 3)), b.Sum("b", convBN(b, "b", x, 5, 3)))))
		}},
		{"what is not read is dropped", "conv1 conv1 globalavg1 linear1", func(b *Builder, x Feature) Feature {
			b.Sum("dead", convBN(b, "dead", x, 2, 3), b.Identity(x))
			return b.Sum("y", convBN(b, "a", x, 2, 3))
		}},
		{"an identity of the only reader dissolves", "conv1 conv1 globalavg1 linear1", func(b *Builder, x Feature) Feature {
			y := b.Sum("y", convBN(b, "a", x, 2, 3))
			return b.Sum("z", b.Identity(y))
		}},
		{"an identity beside other readers is stored once", "conv1 conv1 sum1 conv1 globalavg1 linear1", func(b *Builder, x Feature) Feature {
			y := b.Sum("y", b.Identity(x), convBN(b, "a", x, 2, 3))
			return b.Sum("z", b.Identity(x), convBN(b, "b", y, 2, 3))
		}},
		{"identity BatchNorms share the stored value", "conv1 sum1 globalavg1 linear1", func(b *Builder, x Feature) Feature {
			return b.Sum("y", b.BN("i", b.Stored(x)), b.BN("j", b.Stored(x)))
		}},
		{"an identity BatchNorm of a value stores nothing", "conv1 avgpool1 globalavg1 linear1", func(b *Builder, x Feature) Feature {
			y := b.Sum("y", b.Bare(b.AvgPool("pool", x, kernels.Linear, same3)))
			return b.Sum("z", b.BN("i", b.Stored(y)), b.Identity(y))
		}},
		{"but does where a block starts", "conv1 avgpool1 sum1 globalavg1 linear1", func(b *Builder, x Feature) Feature {
			y := b.Sum("y", b.Bare(b.AvgPool("pool", x, kernels.Linear, same3)))
			z := b.Sum("z", b.BN("i", b.Stored(y)), b.Identity(y))
			b.Block("block", y, z)
			return z
		}},
		{"an identity of the only reader does not dissolve where a block ends", "conv1 conv1 sum1 globalavg1 linear1", func(b *Builder, x Feature) Feature {
			y := b.Sum("y", convBN(b, "a", x, 2, 3))
			b.Block("block", x, y)
			return b.Sum("z", b.Identity(y))
		}},
		{"as many channels as there are", "conv1 concat1 globalavg1 linear1", func(b *Builder, x Feature) Feature {
			return b.Sum("y", b.Bare(b.Truncated("t", x, kernels.ReLU, 2)))
		}},
		{"long sums are split", "conv1 conv3 conv2 sum1 globalavg1 linear1", func(b *Builder, x Feature) Feature {
			return b.Sum("y", convBN(b, "a", x, 2, 3), convBN(b, "b", x, 2, 3), convBN(b, "c", x, 2, 3), convBN(b, "d", x, 2, 1), convBN(b, "e", x, 2, 1))
		}},
		{"sums after activations", "conv1 conv2 sum1 sum1 globalavg1 linear1", func(b *Builder, x Feature) Feature {
			y, z := b.Sum("y", convBN(b, "a", x, 2, 3)), b.Sum("z", convBN(b, "b", x, 2, 3))
			return b.Sum("s", b.Bare(b.Activated("ya", y, kernels.ReLU)), b.Bare(b.Activated("za", z, kernels.ReLU6)))
		}},
		{"a zero node adds nothing and can be convolved", "conv1 conv1 globalavg1 linear1", func(b *Builder, x Feature) Feature {
			zero := b.SumOrZeros("zero", x)
			return b.Sum("y", b.Identity(zero), convBN(b, "a", zero, 2, 3), b.Identity(x))
		}},
		{"factorised reduction", "conv1 conv1 conv1 concat2 globalavg1 linear1", func(b *Builder, x Feature) Feature {
			even := b.Conv("even", x, kernels.ReLU, Conv{Out: 1, Window: kernels.Window{Kernel: 1, Stride: 2}})
			odd := b.Conv("odd", x, kernels.ReLU, Conv{Out: 1, Window: kernels.Window{Kernel: 1, Stride: 2, Pad: -1}})
			return b.Sum("y", b.BN("bn", b.Concat("cat", kernels.Linear, b.Sum("even", b.Bare(even)), b.Sum("odd", b.Bare(odd)))))
		}},
		{"separable and dilated", "conv1 conv1 conv1 globalavg1 linear1", func(b *Builder, x Feature) Feature {
			w := kernels.Window{Kernel: 5, Pad: 4, Dilation: 2}
			dw := b.Sum("dw", b.Bare(b.Conv("dw", x, kernels.ReLU, Conv{Out: 2, Groups: 2, Window: w})))
			return b.Sum("y", b.BN("bn", b.Conv("pw", dw, kernels.Linear, Conv{Out: 2, Window: same1})))
		}},
		{"max pool", "conv1 maxpool1 globalavg1 linear1", func(b *Builder, x Feature) Feature {
			return b.Sum("y", b.BN("bn", b.MaxPool("pool", x, kernels.ReLU6, kernels.Window{Kernel: 3, Stride: 2, Pad: 1})))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := lowered(t, c.draw)
			if got := ops(p); got != c.want {
				t.Errorf("steps %s, want %s\n%v", got, c.want, p)
			}
		})
	}
}

// TestSplitKeepsBatchNorms: bare terms are split off a long sum first, so that the BatchNorms stay at their node.
func TestSplitKeepsBatchNorms(t *testing.T) {
	p := lowered(t, func(b *Builder, x Feature) Feature {
		pool := func(name string) Summand { return b.Bare(b.AvgPool(name, x, kernels.Linear, same3)) }
		return b.Sum("y", convBN(b, "a", x, 2, 3), pool("p"), convBN(b, "c", x, 2, 1), pool("q"), pool("r"))
	})
	if n := node(t, p, "y"); len(n.Terms) != 3 || n.Terms[0].BN < 0 || n.Terms[1].BN < 0 {
		t.Errorf("y = %v in\n%v", n, p)
	}
}

// TestReLUs: ReLUs counts the activation modules of all branches of a step.
func TestReLUs(t *testing.T) {
	total := func(space string, a Arch) int {
		n := build(t, Config{Space: space, BN: Standard})
		p, err := n.Program(a)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, s := range p.Steps {
			sum += s.ReLUs
		}
		return sum
	}
	if got := total("nas-bench-201", slices.Repeat(Arch{nb201Conv3}, 6)); got != 6*15+2*2+1 {
		t.Errorf("nas-bench-201: %d activations, want 95", got)
	}
	if got := total("nas-bench-macro", slices.Repeat(Arch{1}, 8)); got != 2*8+2 {
		t.Errorf("nas-bench-macro: %d activations, want 18", got)
	}
}

func TestBuilderErrors(t *testing.T) {
	for _, c := range []struct {
		want string
		draw func(b *Builder, x Feature) Feature
	}{
		{"adds 3×8×8 to 2×8×8", func(b *Builder, x Feature) Feature { return b.Sum("y", b.Identity(x), convBN(b, "a", x, 3, 3)) }},
		{"smaller than the window", func(b *Builder, x Feature) Feature {
			return b.Sum("y", b.Bare(b.AvgPool("p", x, kernels.Linear, kernels.Window{Kernel: 9})))
		}},
		{"2→3 channels in 2 groups", func(b *Builder, x Feature) Feature {
			return b.Sum("y", b.Bare(b.Conv("c", x, kernels.Linear, Conv{Out: 3, Groups: 2, Window: same1})))
		}},
		{"is in another sum already", func(b *Builder, x Feature) Feature {
			s := convBN(b, "a", x, 2, 3)
			b.Sum("y", s)
			return b.Sum("z", s)
		}},
		{"has shape [2 2 1 1] in one place and [2 2 3 3] in another", func(b *Builder, x Feature) Feature {
			return b.Sum("y", b.Bare(b.Conv("c", x, kernels.Linear, Conv{Out: 2, Window: same1})), b.Bare(b.Conv("c", x, kernels.Linear, Conv{Out: 2, Window: same3})))
		}},
		{"a sum of nothing", func(b *Builder, x Feature) Feature { return b.Sum("y") }},
		{"concatenates 8x8 with 4x4", func(b *Builder, x Feature) Feature {
			half := b.Sum("h", b.Bare(b.AvgPool("p", x, kernels.Linear, kernels.Window{Kernel: 2, Stride: 2})))
			return b.Sum("y", b.Bare(b.Concat("cat", kernels.Linear, x, half)))
		}},
	} {
		if _, err := tryLower(c.draw); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want an error with %q", err, c.want)
		}
	}
}

// TestBuilderErrorsOfOneSide: sizes that fit along one side of the image and not along the other are errors too.
func TestBuilderErrorsOfOneSide(t *testing.T) {
	pool := func(b *Builder, name string, w kernels.Window) Feature {
		return b.Sum(name, b.Bare(b.AvgPool(name, b.Images(), kernels.Linear, w)))
	}
	for _, c := range []struct {
		images kernels.Shape
		want   string
		record func(b *Builder) Feature
	}{
		{kernels.Shape{C: 2, H: 1, W: 4}, "input has 1x4 pixels, want one", func(b *Builder) Feature { return b.Images() }},
		{kernels.Shape{C: 2, H: 4, W: 1}, "input has 4x1 pixels, want one", func(b *Builder) Feature { return b.Images() }},
		{kernels.Shape{C: 2, H: 3, W: 2}, "a 3x2 image is smaller than the window", func(b *Builder) Feature { return pool(b, "p", kernels.Window{Kernel: 3}) }},
		{kernels.Shape{C: 2, H: 2, W: 3}, "a 2x3 image is smaller than the window", func(b *Builder) Feature { return pool(b, "p", kernels.Window{Kernel: 3}) }},
		{kernels.Shape{C: 2, H: 2, W: 2}, "a 2x2 image is smaller than the window", func(b *Builder) Feature { return pool(b, "p", kernels.Window{Kernel: 3, Stride: 2}) }},
		{kernels.Shape{C: 2, H: 1, W: 3}, "concatenates 1x3 with 1x2", func(b *Builder) Feature {
			return b.Sum("y", b.Bare(b.Concat("cat", kernels.Linear, b.Images(), pool(b, "p", kernels.Window{Kernel: 1, Stride: 2}))))
		}},
		{kernels.Shape{C: 2, H: 1, W: 1}, "3 of 2 channels", func(b *Builder) Feature { return b.Sum("y", b.Bare(b.Truncated("t", b.Images(), kernels.Linear, 3))) }},
		{kernels.Shape{C: 2, H: 1, W: 1}, "0 of 2 channels", func(b *Builder) Feature { return b.Sum("y", b.Bare(b.Truncated("t", b.Images(), kernels.Linear, 0))) }},
		{kernels.Shape{C: 4, H: 1, W: 1}, "4→3 channels in 2 groups", func(b *Builder) Feature {
			return b.Sum("y", b.Bare(b.Conv("c", b.Images(), kernels.Linear, Conv{Out: 3, Groups: 2, Window: same1})))
		}},
	} {
		_, _, err := Build("sides", c.images, func(b *Builder) { b.Linear("classifier", c.record(b), 3) })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want an error with %q", c.images, err, c.want)
		}
	}
}

// TestBuild builds a Program without a space. Its images may have any number of channels.
func TestBuild(t *testing.T) {
	images := kernels.Shape{C: 5, H: 6, W: 4}
	classified := func(groups int) func(*Builder) {
		return func(b *Builder) {
			conv := Conv{Out: 10, Window: kernels.Window{Kernel: 1}, Groups: groups}
			x := b.Sum("x", b.BN("bn", b.Conv("conv", b.Images(), kernels.Linear, conv)))
			b.Linear("classifier", b.Sum("pooled", b.Bare(b.GlobalAvg("pool", x, kernels.ReLU))), 3)
		}
	}
	p, params, err := Build("alone", images, classified(5))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Validate(); err != nil {
		t.Errorf("%v\n%v", err, p)
	}
	if got := p.Values[kernels.Images].Shape; got != images || len(params) != 5 {
		t.Errorf("images %v, %d parameters", got, len(params))
	}
	if _, _, err := Build("alone", images, classified(2)); err == nil || !strings.HasPrefix(err.Error(), "supernet: alone: conv: ") {
		t.Errorf("5 channels in 2 groups: %v", err)
	}
}
