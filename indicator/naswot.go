package indicator

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// singular is the condition number above which a Gram matrix of codes counts as singular. Two identical codes give
// about 1/ε = 4·10¹⁵, networks of real spaces at most 10⁶ or so.
const singular = 1e12

func (e *evidence) takeCodes() error {
	n := e.cfg.Images
	k := make([]int64, n*n)
	units, err := e.exec.CodeGram(k)
	if err != nil {
		return fmt.Errorf("codes: %w", err)
	}
	e.units = units
	e.gram = make([]float64, n*n)
	for i, v := range k {
		e.gram[i] = float64(v)
	}
	return nil
}

// naswot is log det K in nats, K_ij = N_A − d_H(b_i, b_j): the number of rectifiers, of N_A in all, whose on/off state
// is the same for images i and j. Different images should have different codes; −∞ if two of them have the same code. It
// grows with the size of the network, by N·log N_A. Gauge-invariant: a code consists of signs, which no positive factor
// changes. Source: Mellor, Turner, Storkey and Crowley, ICML 2021 (arXiv 2006.04647v2).
func naswot(e *evidence) float64 { return logDet(e.gram, e.cfg.Images) }

// naswotNorm is log det(K/N_A) in nats, at most 0: naswot without the size of the network.
// Gauge-invariant.
func naswotNorm(e *evidence) float64 {
	if e.units == 0 {
		return math.Inf(-1)
	}
	return naswot(e) - float64(e.cfg.Images)*math.Log(float64(e.units))
}

// logDet is the logarithm of the determinant of the symmetric n×n matrix k by Cholesky; −∞ unless it is positive
// definite.
func logDet(k []float64, n int) float64 {
	var c mat.Cholesky
	if !c.Factorize(mat.NewSymDense(n, k)) || c.Cond() > singular {
		return math.Inf(-1)
	}
	return c.LogDet()
}
