package cuda

import (
	"fmt"
	"math"

	"bnas.example/cuda/driver"
	"bnas.example/kernels"
)

// words makes kernel parameters, each of 8 bytes.
func words(args ...any) []uint64 {
	w := make([]uint64, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case driver.Ptr:
			w[i] = uint64(a)
		case int:
			w[i] = uint64(int64(a))
		case int64:
			w[i] = uint64(a)
		case uint64:
			w[i] = a
		case form:
			w[i] = uint64(a)
		case float64:
			w[i] = math.Float64bits(a)
		case bool:
			if a {
				w[i] = 1
			}
		default:
			panic(fmt.Sprintf("cuda: a kernel parameter of type %T", a))
		}
	}
	return w
}

// Work is a launch, the step of the Program that it belongs to, and what it moves and computes.
type Work struct {
	driver.Launch
	Step        string
	Read, Write int64 // bytes of distinct device memory
	FLOPs       int64

	// For a trace: what the launch's instructions depend on beside its kernel, grid and block, and the number of equal
	// parts along x of its grid, one for each image; 1 for other launches.
	Shape string
	Parts int
}

// launch queues it on the compute stream.
func (w *Work) launch(d driver.Driver) error {
	err := d.Launch(driver.Compute, &w.Launch)
	if err != nil && w.Step != "" {
		return fmt.Errorf("step %s: %w", w.Step, err)
	}
	return err
}

// simple is a launch of a one-dimensional grid of 256 threads a block over count elements.
func simple(kernel string, count int, args ...any) Work {
	return Work{Launch: driver.Launch{Kernel: kernel, Grid: [3]int{max(1, (count+255)/256), 1, 1}, Block: [3]int{256, 1, 1}, Args: words(args...)}}
}

// mostBlocksY is how many blocks a grid may have along y.
const mostBlocksY = 65535

// blocks is a launch of a grid of 256 threads a block.
func blocks(kernel string, x, y int, args ...any) Work {
	return Work{Launch: driver.Launch{Kernel: kernel, Grid: [3]int{x, y, 1}, Block: [3]int{256, 1, 1}, Args: words(args...)}}
}

var activations = map[kernels.Activation]int64{kernels.Linear: 0, kernels.ReLU: 1, kernels.ReLU6: 2}
