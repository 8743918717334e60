package indicator

import (
	"fmt"
	"math"
	"slices"

	"bnas.example/kernels"
)

const (
	gainFloor = 1e-3 // keeps the logarithm finite
	leastGain = 1.2  // networks below it do not differ
)

// addsCopies reports whether a block of p that keeps its shape has two paths without a convolution.
func addsCopies(p *kernels.Program) bool {
	return slices.ContainsFunc(p.Blocks, func(b kernels.Block) bool {
		return p.Nodes[b.In].Shape == p.Nodes[b.Out].Shape && pathsWithoutConvolution(p, b) > 1
	})
}

// takeIdentities takes the gain of the identity in each block of the untrained standard network that keeps its shape.
func (e *evidence) takeIdentities() error {
	p := e.standard.program
	var x, y []float32
	last := kernels.NodeID(-1) // that y has
	for _, b := range p.Blocks {
		shape := p.Nodes[b.In].Shape
		if shape != p.Nodes[b.Out].Shape {
			continue
		}
		n := e.cfg.Images * shape.Len()
		if x, y = y, x; b.In != last || len(x) != n {
			x = slices.Grow(x[:0], n)[:n]
			if err := e.standard.exec.Read(kernels.NodeTap(b.In), x); err != nil {
				return fmt.Errorf("features before %s: %w", b.Name, err)
			}
		}
		y, last = slices.Grow(y[:0], n)[:n], b.Out
		if err := e.standard.exec.Read(kernels.NodeTap(b.Out), y); err != nil {
			return fmt.Errorf("features after %s: %w", b.Name, err)
		}
		gain, err := e.identityShare(x, y, shape)
		if err != nil {
			return err
		}
		e.gains = append(e.gains, gain)
	}
	return nil
}

// identityShare is √( Σ_c Cov(x_c, y_c)²/Var(x_c) / Σ_c Var(x_c) ) over the channels c of x and y, images×shape each: the gain
// with which y repeats its own channel of x. It is 1 for y = x, and 0 without variance.
func (s *Scorer) identityShare(x, y []float32, shape kernels.Shape) (float64, error) {
	explained, variance := make([]float64, shape.C), make([]float64, shape.C)
	if err := s.each(shape.C, func(c int) error {
		var covariance float64
		if variance[c], covariance = channelMoments(x, y, shape, c); variance[c] > 0 {
			explained[c] = covariance * covariance / variance[c]
		}
		return nil
	}); err != nil {
		return 0, err
	}
	if sum(variance) == 0 {
		return 0, nil
	}
	return math.Sqrt(sum(explained) / sum(variance)), nil
}

// channelMoments returns Var(x_c) and Cov(x_c, y_c) over images and pixels.
func channelMoments(x, y []float32, shape kernels.Shape, c int) (variance, covariance float64) {
	pixels := shape.H * shape.W
	var sx, sy, sxx, sxy float64
	for at := c * pixels; at < len(x); at += shape.Len() {
		u, v := x[at:at+pixels], y[at:at+pixels]
		for k, a := range u {
			a, b := float64(a), float64(v[k])
			sx += a
			sy += b
			sxx += a * a
			sxy += a * b
		}
	}
	m := float64(len(x) / shape.C)
	return max(sxx/m-sx*sx/m/m, 0), sxy/m - sx*sy/m/m
}

// identityGain is minus the logarithm of how much a block amplifies its own input,
//
//	T = −log max(1.2, geometric mean over blocks of (k + 1e-3)),  k² = Σ_c Cov(x_c, y_c)²/Var(x_c) / Σ_c Var(x_c),
//
// x and y the features before and after a block that keeps their shape. It is measured on the untrained standard network: where
// several paths of a block have no convolution, their copies of x add up there, x grows with each block, and the convolutions
// drown. A BatchNorm on the identity, as in the fair placement, hides this. It is −log 1.2 without a measurement if no block that
// keeps its shape has two such paths. Gauge-invariant: no γ or β of the supernet is read. Source: ours.
func identityGain(e *evidence) float64 {
	var logs []float64
	for _, k := range e.gains {
		logs = append(logs, math.Log(k+gainFloor))
	}
	if len(logs) == 0 {
		return -math.Log(leastGain)
	}
	return -math.Log(max(math.Exp(mean(logs)), leastGain))
}
