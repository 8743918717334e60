package kernels

import (
	"fmt"
	"math"
	"slices"
)

// checkStatistics returns an error if the lengths differ, a mean is not finite, a variance is negative or not finite, or
// two BatchNorms of one value get different statistics.
func (p *Program) checkStatistics(mean, variance []float64) error {
	if len(mean) != len(variance) {
		return fmt.Errorf("%d means and %d variances", len(mean), len(variance))
	}
	for i := range mean {
		if math.IsNaN(mean[i]) || math.IsInf(mean[i], 0) || !(variance[i] >= 0) || math.IsInf(variance[i], 0) {
			return fmt.Errorf("channel %d: mean %v, variance %v", i, mean[i], variance[i])
		}
	}
	first := make([]int, len(p.Values)) // 1 + the column of a value's first BatchNorm
	at := 0
	for i, b := range p.BNs {
		c := p.Values[b.Value].C
		if first[b.Value] == 0 {
			first[b.Value] = at + 1
		}
		same := first[b.Value] - 1
		if !slices.Equal(mean[same:same+c], mean[at:at+c]) || !slices.Equal(variance[same:same+c], variance[at:at+c]) {
			return fmt.Errorf("BN %d (%s): other statistics than an earlier BN of the same value", i, b.Name)
		}
		at += c
	}
	return nil
}
