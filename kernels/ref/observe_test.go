package ref_test

import (
	"slices"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
)

// tiny loads two-channel images of two pixels through ReLU, counted twice, and through ReLU6.
func tiny(t *testing.T) *ref.Exec {
	bare := func(v kernels.ValueID) []kernels.Term { return []kernels.Term{{Value: v, BN: kernels.NoBN}} }
	s, mean, logits := kernels.Shape{C: 2, H: 1, W: 2}, kernels.Shape{C: 2, H: 1, W: 1}, kernels.Shape{C: 2, H: 1, W: 1}
	p := &kernels.Program{
		Values: []kernels.Value{{Shape: s}, {Shape: s}, {Shape: mean}, {Shape: logits}},
		Nodes:  []kernels.Node{{Shape: s, Terms: bare(0)}, {Shape: s, Terms: append(bare(1), bare(0)...)}, {Shape: mean, Terms: bare(2)}},
		Steps: []kernels.Step{
			{Op: kernels.OpSum, In: []kernels.NodeID{0}, Act: kernels.ReLU, ReLUs: 2, Out: 1},
			{Op: kernels.OpGlobalAvg, In: []kernels.NodeID{1}, Act: kernels.ReLU6, ReLUs: 1, Out: 2},
			{Op: kernels.OpLinear, In: []kernels.NodeID{2}, Out: 3, Weight: 0, Bias: 1},
		},
	}
	params := []kernels.Param{
		{Name: "weight", Kind: kernels.LinearWeight, Shape: []int{2, 2}},
		{Name: "bias", Kind: kernels.LinearBias, Shape: []int{2}},
	}
	e := compile(t, p, params, [][]float32{{1, 0, 0, 1}, {0, 0.25}}, 3)
	must(t, e.Forward([]float32{
		1, -2, 3, 4, // image 0: channel 0, channel 1
		1, 2, -3, 0, // image 1
		-1, -2, 0, 4, // image 2
	}, 3))
	return e
}

// The expected values are literals. Node 0 is the images, node 1 is relu(images) + images.
func TestObservations(t *testing.T) {
	e := tiny(t)
	node1 := make([]float32, 12)
	must(t, e.Read(kernels.NodeTap(1), node1))
	if want := []float32{2, -2, 6, 8, 2, 4, -3, 0, -1, -2, 0, 8}; !slices.Equal(node1, want) {
		t.Errorf("node 1 is %v, must be %v", node1, want)
	}
	means := make([]float64, 6)
	must(t, e.SpatialMean(kernels.NodeTap(1), means))
	near(t, "spatial means", means, []float64{0, 7, 3, -1.5, -1.5, 4})

	mean, cov := make([]float64, 2), make([]float64, 4)
	must(t, e.Covariance(kernels.ValueTap(0), mean, cov))
	near(t, "means", mean, []float64{-1.0 / 6, 8.0 / 6})
	c01 := (1*3-2*4-1*3+0+0-2*4)/6.0 + 8.0/36
	near(t, "covariance", cov, []float64{15/6.0 - 1/36.0, c01, c01, 50/6.0 - 64/36.0})

	// Signs, image by image: node 0: +-++ ++-- ---+, node 1: +-++ ++-- ---+.
	gram := make([]int64, 9)
	units, err := e.CodeGram(gram)
	must(t, err)
	if want := []int64{12, 3, 6, 3, 12, 3, 6, 3, 12}; units != 12 || !slices.Equal(gram, want) {
		t.Errorf("CodeGram of %d units %v, must be of 12, %v", units, gram, want)
	}
	rates := make([]float64, 4)
	must(t, e.FiringRate(rates))
	near(t, "firing rates", rates, []float64{0.5, 0.5, 0.5, 0.5})

	// relu6 of node 1, mean over pixels: (1, 6), (3, 0), (0, 3); the bias adds ¼ to class 1.
	near(t, "logits", e.Values(3), []float64{1, 6.25, 3, 0.25, 0, 3.25})
	must(t, e.CrossEntropy([]int{1, 1, 1}, 0))
	if _, correct, err := e.Loss(); err != nil || correct != 2 {
		t.Errorf("%d correct (%v), must be 2", correct, err)
	}
}

// The gradient passes a rectifier where its input is > 0, and < 6 for ReLU6. A sum passes it to every term.
func TestNodeGradientLiteral(t *testing.T) {
	e := tiny(t)
	got := make([]float32, 12)
	must(t, e.NodeGradient(got, 1, slices.Repeat([]float32{2, 4}, 3), 2))
	if want := []float32{1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0}; !slices.Equal(got, want) { // 6 and 8 are not < 6
		t.Errorf("%v, must be %v", got, want)
	}
	must(t, e.NodeGradient(got, 0, slices.Repeat([]float32{1}, 12), 1))
	if want := []float32{1, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1}; !slices.Equal(got, want) { // of relu(images) alone: node 1's bare term is not a load of node 0
		t.Errorf("%v, must be %v", got, want)
	}
}

// A gate replaces the sums that decide which rectifiers pass the gradient, and nothing else, until the next Forward.
func TestSetGate(t *testing.T) {
	e := tiny(t)
	gradient := func() []float32 {
		dst := make([]float32, 12)
		must(t, e.NodeGradient(dst, 0, slices.Repeat([]float32{1}, 12), 1))
		return dst
	}
	before := gradient()
	must(t, e.SetGate(0, slices.Repeat([]float32{-1}, 12)))
	if got := gradient(); !slices.Equal(got, make([]float32, 12)) {
		t.Errorf("with every rectifier off the gradient is %v", got)
	}
	if slices.Max(e.Node(0)) != 4 {
		t.Error("the gate changed the node")
	}
	must(t, e.Forward([]float32{1, -2, 3, 4, 1, 2, -3, 0, -1, -2, 0, 4}, 3))
	if got := gradient(); !slices.Equal(got, before) {
		t.Errorf("after Forward %v, must be %v", got, before)
	}
	if e.SetGate(3, nil) == nil || e.SetGate(0, nil) == nil {
		t.Error("no error for a gate of no node, or of no elements")
	}
}

// An Exec returns an error if another Exec has used the device's memory since.
func TestOwner(t *testing.T) {
	p, params := plain()
	d := ref.New()
	s, err := d.NewStore(params)
	must(t, err)
	x := make([]float32, p.Values[0].Len())
	var execs [2]kernels.Exec
	for i := range execs {
		execs[i], err = d.Compile(p, s, 1)
		must(t, err)
		must(t, execs[i].Forward(x, 1))
	}
	if execs[0].Logits(make([]float32, classes)) == nil {
		t.Error("logits of an Exec that another has followed")
	}
	must(t, execs[1].Logits(make([]float32, classes)))
}
