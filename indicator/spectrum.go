package indicator

import (
	"math"

	"bnas.example/ntk"

	"gonum.org/v1/gonum/mat"
)

// spectralEntropy is the entropy of the eigenvalues of a covariance as a distribution,
//
//	H = −Σ p_i log p_i,  p_i = λ_i / Σ_j λ_j,
//
// in nats, from 0 (one direction, or no variance at all) to log n (isotropic). It does not change when the features
// are multiplied by a constant or rotated. Negative eigenvalues are round-off and count as 0.
func spectralEntropy(cov []float64, n int) (float64, error) {
	values, err := ntk.Eigenvalues(mat.NewSymDense(n, cov))
	if err != nil {
		return 0, err
	}
	return weightEntropy(values), nil
}

// weightEntropy is the entropy of weights as a distribution, in nats. Negative weights count as 0.
func weightEntropy(weights []float64) float64 {
	var sum, h float64
	for _, v := range weights {
		sum += max(v, 0)
	}
	for _, v := range weights {
		if p := v / sum; p > 0 {
			h -= p * math.Log(p)
		}
	}
	return h
}

// evenness is an entropy of n weights relative to its maximum, from 0 to 1. One weight has no other to differ from: 0.
func evenness(entropy float64, n int) float64 {
	if n < 2 {
		return 0
	}
	return entropy / math.Log(float64(n))
}
