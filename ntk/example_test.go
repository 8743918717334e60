package ntk_test

import (
	"fmt"

	"bnas.example/ntk"

	"gonum.org/v1/gonum/mat"
)

// The kernel of a Jacobian of two images by three parameters, its eigenvalues and log κ.
func ExampleAddKernel() {
	jacobian := []float32{
		1, 0, 1,
		0, 1, 1,
	}
	kernel := mat.NewSymDense(2, nil)
	ntk.AddKernel(kernel, jacobian, nil)
	eigenvalues, err := ntk.Eigenvalues(kernel)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.0f\n", mat.Formatted(kernel))
	fmt.Printf("eigenvalues %.3f, log κ %.3f\n", eigenvalues, ntk.LogCondition(eigenvalues))
	// Output:
	// ⎡2  1⎤
	// ⎣1  2⎦
	// eigenvalues [1.000 3.000], log κ 1.099
}

// The change of a kernel in training: its size, and its direction.
func ExampleDrift() {
	start := mat.NewSymDense(2, []float64{3, 0, 0, 4})
	now := mat.NewSymDense(2, []float64{6, 0, 0, 8})
	drift, err := ntk.Drift(now, start)
	if err != nil {
		fmt.Println(err)
		return
	}
	alignment, err := ntk.Alignment(now, start)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("drift %.2f, alignment %.2f\n", drift, alignment)
	// Output: drift 1.00, alignment 1.00
}
