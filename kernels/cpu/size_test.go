//go:build cgo

package cpu

import (
	"errors"
	"testing"

	"bnas.example/kernels"
)

// oneStep returns a program of one step from images to a map, then a mean and a classifier of two classes, whose weight is parameter 0.
func oneStep(step kernels.Step, images, maps kernels.Shape) *kernels.Program {
	mean := kernels.Shape{C: maps.C, H: 1, W: 1}
	node := func(v kernels.ValueID, s kernels.Shape) kernels.Node {
		return kernels.Node{Shape: s, Terms: []kernels.Term{{Value: v, BN: kernels.NoBN}}}
	}
	step.In, step.Out = []kernels.NodeID{0}, 1
	if step.Op == kernels.OpConv {
		step.Branches = []kernels.Branch{{Weight: 1, Out: 1}}
	}
	return &kernels.Program{
		Values: []kernels.Value{{Shape: images}, {Shape: maps}, {Shape: mean}, {Shape: kernels.Shape{C: 2, H: 1, W: 1}}},
		Nodes:  []kernels.Node{node(0, images), node(1, maps), node(2, mean)},
		Steps: []kernels.Step{
			step, {Op: kernels.OpGlobalAvg, In: []kernels.NodeID{1}, Out: 2},
			{Op: kernels.OpLinear, In: []kernels.NodeID{2}, Weight: 0, Bias: kernels.NoParam, Out: 3},
		},
	}
}

// windowed is oneStep with a window, from a square image of one channel to a square map.
func windowed(op kernels.Op, w kernels.Window, in, out int) *kernels.Program {
	step := kernels.Step{Op: op, Window: w}
	if op == kernels.OpConv {
		step.Groups = 1
	}
	return oneStep(step, kernels.Shape{C: 1, H: in, W: in}, kernels.Shape{C: 1, H: out, W: out})
}

// TestSizes: a program with a size that the engine's integers do not hold is not supported, also where the size is a product that
// overflows.
func TestSizes(t *testing.T) {
	d, err := New(1, Strict)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	empty := windowed(kernels.OpConv, kernels.Window{Kernel: 3, Stride: 1, Pad: 1, Dilation: 1}, 8, 8)
	empty.Nodes = append(empty.Nodes, kernels.Node{Shape: kernels.Shape{C: 1, H: 1 << 14, W: 1 << 14}})
	for _, c := range []struct {
		name string
		p    *kernels.Program
		n    int
		fits bool
	}{
		{"a small map", windowed(kernels.OpConv, kernels.Window{Kernel: 3, Stride: 1, Pad: 1, Dilation: 1}, 8, 8), 1, true},
		{"a large map", windowed(kernels.OpConv, kernels.Window{Kernel: 3, Stride: 1, Pad: 1, Dilation: 1}, 1<<13, 1<<13), 1, true},
		{"too many images", windowed(kernels.OpConv, kernels.Window{Kernel: 3, Stride: 1, Pad: 1, Dilation: 1}, 8, 8), 1<<24 + 1, false},
		{"too many elements", windowed(kernels.OpConv, kernels.Window{Kernel: 3, Stride: 1, Pad: 1, Dilation: 1}, 1<<13, 1<<13), 1 << 14, false},
		{"too many pixels", windowed(kernels.OpMaxPool, kernels.Window{Kernel: 1 << 13, Stride: 1 << 13, Dilation: 1}, 1<<14, 2), 1, false},
		{"outputs far outside of the image", windowed(kernels.OpConv, kernels.Window{Kernel: 3, Stride: 1, Pad: 1, Dilation: 1}, 8, 1<<14), 1, false},
		{"a stride far outside of the image", windowed(kernels.OpConv, kernels.Window{Kernel: 3, Stride: 1 << 20, Dilation: 1}, 8, 1<<12), 1, false},
		{"a border of 2³² − 32 pixels", windowed(kernels.OpMaxPool, kernels.Window{Kernel: 262658, Stride: 1, Dilation: 16352}, 16, 1), 1, false},
		{"a node that no step loads", empty, 1, false},
	} {
		s, err := d.NewStore([]kernels.Param{
			{Kind: kernels.LinearWeight, Shape: []int{2, 1}}, {Kind: kernels.ConvWeight, Shape: []int{1, 1, 3, 3}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Compile(c.p, s, c.n); (err == nil) != c.fits || err != nil && !errors.Is(err, kernels.ErrUnsupported) {
			t.Errorf("%s: error %v", c.name, err)
		}
	}
}
