//go:build cgo && !race && !asan

package cpu_test

import (
	"testing"

	"bnas.example/kernels"
)

// A step that ran before allocates nothing.
func TestStepAllocatesNothing(t *testing.T) {
	e, images, labels := network(t, 1, cells["mixed"])
	images, labels = images[:len(images)/16], labels[:batch/16]
	allocations := testing.AllocsPerRun(2, func() {
		if err := e.Forward(images, len(labels)); err != nil {
			t.Fatal(err)
		}
		if err := e.CrossEntropy(labels, 0); err != nil {
			t.Fatal(err)
		}
		if err := e.Backward(kernels.DifferentiateStatistics, false); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 {
		t.Errorf("a step makes %v allocations", allocations)
	}
}
