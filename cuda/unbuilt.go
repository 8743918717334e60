//go:build !cuda

package cuda

import (
	"errors"

	"bnas/kernels"
)

// Open opens the GPU. This program was built without CUDA: it says how to get one that was.
func Open() (Driver, error) {
	return nil, errors.Join(errUnbuilt, kernels.ErrUnsupported)
}

var errUnbuilt = errors.New("this program was built without CUDA: build the one with it by `make cuda` and run bin/bnas-cuda")
