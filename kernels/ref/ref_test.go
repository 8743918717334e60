package ref_test

import (
	"testing"

	"bnas/kernels"
	"bnas/kernels/kerneltest"
	"bnas/kernels/ref"
)

func TestSuite(t *testing.T) {
	kerneltest.Run(t, func(int) (kernels.Device, error) { return ref.New(), nil }, kerneltest.Options{Random: 12, Small: true})
}
