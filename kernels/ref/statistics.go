package ref

import (
	"slices"

	"bnas.example/kernels"
)

// Statistics writes μ and σ² of every BatchNorm.
func (e *Exec) Statistics(mean, variance []float64) error {
	at := 0
	for _, b := range e.p.BNs {
		copy(mean[at:], e.mean[b.Value])
		at += copy(variance[at:], e.variance[b.Value])
	}
	return nil
}

// QueueStatistics writes them at once.
func (e *Exec) QueueStatistics(mean, variance []float64) *kernels.Pending[kernels.Nothing] {
	return kernels.Done(kernels.Nothing{}, e.Statistics(mean, variance))
}

// SetStatistics sets μ and σ² of every BatchNorm. BatchNorms of one value get the same.
func (e *Exec) SetStatistics(mean, variance []float64) error {
	at := 0
	for _, b := range e.p.BNs {
		end := at + e.p.Values[b.Value].C
		e.mean[b.Value], e.variance[b.Value] = slices.Clone(mean[at:end]), slices.Clone(variance[at:end])
		at = end
	}
	return nil
}
