package kernels

import (
	"fmt"
	"math"
)

// CheckStatistics says what a SetStatistics call has wrong: a mean that is not finite, a variance that is negative or
// not finite.
func CheckStatistics(mean, variance []float64) error {
	if len(mean) != len(variance) {
		return fmt.Errorf("%d means and %d variances", len(mean), len(variance))
	}
	for i := range mean {
		if math.IsNaN(mean[i]) || math.IsInf(mean[i], 0) || !(variance[i] >= 0) || math.IsInf(variance[i], 0) {
			return fmt.Errorf("channel %d: mean %v, variance %v", i, mean[i], variance[i])
		}
	}
	return nil
}
