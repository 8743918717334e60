package cuda_test

import (
	"os"
	"testing"

	"bnas.example/cuda"
)

// random is a number of random programs: one in the short test, ten times as many in the long one.
func random(n int) int {
	switch {
	case testing.Short():
		return 1
	case os.Getenv("BNAS_LONG") != "":
		return 10 * n
	}
	return n
}

// rounding is the relative error of what is stored and multiplied.
func rounding(s cuda.Storage) float64 {
	u := s.Precision.Rounding()
	if s.Precision == cuda.F16 {
		u = cuda.BF16.Rounding() // of its gradients
	}
	if s.Half {
		u = max(u, cuda.F16.Rounding())
	}
	return u
}
