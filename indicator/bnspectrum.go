package indicator

import (
	"fmt"

	"bnas.example/kernels"
)

// widestSpectrum is the largest number of channels of a spectrum. It leaves out the heads of mobile spaces (1,280 channels
// and more). A head is the same in every architecture, and its eigenproblem costs more than all others together.
const widestSpectrum = 512

// takeBNSpectra measures the inputs of the BatchNorms that end an operator or belong to none. It leaves out the BatchNorms
// inside an operator (the expanded channels of a mobile block), which have up to six times as many channels. A value of
// several BatchNorms is measured once and counted for each.
func (e *evidence) takeBNSpectra() error {
	known := map[kernels.ValueID]float64{}
	for _, bn := range e.program.BNs {
		info, _ := e.net.BNOf(bn.Gamma)
		channels := e.program.Values[bn.Value].C
		if info.Place >= 0 && !info.Last || channels > widestSpectrum {
			continue
		}
		h, ok := known[bn.Value]
		if !ok {
			var err error
			h, err = e.entropyAt(kernels.ValueTap(bn.Value), channels)
			if err != nil {
				return fmt.Errorf("spectrum of the input of %s: %w", bn.Name, err)
			}
			known[bn.Value] = h
		}
		e.bnEntropy = append(e.bnEntropy, h)
	}
	return nil
}

// bnSpectrum is Σ over BatchNorms of the spectral entropy of their inputs, in nats. BatchNorm fixes the diagonal of the
// covariance and does not change its correlations. The sum grows with the number of BatchNorms. Gauge-invariant: a gauge
// multiplies an input by a positive factor. Source: ours, after AZ-NAS.
func bnSpectrum(e *evidence) float64 { return sum(e.bnEntropy) }

// bnSpectrumMean is bnSpectrum per BatchNorm. Invariant.
func bnSpectrumMean(e *evidence) float64 { return mean(e.bnEntropy) }
