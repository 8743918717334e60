package indicator

import (
	"fmt"

	"gonum.org/v1/gonum/mat"
)

func (e *evidence) takeBNVolumes() (err error) {
	e.bnVolume, err = e.inputs.figures(e.Scorer, func(c covariance) (float64, error) {
		v, err := logVolume(mat.NewSymDense(c.channels, c.cov))
		return v / float64(c.channels), err
	})
	if err != nil {
		return fmt.Errorf("correlation of the input of a BatchNorm: %w", err)
	}
	return nil
}

// bnCorr is the mean over BatchNorms of (1/C)·log det(R + 1e-3·I), R the correlation matrix of the C channels of its input over images
// and pixels: about 0 if the channels are independent. Of Gaussian features −½·log det R is their total correlation, which is what
// the channels say more than once. Gauge-invariant: no scale of a channel enters a correlation. Source: ours. MeCo (Jiang, Wang and
// Bie, NeurIPS 2023) has the smallest eigenvalue of such matrices.
func bnCorr(e *evidence) float64 { return mean(e.bnVolume) }
