package study

import (
	"slices"
	"testing"
)

// Snapshots are at the nearest steps, each once, and samples have 16, 64, 256 and all networks.
func TestSnapshotsAndSizes(t *testing.T) {
	if got := stepsOf([]float64{0, .125, .126, .25, 1}, 100); !slices.Equal(got, []int{0, 13, 25, 100}) {
		t.Errorf("snapshots after %v of 100 steps", got)
	}
	for n, want := range map[int][]int{10: {10}, 16: {16}, 64: {16, 64}, 65: {16, 64, 65}, 256: {16, 64, 256}, 1000: {16, 64, 256, 1000}} {
		d := &earlybirdData{first: followed{Networks: make([]string, n)}}
		if got := d.sizes(); !slices.Equal(got, want) {
			t.Errorf("samples of %v of %d networks, want %v", got, n, want)
		}
	}
}
