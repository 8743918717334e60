package ntk

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// floor bounds a kernel's condition number: eigenvalues below floor·λ_max are taken as that.
const floor = 1e-6

// Eigenvalues returns the eigenvalues of a symmetric matrix, ascending. It is an error if an element is not finite.
func Eigenvalues(a mat.Symmetric) ([]float64, error) {
	n := a.SymmetricDim()
	for i := range n {
		for k := i; k < n; k++ {
			if v := a.At(i, k); math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("ntk: eigenvalues of a %d×%d matrix: element (%d, %d) is %v", n, n, i, k, v)
			}
		}
	}
	var e mat.EigenSym
	if !e.Factorize(a, false) {
		return nil, fmt.Errorf("ntk: eigenvalues of a %d×%d matrix: no convergence", n, n)
	}
	return e.Values(nil), nil
}

// LogCondition returns log κ = log(λ_max / max(λ_min, 1e-6·λ_max)) of ascending eigenvalues, from 0 to log 10⁶. It is
// +Inf if λ_max ≤ 0. The floor of 1e-6 is ours.
func LogCondition(eigenvalues []float64) float64 {
	if len(eigenvalues) == 0 || !(eigenvalues[len(eigenvalues)-1] > 0) {
		return math.Inf(1)
	}
	top := eigenvalues[len(eigenvalues)-1]
	return math.Log(top / max(eigenvalues[0], floor*top))
}
