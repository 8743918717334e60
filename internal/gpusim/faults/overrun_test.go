//go:build cgo && linux && !asan && gpusim

package faults

import (
	"testing"

	"bnas.example/internal/gpusim/machine"
)

// Writes past a buffer are found when it is freed, where loads and stores are not checked.
func TestPlantedOverrunWithoutChecks(t *testing.T) {
	b := newBench(t, machine.Options{})
	p, err := b.m.Alloc(64)
	if err != nil {
		t.Fatal(err)
	}
	q, err := b.m.Alloc(64)
	if err != nil {
		t.Fatal(err)
	}
	b.launch("planted_write_before", nil, []int{1}, 0, q)
	if err := b.m.Free(p); err == nil {
		t.Error("the write after the buffer was not found")
	}
	if err := b.m.Free(q); err != nil {
		t.Error(err)
	}
}
