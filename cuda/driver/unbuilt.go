//go:build !cuda

package driver

import (
	"fmt"

	"bnas.example/kernels"
)

// Built tells whether this program can use a GPU.
const Built = false

// Open opens the GPU. This program was built without CUDA: it says how to get one that was.
func Open() (Driver, error) {
	return nil, fmt.Errorf("%w: this program was built without CUDA; the one with it is made by `make cuda`: bin/bnas-cuda", kernels.ErrUnsupported)
}
