package cuda

import (
	"errors"
	"strings"
	"testing"

	"bnas.example/internal/gpusim/fake"
	"bnas.example/internal/gpusim/paper"
	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
)

// A window or a stride that no tile is small enough for is refused when it is compiled, not when it is launched.
func TestWideWindow(t *testing.T) {
	for want, window := range map[string]kernels.Window{
		"bytes of shared memory": {Kernel: 3, Stride: 1, Pad: 31, Dilation: 31},
		"blocks of":              {Kernel: 3, Stride: 16, Pad: 504, Dilation: 1},
	} {
		c := kerneltest.Cell(1, kernels.Shape{C: 16, H: 64, W: 64}, 1)
		for i := range c.Program.Steps {
			if s := &c.Program.Steps[i]; s.Op == kernels.OpConv && s.Kernel == 3 {
				s.Window = window
			}
		}
		b, err := newDevice(paper.New(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		b.properties.SharedMemory = 48 << 10
		d := kernels.Guard("cuda", b)
		defer d.Close()
		s, err := c.NewStore(d)
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Compile(c.Program, s, 1)
		if !errors.Is(err, kernels.ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, must say %q", window, err, want)
		}
	}
}

// What only the gradients of weights launch is refused when they are asked for: here the gradient at a node without a BatchNorm before it,
// whose reader has a wide stride, and the weights of a wide dilation.
func TestWideWindowOfWeights(t *testing.T) {
	for want, window := range map[string]kernels.Window{
		"bytes of shared memory": {Kernel: 3, Stride: 1, Pad: 4000, Dilation: 4000},
		"blocks of":              {Kernel: 1, Stride: 145, Dilation: 1},
	} {
		shape := kernels.Shape{C: 8, H: 4, W: 4}
		groups := 1
		if window.Kernel == 3 {
			groups = 4 // kernels without a patch in shared memory
		}
		term := func(v kernels.ValueID, bn kernels.BNID) []kernels.Term { return []kernels.Term{{Value: v, BN: bn}} }
		p := &kernels.Program{
			Name: "wide",
			Values: []kernels.Value{
				{Name: "images", Shape: shape}, {Name: "bare", Shape: shape}, {Name: "wide", Shape: shape},
				{Name: "mean", Shape: kernels.Shape{C: 8, H: 1, W: 1}}, {Name: "logits", Shape: kernels.Shape{C: 2, H: 1, W: 1}},
			},
			BNs: []kernels.BN{{Name: "bn", Value: 2, Gamma: 0, Beta: 1, Eps: 1e-5}},
			Nodes: []kernels.Node{
				{Shape: shape, Terms: term(0, kernels.NoBN)}, {Shape: shape, Terms: term(1, kernels.NoBN)}, {Shape: shape, Terms: term(2, 0)},
				{Shape: kernels.Shape{C: 8, H: 1, W: 1}, Terms: term(3, kernels.NoBN)},
			},
			Steps: []kernels.Step{
				{Name: "first", Op: kernels.OpConv, In: []kernels.NodeID{0}, Window: kernels.Window{Kernel: 1, Stride: 1, Dilation: 1}, Groups: 1, Branches: []kernels.Branch{{Weight: 2, Out: 1}}},
				{Name: "second", Op: kernels.OpConv, In: []kernels.NodeID{1}, Act: kernels.ReLU, ReLUs: 1, Window: window, Groups: groups, Branches: []kernels.Branch{{Weight: 3, Out: 2}}},
				{Name: "mean", Op: kernels.OpGlobalAvg, In: []kernels.NodeID{2}, Out: 3},
				{Name: "linear", Op: kernels.OpLinear, In: []kernels.NodeID{3}, Out: 4, Weight: 4, Bias: kernels.NoParam},
			},
		}
		f := fake.New(nil)
		d, err := New(f, Options{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.NewStore([]kernels.Param{
			{Name: "gamma", Kind: kernels.Gamma, Shape: []int{8}}, {Name: "beta", Kind: kernels.Beta, Shape: []int{8}},
			{Name: "first", Kind: kernels.ConvWeight, Shape: []int{8, 8, 1, 1}},
			{Name: "second", Kind: kernels.ConvWeight, Shape: []int{8, 8 / groups, window.Kernel, window.Kernel}},
			{Name: "linear", Kind: kernels.LinearWeight, Shape: []int{2, 8}},
		})
		if err != nil {
			t.Fatal(err)
		}
		e, err := d.Compile(p, s, 2)
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(e.Forward(make([]float32, 2*shape.Len()), 2), e.CrossEntropy([]int{0, 1}, 0), e.Backward(kernels.DifferentiateStatistics, false))
		if err != nil {
			t.Errorf("%v without the weights: %v", window, err)
		}
		err = e.Backward(kernels.DifferentiateStatistics, true)
		if !errors.Is(err, kernels.ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v with the weights: error %v, must say %q", window, err, want)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		check(t, f)
	}
}
