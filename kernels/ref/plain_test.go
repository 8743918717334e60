package ref_test

import "bnas.example/kernels"

// Two convolutions with BatchNorm in training mode, ReLU, a max pool, a global mean and the softmax loss. Gorgonia's
// gradients of these are correct. They are wrong for average pools and for BatchNorm in evaluation mode.
const (
	images, channels, classes, side = 3, 4, 5, 6
)

// plain is that network as a case for ref.
func plain() (*kernels.Program, []kernels.Param) {
	bare := func(v kernels.ValueID) []kernels.Term { return []kernels.Term{{Value: v, BN: kernels.NoBN}} }
	in, wide := kernels.Shape{C: 2, H: side, W: side}, kernels.Shape{C: channels, H: side, W: side}
	half, mean := kernels.Shape{C: channels, H: side / 2, W: side / 2}, kernels.Shape{C: channels, H: 1, W: 1}
	same := kernels.Window{Kernel: 3, Stride: 1, Pad: 1, Dilation: 1}
	conv := func(in kernels.NodeID, weight kernels.ParamID, out kernels.ValueID) kernels.Step {
		return kernels.Step{Op: kernels.OpConv, In: []kernels.NodeID{in}, Window: same, Groups: 1, Branches: []kernels.Branch{{Weight: weight, Out: out}}}
	}
	p := &kernels.Program{
		Values: []kernels.Value{{Shape: in}, {Shape: wide}, {Shape: half}, {Shape: half}, {Shape: mean}, {Shape: kernels.Shape{C: classes, H: 1, W: 1}}},
		BNs:    []kernels.BN{{Value: 1, Gamma: 1, Beta: 2, Eps: 1e-5}, {Value: 3, Gamma: 4, Beta: 5, Eps: 1e-5}},
		Nodes: []kernels.Node{{Shape: in, Terms: bare(0)}, {Shape: wide, Terms: []kernels.Term{{Value: 1, BN: 0}}},
			{Shape: half, Terms: bare(2)}, {Shape: half, Terms: []kernels.Term{{Value: 3, BN: 1}}}, {Shape: mean, Terms: bare(4)}},
		Steps: []kernels.Step{
			conv(0, 0, 1),
			{Op: kernels.OpMaxPool, In: []kernels.NodeID{1}, Act: kernels.ReLU, ReLUs: 1, Window: kernels.Window{Kernel: 2, Stride: 2, Dilation: 1}, Out: 2},
			conv(2, 3, 3),
			{Op: kernels.OpGlobalAvg, In: []kernels.NodeID{3}, Act: kernels.ReLU, ReLUs: 1, Out: 4},
			{Op: kernels.OpLinear, In: []kernels.NodeID{4}, Weight: 6, Bias: kernels.NoParam, Out: 5},
		},
	}
	vector := []int{channels}
	return p, []kernels.Param{
		{Name: "conv1", Kind: kernels.ConvWeight, Shape: []int{channels, 2, 3, 3}},
		{Name: "gamma1", Kind: kernels.Gamma, Shape: vector}, {Name: "beta1", Kind: kernels.Beta, Shape: vector},
		{Name: "conv2", Kind: kernels.ConvWeight, Shape: []int{channels, channels, 3, 3}},
		{Name: "gamma2", Kind: kernels.Gamma, Shape: vector}, {Name: "beta2", Kind: kernels.Beta, Shape: vector},
		{Name: "linear", Kind: kernels.LinearWeight, Shape: []int{classes, channels}},
	}
}
