package ntk

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// eigenvalues of the symmetric n×n matrix a, ascending; only its upper triangle is read.
func eigenvalues(a []float64, n int) ([]float64, error) {
	for i, v := range a {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("eigenvalues of a %d×%d matrix: element (%d, %d) is %v", n, n, i/n, i%n, v)
		}
	}
	var e mat.EigenSym
	if !e.Factorize(mat.NewSymDense(n, a), false) {
		return nil, fmt.Errorf("eigenvalues of a %d×%d matrix: no convergence", n, n)
	}
	return e.Values(nil), nil
}

// spectralEntropy is the entropy of the eigenvalues of a covariance as a distribution,
//
//	H = −Σ p_i log p_i,  p_i = λ_i / Σ_j λ_j,
//
// in nats, from 0 (one direction, or no variance at all) to log n (isotropic). It does not change when the features
// are multiplied by a constant or rotated. Negative eigenvalues are round-off and count as 0.
func spectralEntropy(cov []float64, n int) (float64, error) {
	values, err := eigenvalues(cov, n)
	if err != nil {
		return 0, err
	}
	var sum, h float64
	for _, v := range values {
		sum += max(v, 0)
	}
	for _, v := range values {
		if p := v / sum; p > 0 {
			h -= p * math.Log(p)
		}
	}
	return h, nil
}
