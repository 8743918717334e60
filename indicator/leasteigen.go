package indicator

import (
	"fmt"

	"bnas.example/kernels"
	"bnas.example/ntk"

	"gonum.org/v1/gonum/mat"
)

// takeStandardLeast goes on with the first image alone.
func (e *evidence) takeStandardLeast() error {
	s := e.inStandard()
	if err := s.exec.Restrict(1); err != nil {
		return err
	}
	in, err := s.measureBNInputs(e.twin.net, func(v kernels.Shape) bool { return v.H*v.W > v.C })
	if err != nil {
		return ofStandard(err)
	}
	least, err := in.figures(e.Scorer, leastShare)
	if err != nil {
		return fmt.Errorf("least eigenvalue of the input of a BatchNorm of the untrained standard network: %w", err)
	}
	e.standardLeast = sum(least)
	return nil
}

// leastShare is λ_min/λ̄ of a covariance, 0 of one without variance.
func leastShare(c covariance) (float64, error) {
	values, err := ntk.Eigenvalues(mat.NewSymDense(c.channels, c.cov))
	if err != nil {
		return 0, err
	}
	if m := mean(values); m > 0 {
		return max(values[0], 0) / m, nil
	}
	return 0, nil
}

// standardLeast is the sum over BatchNorms of λ_min/λ̄, the least eigenvalue of the covariance of the channels of its input relative to
// their mean, over the pixels of the first image, on the untrained standard network: how far each layer is from a direction that
// carries nothing. A layer without more pixels than channels is left out. No γ or β of the supernet is read. Source: ours, after MeCo
// (Jiang, Wang and Bie, NeurIPS 2023), which has the correlation in the place of the covariance, and all layers.
func standardLeast(e *evidence) float64 { return e.standardLeast }
