package tensors_test

import (
	"fmt"
	"slices"
	"testing"

	"bnas.example/data"
	"bnas.example/kernels"
	"bnas.example/kernels/hoststore"
	"bnas.example/ntk"
	"bnas.example/tensors"

	"gonum.org/v1/gonum/mat"
	"gorgonia.org/tensor"
)

func TestImages(t *testing.T) {
	b := data.Batch{Images: make([]float32, 2*3*4*5), Channels: 3, Height: 4, Width: 5, Labels: make([]int, 2)}
	x := tensors.Images(b)
	if !x.Shape().Eq(tensor.Shape{2, 3, 4, 5}) {
		t.Fatalf("shape %v", x.Shape())
	}
	b.Images[2*60-1] = 7
	if last, err := x.At(1, 2, 3, 4); err != nil || last != float32(7) {
		t.Errorf("the last element is %v, %v", last, err)
	}
}

func TestMatrix(t *testing.T) {
	x := tensors.Matrix(mat.NewDense(2, 3, []float64{1, 2, 3, 4, 5, 6}))
	if !x.Shape().Eq(tensor.Shape{2, 3}) || !slices.Equal(x.Data().([]float64), []float64{1, 2, 3, 4, 5, 6}) {
		t.Errorf("%v", x)
	}
}

func TestParameter(t *testing.T) {
	s := hoststore.New([]kernels.Param{{Name: "conv", Kind: kernels.ConvWeight, Shape: []int{2, 3, 1, 1}}})
	want := []float32{1, 2, 3, 4, 5, 6}
	if err := s.Write(kernels.Data, want, 0); err != nil {
		t.Fatal(err)
	}
	x, err := tensors.Parameter(s, 0, kernels.Data)
	if err != nil {
		t.Fatal(err)
	}
	if !x.Shape().Eq(tensor.Shape{2, 3, 1, 1}) || !slices.Equal(x.Data().([]float32), want) {
		t.Errorf("%v", x)
	}
	if _, err := tensors.Parameter(s, 1, kernels.Data); err == nil {
		t.Error("a parameter that is not there")
	}
}

// The tangent kernel of two images, in Gorgonia's type.
func ExampleMatrix() {
	kernel := mat.NewSymDense(2, nil)
	ntk.AddKernel(kernel, []float32{1, 0, 1, 0, 1, 1}, nil)
	theta := tensors.Matrix(kernel)
	fmt.Println(theta.Shape(), theta.Data())
	// Output: (2, 2) [2 1 1 2]
}
