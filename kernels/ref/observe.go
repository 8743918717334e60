package ref

import (
	"bnas.example/kernels"
)

// tap returns the node or value of a Tap, n×shape.
func (e *Exec) tap(t kernels.Tap) ([]float64, kernels.Shape) {
	if v, ok := t.Value(); ok {
		return e.noisy(e.values[v]), e.p.Values[v].Shape
	}
	n, _ := t.Node()
	return e.sum(n), e.p.Nodes[n].Shape
}

// Read writes the node or value, n×C×H×W.
func (e *Exec) Read(t kernels.Tap, dst []float32) error {
	x, _ := e.tap(t)
	toFloat32(dst, x)
	return nil
}

// SpatialMean writes the mean over pixels, n×C.
func (e *Exec) SpatialMean(t kernels.Tap, dst []float64) error {
	x, s := e.tap(t)
	copy(dst, globalAvg(x, s))
	return nil
}

// Covariance writes μ_c and cov[c,d] = mean over images and pixels of (x_c − μ_c)(x_d − μ_d).
func (e *Exec) Covariance(t kernels.Tap, mean, cov []float64) error {
	x, s := e.tap(t)
	mu, _ := statistics(x, e.n, s)
	copy(mean, mu)
	pixels := s.H * s.W
	m := float64(e.n * pixels)
	parallel(s.C, func(c int) {
		for d := range s.C {
			sum := 0.0
			for i := range e.n {
				xc, xd := x[(i*s.C+c)*pixels:][:pixels], x[(i*s.C+d)*pixels:][:pixels]
				for p := range xc {
					sum += (xc[p] - mu[c]) * (xd[p] - mu[d])
				}
			}
			cov[c*s.C+d] = sum / m
		}
	})
	return nil
}

// CodeGram counts for each pair of images the rectifiers with the same on/off state.
func (e *Exec) CodeGram(dst []int64) (units int64, err error) {
	clear(dst)
	e.p.EachRectified(func(s *kernels.Step, node kernels.NodeID) {
		z, size := e.gate(node), e.p.Nodes[node].Len()
		units += int64(s.ReLUs) * int64(size)
		for i := range e.n {
			for j := range e.n {
				for k := range size {
					if (z[i*size+k] > 0) == (z[j*size+k] > 0) {
						dst[i*e.n+j] += int64(s.ReLUs)
					}
				}
			}
		}
	})
	return units, nil
}

// FiringRate writes the share of images and pixels at which each channel is > 0.
func (e *Exec) FiringRate(dst []float64) error {
	clear(dst)
	at := 0
	e.p.EachRectified(func(_ *kernels.Step, node kernels.NodeID) {
		z, s := e.gate(node), e.p.Nodes[node].Shape
		m := float64(e.n * s.H * s.W)
		eachChannel(e.n, s, func(_, c, lo, hi int) {
			on := 0
			for _, v := range z[lo:hi] {
				if v > 0 {
					on++
				}
			}
			dst[at+c] += float64(on) / m
		})
		at += s.C
	})
	return nil
}
