package indicator

import (
	"fmt"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// widestSpectrum is the largest number of channels of a spectrum. It leaves out the heads of mobile spaces (1,280 channels
// and more). A head is the same in every architecture, and its eigenproblem costs more than all others together.
const widestSpectrum = 512

// bnInputs are the covariances of the inputs of the BatchNorms of net that end an operator or belong to none, if their shape is wanted. It leaves out the BatchNorms
// inside an operator (the expanded channels of a mobile block), which have up to six times as many channels. A value of
// several BatchNorms is measured once; of lists for each BatchNorm the index of its value in all.
func (e *evidence) bnInputs(net *supernet.Net, wanted func(kernels.Shape) bool) (all []covariance, of []int, err error) {
	known := map[kernels.ValueID]int{} // index in all
	for _, bn := range e.program.BNs {
		info, _ := net.BNOf(bn.Gamma)
		v := e.program.Values[bn.Value]
		if info.Place >= 0 && !info.Last || v.C > widestSpectrum || !wanted(v.Shape) {
			continue
		}
		k, ok := known[bn.Value]
		if !ok {
			c, err := e.covarianceAt(kernels.ValueTap(bn.Value), v.C)
			if err != nil {
				return nil, nil, fmt.Errorf("spectrum of the input of %s: %w", bn.Name, err)
			}
			k, known[bn.Value] = len(all), len(all)
			all = append(all, c)
		}
		of = append(of, k)
	}
	return all, of, nil
}

func anyShape(kernels.Shape) bool { return true }

func (e *evidence) takeBNSpectra() error {
	all, of, err := e.bnInputs(e.net, anyShape)
	if err != nil {
		return err
	}
	h, err := e.entropies(all)
	if err != nil {
		return fmt.Errorf("spectrum of the input of a BatchNorm: %w", err)
	}
	for _, k := range of {
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
