package indicator

import (
	"fmt"
	"math"

	"bnas.example/kernels"
)

const (
	gainFloor = 1e-3 // keeps the logarithm finite
	leastGain = 1.2  // networks below it do not differ
)

// takeIdentities takes the gain of the identity in each block of the untrained standard network that keeps its shape.
func (e *evidence) takeIdentities() error {
	p, exec := e.standard.program, e.standard.exec
	features := map[kernels.NodeID][]float32{}
	read := func(node kernels.NodeID) error {
		if features[node] != nil {
			return nil
		}
		features[node] = make([]float32, e.cfg.Images*p.Nodes[node].Len())
		return exec.Read(kernels.NodeTap(node), features[node])
	}
	var blocks []kernels.Block
	for _, b := range p.Blocks {
		if p.Nodes[b.In].Shape != p.Nodes[b.Out].Shape {
			continue
		}
		for _, node := range []kernels.NodeID{b.In, b.Out} {
			if err := read(node); err != nil {
				return fmt.Errorf("features of %s: %w", b.Name, err)
			}
		}
		blocks = append(blocks, b)
	}
	e.gains = make([]float64, len(blocks))
	return e.each(len(blocks), func(i int) error {
		b := blocks[i]
		e.gains[i] = identityShare(features[b.In], features[b.Out], p.Nodes[b.In].Shape)
		return nil
	})
}

// identityShare is √( Σ_c Cov(x_c, y_c)²/Var(x_c) / Σ_c Var(x_c) ) over the channels c of x and y, images×shape each: the gain
// with which y repeats its own channel of x. It is 1 for y = x, and 0 without variance.
func identityShare(x, y []float32, shape kernels.Shape) float64 {
	pixels := shape.H * shape.W
	n := len(x) / shape.Len()
	m := float64(n * pixels)
	var explained, total float64
	for c := range shape.C {
		var sx, sy, sxx, sxy float64
		for i := range n {
			at := (i*shape.C + c) * pixels
			for k, u := range x[at : at+pixels] {
				a, b := float64(u), float64(y[at+k])
				sx += a
				sy += b
				sxx += a * a
				sxy += a * b
			}
		}
		variance, covariance := sxx/m-sx*sx/m/m, sxy/m-sx*sy/m/m
		if variance > 0 {
			explained += covariance * covariance / variance
			total += variance
		}
	}
	if total == 0 {
		return 0
	}
	return math.Sqrt(explained / total)
}

// identityGain is minus the logarithm of how much a block amplifies its own input,
//
//	T = −log max(1.2, geometric mean over blocks of (k + 1e-3)),  k² = Σ_c Cov(x_c, y_c)²/Var(x_c) / Σ_c Var(x_c),
//
// x and y the features before and after a block that keeps their shape. It is measured on the untrained standard network: where
// several paths of a block have no convolution, their copies of x add up there, x grows with each block, and the convolutions
// drown. A BatchNorm on the identity, as in the fair placement, hides this. It is constant, −log 1.2, if no block keeps its shape.
// Gauge-invariant: no γ or β of the supernet is read. Source: ours.
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
