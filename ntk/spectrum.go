package ntk

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Spectrum returns the eigenvalues of the symmetric n×n matrix a, ascending. It reads the upper triangle only. It is an
// error if an element is not finite.
func Spectrum(a []float64, n int) ([]float64, error) {
	for i, v := range a {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("ntk: eigenvalues of a %d×%d matrix: element (%d, %d) is %v", n, n, i/n, i%n, v)
		}
	}
	var e mat.EigenSym
	if !e.Factorize(mat.NewSymDense(n, a), false) {
		return nil, fmt.Errorf("ntk: eigenvalues of a %d×%d matrix: no convergence", n, n)
	}
	return e.Values(nil), nil
}
