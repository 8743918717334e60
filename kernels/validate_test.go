package kernels_test

import (
	"strings"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
)

func cell() *kerneltest.Case { return kerneltest.Cell(1, kernels.Shape{C: 4, H: 6, W: 6}, 2) }

// Validate returns an error for each broken rule. The error names the place.
func TestValidateRefuses(t *testing.T) {
	if err := cell().Program.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, b := range kerneltest.Illegal() {
		p := cell().Program
		b.Break(p)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), b.Error) {
			t.Errorf("%s: error %v, must contain %q", b.Name, err, b.Error)
		}
	}
}

func TestValidateAcceptsRandomPrograms(t *testing.T) {
	for seed := range uint64(200) {
		c := kerneltest.Random(seed)
		if err := c.Program.Validate(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if err := c.Program.CheckParams(c.Params); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}

func TestCheckParams(t *testing.T) {
	for _, test := range []struct {
		want   string
		change func(params []kernels.Param) []kernels.Param
	}{
		{"is not among the store's 3", func(p []kernels.Param) []kernels.Param { return p[:3] }},
		{"step 0 (s0): parameter 0 (p0) is of kind 0, must be 2", func(p []kernels.Param) []kernels.Param { p[0].Kind = kernels.Gamma; return p }},
		{"BN 0 (bn0): parameter 1 (p1) has shape [3], must be [4] or have more channels", func(p []kernels.Param) []kernels.Param { p[1].Shape = []int{3}; return p }},
		{"", func(p []kernels.Param) []kernels.Param { p[1].Shape = []int{5}; return p }},
		{"must be [4 3 3 3] or have more channels", func(p []kernels.Param) []kernels.Param { p[0].Shape = []int{4, 3, 5, 5}; return p }},
		{"must be [4 3 3 3] or have more channels", func(p []kernels.Param) []kernels.Param { p[0].Shape = []int{4, 3, 3}; return p }},
		{"must be [4 3 3 3] or have more channels", func(p []kernels.Param) []kernels.Param { p[0].Shape = []int{9, 2, 3, 3}; return p }},
		{"", func(p []kernels.Param) []kernels.Param { p[0].Shape = []int{5, 7, 3, 3}; return p }},
		{"has shape [11 4], must be [10]", func(p []kernels.Param) []kernels.Param { p[len(p)-1].Shape = []int{11, 4}; return p }},
	} {
		c := cell()
		params := test.change(c.Params)
		if err := c.Program.CheckParams(params); err == nil && test.want != "" || err != nil && (test.want == "" || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("error %v, must contain %q", err, test.want)
		}
	}
}

// pooled is a max pool of 4×6×6 images to out×out, and the head.
func pooled(w kernels.Window, out int) *kernels.Program {
	bare := func(v kernels.ValueID) []kernels.Term { return []kernels.Term{{Value: v, BN: kernels.NoBN}} }
	images, pool, mean := kernels.Shape{C: 4, H: 6, W: 6}, kernels.Shape{C: 4, H: out, W: out}, kernels.Shape{C: 4, H: 1, W: 1}
	return &kernels.Program{
		Name: "pooled",
		Values: []kernels.Value{{Name: "images", Shape: images}, {Name: "pool", Shape: pool}, {Name: "mean", Shape: mean},
			{Name: "logits", Shape: kernels.Shape{C: 10, H: 1, W: 1}}},
		Nodes: []kernels.Node{{Shape: images, Terms: bare(0)}, {Shape: pool, Terms: append(bare(1), bare(1)...)}, {Shape: mean, Terms: bare(2)}},
		Steps: []kernels.Step{
			{Op: kernels.OpMaxPool, In: []kernels.NodeID{0}, Window: w, Out: 1},
			{Op: kernels.OpGlobalAvg, In: []kernels.NodeID{1}, Act: kernels.ReLU, ReLUs: 1, Out: 2},
			{Op: kernels.OpLinear, In: []kernels.NodeID{2}, Out: 3, Weight: 0, Bias: kernels.NoParam},
		},
	}
}

// Every window of a pool must contain a pixel of the image.
func TestWindowAtTheEdge(t *testing.T) {
	for _, test := range []struct {
		w     kernels.Window
		out   int
		legal bool
	}{
		{kernels.Window{Kernel: 3, Stride: 1, Pad: 2, Dilation: 1}, 8, true},
		{kernels.Window{Kernel: 3, Stride: 1, Pad: 3, Dilation: 1}, 6, false},
		{kernels.Window{Kernel: 3, Stride: 1, Pad: 2, Dilation: 1}, 9, false},
		{kernels.Window{Kernel: 2, Stride: 1, Pad: 3, Dilation: 5}, 2, true},
		{kernels.Window{Kernel: 2, Stride: 1, Pad: 3, Dilation: 12}, 2, false},
		{kernels.Window{Kernel: 1, Stride: 2, Pad: -1, Dilation: 1}, 3, true},
		{kernels.Window{Kernel: 1, Stride: 2, Pad: -1, Dilation: 1}, 4, false},
	} {
		if err := pooled(test.w, test.out).Validate(); (err == nil) != test.legal {
			t.Errorf("%+v with %d outputs: %v", test.w, test.out, err)
		}
	}
}

func TestString(t *testing.T) {
	p := pooled(kernels.Window{Kernel: 3, Stride: 2, Pad: 1, Dilation: 1}, 3)
	want := `pooled: 4×6×6 images, 3 steps, 0 BatchNorms with 0 parameters, 40 MACs
  0 maxpool   images → pool 4×3×3, 3×3 stride 2
  1 globalavg relu(pool + pool) → mean 4×1×1
  2 linear    mean → logits 10×1×1
`
	if got := p.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	listing := cell().Program.String()
	for _, part := range []string{"conv", "relu(bn(", "4×6×6"} {
		if !strings.Contains(listing, part) {
			t.Errorf("no %q in\n%s", part, listing)
		}
	}
}

// MACs of a cell by hand: every 3×3 branch 4·4·9·36, every 1×1 4·4·36, the stem 3·4·9·36, the head 4·10.
func TestMACs(t *testing.T) {
	p := cell().Program
	want := int64(3*4*9*36 + 4*10)
	for _, s := range p.Steps[1:] {
		want += int64(len(s.Branches) * 4 * 4 * s.Kernel * s.Kernel * 36)
	}
	if got := p.MACs(); got != want {
		t.Errorf("%d MACs, must be %d", got, want)
	}
	depthwise := kerneltest.Mobile(1, 3, 2, 9, 1).Program
	if got, want := depthwise.MACs(), int64(3*8*9*81+8*24*81+24*9*25+24*12*25+12*36*25+36*9*25+36*12*25+120); got != want {
		t.Errorf("%d MACs, must be %d\n%s", got, want, depthwise)
	}
}
