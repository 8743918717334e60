//go:build cgo

package faults

import (
	"testing"

	"bnas/kernels/gpu/machine"
)

func TestAdd(t *testing.T) {
	everyWay(t, func(t *testing.T, b *bench) {
		n := 1000
		x, y := b.random(n), b.random(n)
		dst := b.alloc(4 * n)
		b.launch("clean_add", []int{4}, []int{256}, 0, dst, b.in(x), b.in(y), uint64(n))
		for i, v := range b.floats(dst, n) {
			if v != x[i]+y[i] {
				t.Fatalf("[%d] %g + %g = %g", i, x[i], y[i], v)
			}
		}
	})
}

var _ = machine.Forward
