package ref_test

import (
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
	"bnas.example/kernels/ref"
)

func TestSuite(t *testing.T) {
	o := kerneltest.Options{Random: 4, Small: true}
	if testing.Short() {
		o.Random = 2
	}
	kerneltest.Run(t, func(int) (kernels.Device, error) { return ref.New(), nil }, o)
}
