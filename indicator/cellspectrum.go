package indicator

import (
	"fmt"

	"bnas.example/kernels"
)

func (e *evidence) takeBlockSpectra() error {
	for _, b := range e.program.Blocks {
		h, err := e.entropyAt(kernels.NodeTap(b.Out), e.program.Nodes[b.Out].C)
		if err != nil {
			return fmt.Errorf("spectrum of %s: %w", b.Name, err)
		}
		e.blockEntropy = append(e.blockEntropy, h)
	}
	return nil
}

// entropyAt returns the spectral entropy of the channel covariance at a tap, over images and pixels.
func (e *evidence) entropyAt(t kernels.Tap, channels int) (float64, error) {
	if err := e.stopped(); err != nil {
		return 0, err
	}
	mean, cov := make([]float64, channels), make([]float64, channels*channels)
	if err := e.exec.Covariance(t, mean, cov); err != nil {
		return 0, err
	}
	return spectralEntropy(cov, channels)
}

// cellSpectrum is Σ over blocks of the spectral entropy of the block's output, in nats. The exponential of an entropy is the
// effective number of directions of the features. Gauge-invariant: a gauge multiplies all eigenvalues by one factor.
// Source: AZ-NAS's expressivity (Lee and Ham, CVPR 2024), measured at the output sum of a cell, before any activation.
func cellSpectrum(e *evidence) float64 { return sum(e.blockEntropy) }

// lastSpectrum is the spectral entropy of the last block's output. Gauge-invariant.
func lastSpectrum(e *evidence) float64 {
	if len(e.blockEntropy) == 0 {
		return 0
	}
	return e.blockEntropy[len(e.blockEntropy)-1]
}

func sum(x []float64) float64 {
	var s float64
	for _, v := range x {
		s += v
	}
	return s
}

// mean returns 0 for an empty slice.
func mean(x []float64) float64 { return sum(x) / float64(max(len(x), 1)) }
