//go:build cgo && !race && !asan

package cpu_test

import "testing"

// A step that ran before allocates nothing.
func TestStepAllocatesNothing(t *testing.T) {
	e, images, labels := network(t, 1, cells["mixed"])
	images, labels = images[:len(images)/16], labels[:batch/16]
	allocations := testing.AllocsPerRun(2, func() { step(t, e, images, labels, false) })
	if allocations != 0 {
		t.Errorf("a step makes %v allocations", allocations)
	}
}
