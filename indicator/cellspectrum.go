package indicator

import (
	"fmt"

	"bnas.example/kernels"
)

func (e *evidence) takeBlockSpectra() error {
	var all []covariance
	for _, b := range e.program.Blocks {
		c, err := e.covarianceAt(kernels.NodeTap(b.Out), e.program.Nodes[b.Out].C)
		if err != nil {
			return fmt.Errorf("spectrum of %s: %w", b.Name, err)
		}
		all = append(all, c)
	}
	var err error
	e.blockEntropy, err = e.entropies(all)
	for i, h := range e.blockEntropy {
		e.blockEvenness = append(e.blockEvenness, evenness(h, all[i].channels))
	}
	return err
}

// covariance is that of the channels at a tap, over images and pixels.
type covariance struct {
	channels int
	cov      []float64
}

func (e *evidence) covarianceAt(t kernels.Tap, channels int) (covariance, error) {
	c := covariance{channels, make([]float64, channels*channels)}
	if err := e.stopped(); err != nil {
		return c, err
	}
	return c, e.exec.Covariance(t, make([]float64, channels), c.cov)
}

// entropies returns the spectral entropies.
func (e *evidence) entropies(all []covariance) ([]float64, error) {
	h := make([]float64, len(all))
	return h, e.each(len(all), func(i int) (err error) {
		h[i], err = spectralEntropy(all[i].cov, all[i].channels)
		return err
	})
}

// cellSpectrum is Σ over blocks of the spectral entropy of the block's output, in nats. The exponential of an entropy is the
// effective number of directions of the features. Gauge-invariant: a gauge multiplies all eigenvalues by one factor.
// Source: AZ-NAS's expressivity (Lee and Ham, CVPR 2024), measured at the output sum of a cell, before any activation.
func cellSpectrum(e *evidence) float64 { return sum(e.blockEntropy) }

// cellSpectrumNorm is Σ over blocks of H/log C: C channels have at most the entropy log C. Each block counts alike, whatever its
// width. Gauge-invariant. Source: ours, from cellSpectrum.
func cellSpectrumNorm(e *evidence) float64 { return sum(e.blockEvenness) }

// standardSpectrum is cellSpectrumNorm of the untrained standard network. Source: AZ-NAS's expressivity, with each block counted
// alike.
func standardSpectrum(e *evidence) float64 { return sum(e.standardEvenness) }

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
