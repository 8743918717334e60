//go:build !cuda

package driver

import (
	"fmt"

	"bnas.example/kernels"
)

// Built reports whether this program can use a GPU.
const Built = false

var errUnbuilt = fmt.Errorf("%w: this program was built without CUDA; the one with it is made by `make cuda`: bin/bnas-cuda", kernels.ErrUnsupported)

// Count returns an error: this program was built without CUDA.
func Count() (int, error) { return 0, errUnbuilt }

// Open returns an error: this program was built without CUDA.
func Open(int) (Driver, error) { return nil, errUnbuilt }
