package ref_test

import (
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
	"bnas.example/kernels/ref"
)

func TestSuite(t *testing.T) {
	o := kerneltest.Options{Random: 4, Small: true, Threads: 1}
	if testing.Short() { // under the race detector, where the tests of train have factors and auxiliary classifiers
		o.Random, o.Plain = 2, true
	}
	kerneltest.Run(t, func(int) (kernels.Device, error) { return ref.New(), nil }, o)
}
