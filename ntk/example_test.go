package ntk_test

import (
	"fmt"

	"bnas.example/ntk"

	"gorgonia.org/tensor"
)

// The kernel of a Jacobian of two images by three parameters, its eigenvalues and log κ.
func ExampleKernel() {
	jacobian := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{
		1, 0, 1,
		0, 1, 1,
	}))
	kernel, err := ntk.Kernel(jacobian, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	eigenvalues, err := ntk.Eigenvalues(kernel)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("kernel", kernel.Data())
	fmt.Printf("eigenvalues %.3f, log κ %.3f\n", eigenvalues, ntk.LogCondition(eigenvalues))
	// Output:
	// kernel [2 1 1 2]
	// eigenvalues [1.000 3.000], log κ 1.099
}

// The change of a kernel in training: its size, and its direction.
func ExampleDrift() {
	start := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float64{3, 0, 0, 4}))
	now := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float64{6, 0, 0, 8}))
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
