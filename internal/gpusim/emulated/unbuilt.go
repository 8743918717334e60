//go:build !cgo || !linux || !gpusim

package emulated

import (
	"fmt"

	"bnas.example/cuda/driver"
	"bnas.example/kernels"
)

// Driver is not in this build.
type Driver struct{ driver.Driver }

// New says how to get the emulated GPU. The error wraps kernels.ErrUnsupported.
func New(Options) (*Driver, error) {
	return nil, fmt.Errorf("%w: this program was built without the emulated GPU: go build -tags gpusim ./cmd/bnas (on Linux, with g++)", kernels.ErrUnsupported)
}
