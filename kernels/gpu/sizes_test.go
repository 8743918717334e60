//go:build cgo && linux && gpusim

package gpu_test

import (
	"reflect"
	"slices"
	"testing"

	"bnas.example/kernels/gpu"
)

// The structures of the compiled kernels are as large as their Go mirror.
func TestABISizes(t *testing.T) {
	var want []int64
	for _, s := range []any{
		gpu.Affine{}, gpu.Slope{}, gpu.BatchNorm{}, gpu.Term{}, gpu.Node{}, gpu.Tiling{}, gpu.Statistics{}, gpu.Output{}, gpu.Forward{},
		gpu.Source{}, gpu.Incoming{}, gpu.Sums{}, gpu.Backward{}, gpu.WeightGradient{}, gpu.SampleBN{}, gpu.Parameter{}, gpu.Piece{}, gpu.View{},
	} {
		want = append(want, int64(reflect.TypeOf(s).Size()))
	}
	k := newKit(t, 1)
	at := k.alloc(8 * len(want))
	k.launch("abi_sizes", 1, 1, 256, 0, at)
	if got := get[int64](k, at, len(want)); !slices.Equal(got, want) {
		t.Errorf("the kernels' structures have %v bytes, the mirror %v", got, want)
	}
}
