package kernels_test

import (
	"fmt"
	"log"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
)

// tiny is a convolution with BatchNorm and ReLU, a global average, and a classifier of two classes.
func tiny() *kernels.Program {
	return &kernels.Program{
		Name: "tiny",
		Values: []kernels.Value{
			{Name: "images", Shape: kernels.Shape{C: 3, H: 8, W: 8}},
			{Name: "conv", Shape: kernels.Shape{C: 4, H: 8, W: 8}},
			{Name: "mean", Shape: kernels.Shape{C: 4, H: 1, W: 1}},
			{Name: "logits", Shape: kernels.Shape{C: 2, H: 1, W: 1}},
		},
		BNs: []kernels.BN{{Name: "bn", Value: 1, Gamma: 1, Beta: 2, Eps: 1e-5}},
		Nodes: []kernels.Node{
			{Name: "input", Shape: kernels.Shape{C: 3, H: 8, W: 8}, Terms: []kernels.Term{{Value: kernels.Images, BN: kernels.NoBN}}},
			{Name: "normalised", Shape: kernels.Shape{C: 4, H: 8, W: 8}, Terms: []kernels.Term{{Value: 1, BN: 0}}},
			{Name: "features", Shape: kernels.Shape{C: 4, H: 1, W: 1}, Terms: []kernels.Term{{Value: 2, BN: kernels.NoBN}}},
		},
		Steps: []kernels.Step{
			{
				Name: "conv", Op: kernels.OpConv, In: []kernels.NodeID{0}, Groups: 1,
				Window:   kernels.Window{Kernel: 3, Stride: 1, Pad: 1, Dilation: 1},
				Branches: []kernels.Branch{{Weight: 0, Out: 1}},
			},
			{Name: "mean", Op: kernels.OpGlobalAvg, In: []kernels.NodeID{1}, Act: kernels.ReLU, ReLUs: 1, Out: 2},
			{Name: "classifier", Op: kernels.OpLinear, In: []kernels.NodeID{2}, Weight: 3, Bias: kernels.NoParam, Out: 3},
		},
	}
}

// A Program is plain data. Validate checks it, String lists its steps.
func ExampleProgram() {
	p := tiny()
	if err := p.Validate(); err != nil {
		log.Fatal(err)
	}
	fmt.Print(p)
	// Output:
	// tiny: 3×8×8 images, 3 steps, 1 BatchNorms with 8 parameters, 6920 MACs
	//   0 conv      images → conv 4×8×8, 3×3
	//   1 globalavg relu(bn(conv)) → mean 4×1×1
	//   2 linear    mean → logits 2×1×1
}

// A guarded Device returns an error for an illegal call. The error names the device, the program and the call.
func ExampleGuard() {
	device := ref.New()
	defer device.Close()
	store, err := device.NewStore([]kernels.Param{
		{Name: "conv.weight", Kind: kernels.ConvWeight, Shape: []int{4, 3, 3, 3}},
		{Name: "bn.weight", Kind: kernels.Gamma, Shape: []int{4}},
		{Name: "bn.bias", Kind: kernels.Beta, Shape: []int{4}},
		{Name: "classifier.weight", Kind: kernels.LinearWeight, Shape: []int{2, 4}},
	})
	if err != nil {
		log.Fatal(err)
	}
	exec, err := device.Compile(tiny(), store, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(exec.Logits(make([]float32, 2)))
	fmt.Println(exec.Forward(make([]float32, 100), 1))
	// Output:
	// ref: program "tiny": Logits: needs a Forward first
	// ref: program "tiny": Forward: images: 100 elements, must be 1…1 times 192
}
