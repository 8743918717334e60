package indicator

import (
	"fmt"

	"bnas.example/kernels"
)

// widestSpectrum leaves the heads of mobile spaces out (1,280 channels and more), the same in every architecture of
// theirs, whose eigenproblem costs more than all others together.
const widestSpectrum = 512

// takeBNSpectra looks at what enters the BatchNorms that end an operator or belong to none; those inside an operator
// (the expanded channels of a mobile block) are up to six times as wide, and left out. A value that several normalise
// is looked at once and counted for each.
func (e *evidence) takeBNSpectra() error {
	known := map[kernels.ValueID]float64{}
	for _, bn := range e.program.BNs {
		info, _ := e.net.BNOf(bn.Gamma)
		channels := e.program.Values[bn.Value].C
		if info.Gene >= 0 && !info.Last || channels > widestSpectrum {
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

// bnSpectrum is Σ over BatchNorms of the spectral entropy of what enters them, in nats. BatchNorm fixes the diagonal of
// that covariance and leaves its spectrum. It counts BatchNorms too. Invariant under gauge: an input is a positive
// multiple of what it was. Source: ours, after AZ-NAS.
func bnSpectrum(e *evidence) float64 { return sum(e.bnEntropy) }

// bnSpectrumMean is bnSpectrum per BatchNorm. Invariant.
func bnSpectrumMean(e *evidence) float64 { return mean(e.bnEntropy) }
