package indicator

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// volumeFloor keeps the logarithm finite if the gradients of some images are multiples of one another.
const volumeFloor = 1e-3

// toUnitLength returns the Gram matrix of vectors that are scaled to length one, given their Gram matrix. A vector of length zero is
// orthogonal to all.
func toUnitLength(g mat.Symmetric) *mat.SymDense {
	n := g.SymmetricDim()
	length := make([]float64, n)
	for i := range length {
		length[i] = math.Sqrt(max(g.At(i, i), 0))
	}
	c := mat.NewSymDense(n, nil)
	for i := range n {
		for k := i; k < n; k++ {
			if l := length[i] * length[k]; l > 0 {
				c.SetSym(i, k, g.At(i, k)/l)
			}
		}
	}
	return c
}

// logVolume is Σ log(v + 1e-3) over the eigenvalues v of the correlation matrix R of a Gram matrix g, by a Cholesky factor of
// R + 1e-3·I: of n vectors scaled to length one, the logarithm of the squared volume that they span. It is about 0 if they are
// orthogonal and −6.9·(n−1) + log n if they are parallel. A vector of length zero is orthogonal to all and counts as log 1e-3.
func logVolume(g mat.Symmetric) (float64, error) {
	r := toUnitLength(g)
	n := r.SymmetricDim()
	for i := range n {
		r.SetSym(i, i, r.At(i, i)+volumeFloor)
	}
	var factor mat.Cholesky
	if !factor.Factorize(r) {
		return 0, fmt.Errorf("a %d×%d matrix has no Cholesky factor: it has an element that is not finite", n, n)
	}
	return factor.LogDet(), nil
}
