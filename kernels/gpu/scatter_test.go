//go:build cgo && linux && gpusim

package gpu_test

import (
	"slices"
	"testing"

	"bnas.example/kernels/gpu"
)

// Every piece comes to its place, and nothing else changes.
func TestScatter(t *testing.T) {
	k := newKit(t, 1)
	lengths := []int{1, 300, 16, 1000, 0, 7}
	from, want := floats(k.random(2000)), floats(k.random(3000))
	source, to := put(k, from...), put(k, want...)
	var list []gpu.Piece
	read, write := 0, 0
	for _, n := range lengths {
		list = append(list, gpu.Piece{To: to + gpu.Ptr(4*write), From: source + gpu.Ptr(4*read), Length: int64(n)})
		copy(want[write:write+n], from[read:])
		read, write = read+n, write+n+5
	}
	k.launch("scatter", 4, 1, 256, 0, put(k, list...), len(list))
	if !slices.Equal(get[float32](k, to, len(want)), want) {
		t.Error("a piece is not where it belongs, or something else has changed")
	}
}
