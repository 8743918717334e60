package supernet

import (
	"fmt"
	"slices"

	"bnas.example/kernels"
)

// Statistics holds μ and the biased σ² of every channel of every BatchNorm of a Program, in the order of its BNs.
// kernels.Exec.Statistics writes them. BatchNorms of one value have the same statistics.
type Statistics struct{ Mean, Variance []float64 }

// NewStatistics returns the statistics of an untrained network, μ = 0 and σ² = 1.
func NewStatistics(p *kernels.Program) Statistics {
	s := Statistics{Mean: make([]float64, p.BNParams()/2), Variance: make([]float64, p.BNParams()/2)}
	for i := range s.Variance {
		s.Variance[i] = 1
	}
	return s
}

// Check returns an error if s does not have one mean and one variance for each channel of the program's BatchNorms, or if
// BatchNorms of one value have different statistics.
func (s Statistics) Check(p *kernels.Program) error {
	_, err := s.byBN(p)
	return err
}

// channelStatistics holds the statistics of one BatchNorm. The zero value means μ = 0 and σ² = 1.
type channelStatistics struct{ mean, variance []float64 }

// byBN returns the statistics of each BatchNorm by its γ.
func (s Statistics) byBN(p *kernels.Program) (map[kernels.ParamID]channelStatistics, error) {
	if n := p.BNParams() / 2; len(s.Mean) != n || len(s.Variance) != n {
		return nil, fmt.Errorf("supernet: %s: %d means and %d variances, want %d of each", p.Name, len(s.Mean), len(s.Variance), n)
	}
	of := map[kernels.ParamID]channelStatistics{}
	ofValue := map[kernels.ValueID]channelStatistics{}
	at := 0
	for _, b := range p.BNs {
		end := at + p.Values[b.Value].C
		c := channelStatistics{s.Mean[at:end], s.Variance[at:end]}
		if first, ok := ofValue[b.Value]; ok && !(slices.Equal(first.mean, c.mean) && slices.Equal(first.variance, c.variance)) {
			return nil, fmt.Errorf("supernet: %s: %s has other statistics than a BatchNorm of the same value %s", p.Name, b.Name, p.Values[b.Value].Name)
		}
		of[b.Gamma], ofValue[b.Value] = c, c
		at = end
	}
	return of, nil
}

// float32s returns the statistics of so many channels.
func (s channelStatistics) float32s(channels int) (mean, variance []float32) {
	mean, variance = make([]float32, channels), make([]float32, channels)
	for c := range channels {
		variance[c] = 1
		if s.mean != nil {
			mean[c], variance[c] = float32(s.mean[c]), float32(s.variance[c])
		}
	}
	return mean, variance
}
