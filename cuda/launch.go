package cuda

import (
	"fmt"
	"math"

	"bnas.example/kernels"
)

// words makes kernel parameters, each of 8 bytes.
func words(args ...any) []uint64 {
	w := make([]uint64, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case Ptr:
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

// An op is a launch, what it is for, and what it moves and computes for its images.
type op struct {
	Launch
	step        string // of the program
	read, write int64  // bytes of distinct device memory
	flops       int64
}

// queue launches ops in order.
func (d *Device) queue(ops []op) error {
	for i := range ops {
		if d.counting != nil {
			d.counting(&ops[i])
		}
		if err := d.driver.Launch(Compute, &ops[i].Launch); err != nil {
			if ops[i].step == "" {
				return err
			}
			return fmt.Errorf("step %s: %w", ops[i].step, err)
		}
	}
	return nil
}

// simple is a launch of a one-dimensional grid of 256 threads a block over count elements.
func simple(kernel string, count int, args ...any) op {
	return op{Launch: Launch{Kernel: kernel, Grid: [3]int{max(1, (count+255)/256), 1, 1}, Block: [3]int{256, 1, 1}, Args: words(args...)}}
}

// blocks is a launch of a grid of 256 threads a block.
func blocks(kernel string, x, y int, args ...any) op {
	return op{Launch: Launch{Kernel: kernel, Grid: [3]int{x, y, 1}, Block: [3]int{256, 1, 1}, Args: words(args...)}}
}

var activations = map[kernels.Activation]int64{kernels.Linear: 0, kernels.ReLU: 1, kernels.ReLU6: 2}
