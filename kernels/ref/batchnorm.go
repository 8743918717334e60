package ref

import (
	"math"

	"bnas.example/kernels"
)

// eachChannel calls f for every image and channel with the range of their pixels.
func eachChannel(n int, s kernels.Shape, f func(i, c, lo, hi int)) {
	pixels := s.H * s.W
	for i := range n {
		for c := range s.C {
			lo := (i*s.C + c) * pixels
			f(i, c, lo, lo+pixels)
		}
	}
}

// statistics: μ_c and the biased σ²_c of channel c over the pixels of the first rows images.
func statistics(x []float64, rows int, s kernels.Shape) (mean, variance []float64) {
	m := float64(rows * s.H * s.W)
	mean, variance = make([]float64, s.C), make([]float64, s.C)
	eachChannel(rows, s, func(_, c, lo, hi int) {
		for _, v := range x[lo:hi] {
			mean[c] += v / m
		}
	})
	eachChannel(rows, s, func(_, c, lo, hi int) {
		for _, v := range x[lo:hi] {
			variance[c] += (v - mean[c]) * (v - mean[c]) / m
		}
	})
	return mean, variance
}

// norm is one BatchNorm of the last Forward: y = γ·x̂ + β, x̂ = (x − μ)·r, r = 1/√(σ² + ε).
type norm struct {
	x           []float64
	shape       kernels.Shape
	gamma, beta []float64
	mean, r     []float64
}

func (e *Exec) norm(id kernels.BNID) norm {
	b := e.p.BNs[id]
	shape := e.p.Values[b.Value].Shape
	r := make([]float64, len(e.variance[b.Value]))
	for c, v := range e.variance[b.Value] {
		r[c] = 1 / math.Sqrt(v+b.Eps)
	}
	return norm{
		x:     e.values[b.Value],
		shape: shape,
		gamma: e.data(b.Gamma, shape.C),
		beta:  e.data(b.Beta, shape.C),
		mean:  e.mean[b.Value],
		r:     r,
	}
}

// normalised returns x̂.
func (b norm) normalised(n int) []float64 {
	xhat := make([]float64, n*b.shape.Len())
	eachChannel(n, b.shape, func(_, c, lo, hi int) {
		for p := lo; p < hi; p++ {
			xhat[p] = (b.x[p] - b.mean[c]) * b.r[c]
		}
	})
	return xhat
}

// output returns γ·x̂ + β.
func (b norm) output(n int) []float64 {
	y := b.normalised(n)
	eachChannel(n, b.shape, func(_, c, lo, hi int) {
		for p := lo; p < hi; p++ {
			y[p] = b.gamma[c]*y[p] + b.beta[c]
		}
	})
	return y
}

// params writes, for every image, dγ[n,c] = Σ_p δ·x̂ and dβ[n,c] = Σ_p δ, both n×C.
func (b norm) params(delta, xhat []float64, n int) (dGamma, dBeta []float64) {
	dGamma, dBeta = make([]float64, n*b.shape.C), make([]float64, n*b.shape.C)
	eachChannel(n, b.shape, func(i, c, lo, hi int) {
		for p := lo; p < hi; p++ {
			dGamma[i*b.shape.C+c] += delta[p] * xhat[p]
			dBeta[i*b.shape.C+c] += delta[p]
		}
	})
	return dGamma, dBeta
}

// frozen adds to dx the gradient with μ and σ² constant: γrδ.
func (b norm) frozen(dx, delta []float64, n int) {
	eachChannel(n, b.shape, func(_, c, lo, hi int) {
		for p := lo; p < hi; p++ {
			dx[p] += b.gamma[c] * b.r[c] * delta[p]
		}
	})
}

// differentiated adds to dx the gradient with μ and σ² functions of all n images: γr(δ − dβ/m − x̂·dγ/m), where dγ
// and dβ are summed over images.
func (b norm) differentiated(dx, delta, xhat, dGamma, dBeta []float64, n int) {
	m := float64(n * b.shape.H * b.shape.W)
	eachChannel(n, b.shape, func(_, c, lo, hi int) {
		for p := lo; p < hi; p++ {
			dx[p] += b.gamma[c] * b.r[c] * (delta[p] - dBeta[c]/m - xhat[p]*dGamma[c]/m)
		}
	})
}
