package indicator

import (
	"math"
	"testing"
)

// Logits that no query changes are constant, also where the mean of n equal numbers is rounded.
func TestConstantLogits(t *testing.T) {
	const classes = 3
	for n := 2; n <= 24; n++ {
		logits := make([][]float64, 4)
		for r := range logits {
			for range n {
				for k := range classes {
					logits[r] = append(logits[r], float64(float32(k)*.3-.1*float32(r)))
				}
			}
		}
		m := mcMeasure(logits, classes, make([]int, n))
		if got := m.orLowest(-m.mi); !m.constant || !math.IsInf(got, -1) {
			t.Errorf("%d queries: %+v", n, m)
		}
	}
}
