//go:build cgo && linux && gpusim

package gpu_test

import (
	"testing"

	"bnas.example/kernels/gpu"
)

// TestJacobianGram: the matrices of two Jacobians are added, with factors of the columns and without, in chunks of any size.
func TestJacobianGram(t *testing.T) {
	for seed, c := range []struct {
		rows, columns, chunk int
		factors              bool
	}{{1, 1, 32, false}, {5, 70, 32, true}, {16, 32, 64, false}, {35, 129, 96, true}, {49, 200, 64, false}} {
		t.Log(describe(uint64(seed), c))
		k := newKit(t, uint64(seed))
		tiles, chunks := (c.rows+15)/16, (c.columns+c.chunk-1)/c.chunk
		want := make([]float64, c.rows*c.rows)
		factors, at := k.random(c.columns), gpu.Ptr(0)
		if c.factors {
			at = put(k, factors...)
		}
		gram, partial := k.alloc(8*len(want)), k.alloc(8*256*chunks*tiles*(tiles+1)/2)
		for add := range 2 {
			j := k.random(c.rows * c.columns)
			for i := range want {
				for p := range c.columns {
					v := j[i/c.rows*c.columns+p] * j[i%c.rows*c.columns+p]
					if c.factors {
						v *= factors[p] * factors[p]
					}
					want[i] += v
				}
			}
			k.launch("jacobian_gram", 2, 2, 256, 0, partial, put(k, floats(j)...), at, c.rows, c.columns, chunks, c.chunk)
			k.launch("gram_total", 2, 1, 96, 0, gram, partial, c.rows, chunks, add)
		}
		near(t, "Gram matrix", get[float64](k, gram, len(want)), want, 1e-13)
	}
}

func TestJacobianColumns(t *testing.T) {
	const rows, columns = 7, 11
	k := newKit(t, 3)
	j, which := floats(k.random(rows*columns)), []int64{10, 0, 3, 3}
	var want []float32
	for row := range rows {
		for _, c := range which {
			want = append(want, j[row*columns+int(c)])
		}
	}
	dst := k.alloc(4 * len(want))
	k.launch("jacobian_columns", 1, 1, 32, 0, dst, put(k, j...), put(k, which...), rows, columns, len(which))
	near(t, "columns", widen(get[float32](k, dst, len(want))), widen(want), 0)
}
