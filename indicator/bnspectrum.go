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
	known := map[kernels.ValueID]int{} // index in all
	var all []covariance
	var index []int
	for _, bn := range e.program.BNs {
		info, _ := e.net.BNOf(bn.Gamma)
		channels := e.program.Values[bn.Value].C
		if info.Place >= 0 && !info.Last || channels > widestSpectrum {
			continue
		}
		k, ok := known[bn.Value]
		if !ok {
			c, err := e.covarianceAt(kernels.ValueTap(bn.Value), channels)
			if err != nil {
				return fmt.Errorf("spectrum of the input of %s: %w", bn.Name, err)
			}
			k, known[bn.Value] = len(all), len(all)
			all = append(all, c)
		}
		index = append(index, k)
	}
	h, err := e.entropies(all)
	if err != nil {
		return fmt.Errorf("spectrum of the input of a BatchNorm: %w", err)
	}
	for _, k := range index {
		e.bnEntropy = append(e.bnEntropy, h[k])
	}
	return nil
}

// bnSpectrum is Σ over BatchNorms of the spectral entropy of their inputs, in nats. BatchNorm fixes the diagonal of the
// covariance and does not change its correlations. The sum grows with the number of BatchNorms. Gauge-invariant: a gauge
// multiplies an input by a positive factor. Source: ours, after AZ-NAS.
func bnSpectrum(e *evidence) float64 { return sum(e.bnEntropy) }

// bnSpectrumMean is bnSpectrum per BatchNorm. Invariant.
func bnSpectrumMean(e *evidence) float64 { return mean(e.bnEntropy) }
