package indicator

import (
	"fmt"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// widestSpectrum is the largest number of channels of a spectrum. It leaves out the heads of mobile spaces (1,280 channels
// and more). A head is the same in every architecture, and its eigenproblem costs more than all others together.
const widestSpectrum = 512

// bnInputs are the inputs of some BatchNorms. A value of several BatchNorms is measured once.
type bnInputs struct {
	all []covariance
	of  []int // for each BatchNorm, the index of its value in all
}

// measureBNInputs measures the inputs of the BatchNorms of net that end an operator or belong to none, if their shape is wanted.
// It leaves out the BatchNorms inside an operator (the expanded channels of a mobile block), which have up to six times as many
// channels.
func (e *evidence) measureBNInputs(net *supernet.Net, wanted func(kernels.Shape) bool) (in bnInputs, err error) {
	known := map[kernels.ValueID]int{} // index in in.all
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
				return in, fmt.Errorf("covariance of the input of %s: %w", bn.Name, err)
			}
			k, known[bn.Value] = len(in.all), len(in.all)
			in.all = append(in.all, c)
		}
		in.of = append(in.of, k)
	}
	return in, nil
}

// figures are those that of makes of the covariances, for each BatchNorm.
func (in bnInputs) figures(s *Scorer, of func(covariance) (float64, error)) ([]float64, error) {
	each := make([]float64, len(in.all))
	err := s.each(len(in.all), func(i int) (err error) {
		each[i], err = of(in.all[i])
		return err
	})
	var list []float64
	for _, k := range in.of {
		list = append(list, each[k])
	}
	return list, err
}

// takeBNInputs is shared by the terms of these inputs.
func (e *evidence) takeBNInputs() (err error) {
	e.inputs, err = e.measureBNInputs(e.net, func(kernels.Shape) bool { return true })
	return err
}

func (e *evidence) takeBNSpectra() (err error) {
	e.bnEntropy, err = e.inputs.figures(e.Scorer, func(c covariance) (float64, error) { return spectralEntropy(c.cov, c.channels) })
	if err != nil {
		return fmt.Errorf("spectrum of the input of a BatchNorm: %w", err)
	}
	return nil
}

// bnSpectrum is Σ over BatchNorms of the spectral entropy of their inputs, in nats. BatchNorm fixes the diagonal of the
// covariance and does not change its correlations. The sum grows with the number of BatchNorms. Gauge-invariant: a gauge
// multiplies an input by a positive factor. Source: ours, after AZ-NAS.
func bnSpectrum(e *evidence) float64 { return sum(e.bnEntropy) }

// bnSpectrumMean is bnSpectrum per BatchNorm. Invariant.
func bnSpectrumMean(e *evidence) float64 { return mean(e.bnEntropy) }
