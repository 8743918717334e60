package cuda_test

import (
	"errors"
	"math"
	"testing"

	"bnas/cuda"
	"bnas/kernels"
)

// pixel is a classifier of one pixel of 3 channels, without a BatchNorm.
func pixel() (*kernels.Program, []kernels.Param) {
	p := &kernels.Program{
		Name:   "pixel",
		Values: []kernels.Value{{Name: "images", Shape: kernels.Shape{C: 3, H: 1, W: 1}}, {Name: "logits", Shape: kernels.Shape{C: 4, H: 1, W: 1}}},
		Nodes:  []kernels.Node{{Shape: kernels.Shape{C: 3, H: 1, W: 1}, Terms: []kernels.Term{{Value: kernels.Images, BN: kernels.NoBN}}}},
		Steps:  []kernels.Step{{Name: "linear", Op: kernels.OpLinear, In: []kernels.NodeID{0}, Out: 1, Weight: 0, Bias: kernels.NoParam}},
	}
	return p, []kernels.Param{{Name: "weight", Kind: kernels.LinearWeight, Shape: []int{4, 3}}}
}

// Parameters that were never written are zeros, also where no BatchNorm has asked for their memory.
func TestUnwrittenClassifier(t *testing.T) {
	d, err := emulated(cuda.EmulatorOptions{Check: true}, cuda.Options{})(1)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p, params := pixel()
	s, err := d.NewStore(params)
	if err != nil {
		t.Fatal(err)
	}
	e, err := d.Compile(p, s, 2)
	if err != nil {
		t.Fatal(err)
	}
	logits := []float32{1, 1, 1, 1, 1, 1, 1, 1}
	if err := errors.Join(e.Forward([]float32{1, 2, 3, 4, 5, 6}, 2), e.Logits(logits)); err != nil {
		t.Fatal(err)
	}
	for i, y := range logits {
		if y != 0 || math.Signbit(float64(y)) {
			t.Errorf("logit %d is %v", i, y)
		}
	}
}
