//go:build cgo && linux && gpusim

package gpu_test

import "testing"

func TestJacobianGram(t *testing.T) {
	for seed, c := range []struct{ rows, columns int }{{1, 1}, {5, 70}, {16, 32}, {35, 129}} {
		t.Log(describe(uint64(seed), c))
		k := newKit(t, uint64(seed))
		j := k.random(c.rows * c.columns)
		want := make([]float64, c.rows*c.rows)
		for i := range want {
			for p := range c.columns {
				want[i] += j[i/c.rows*c.columns+p] * j[i%c.rows*c.columns+p]
			}
		}
		gram := k.alloc(8 * len(want))
		k.launch("jacobian_gram", 2, 2, 256, 0, gram, put(k, floats(j)...), c.rows, c.columns)
		near(t, "Gram matrix", get[float64](k, gram, len(want)), want, 1e-13)
	}
}
