package ref

import (
	"fmt"
	"slices"

	"bnas.example/kernels"
)

// bnChannels is the number of channels of all BatchNorms.
func (e *Exec) bnChannels() int { return e.p.BNParams() / 2 }

// Statistics writes μ and σ² of every BatchNorm.
func (e *Exec) Statistics(mean, variance []float64) error {
	if !e.known {
		return e.fail("Statistics", fmt.Errorf("there are none yet"))
	}
	if err := e.length("Statistics", "means", len(mean), e.bnChannels()); err != nil {
		return err
	}
	if err := e.length("Statistics", "variances", len(variance), e.bnChannels()); err != nil {
		return err
	}
	at := 0
	for _, b := range e.p.BNs {
		copy(mean[at:], e.mean[b.Value])
		at += copy(variance[at:], e.variance[b.Value])
	}
	return nil
}

// SetStatistics sets them; what the last Forward left is then gone. BatchNorms of one value must be given the same.
func (e *Exec) SetStatistics(mean, variance []float64) error {
	if err := e.length("SetStatistics", "means", len(mean), e.bnChannels()); err != nil {
		return err
	}
	if err := e.length("SetStatistics", "variances", len(variance), e.bnChannels()); err != nil {
		return err
	}
	if err := kernels.CheckStatistics(mean, variance); err != nil {
		return e.fail("SetStatistics", err)
	}
	given := make([][2][]float64, len(e.p.Values))
	at := 0
	for i, b := range e.p.BNs {
		end := at + e.p.Values[b.Value].C
		g := [2][]float64{mean[at:end], variance[at:end]}
		if first := given[b.Value]; first[0] != nil && !(slices.Equal(first[0], g[0]) && slices.Equal(first[1], g[1])) {
			return e.fail("SetStatistics", fmt.Errorf("BN %d (%s): other statistics than an earlier BN of the same value", i, b.Name))
		}
		given[b.Value] = g
		at = end
	}
	for v, g := range given {
		e.mean[v], e.variance[v] = slices.Clone(g[0]), slices.Clone(g[1])
	}
	e.known = true
	e.n = 0
	return nil
}
