package indicator

import (
	"math"
	"testing"
)

func TestSpectralEntropy(t *testing.T) {
	for _, c := range []struct {
		cov  []float64
		n    int
		want float64
	}{
		{[]float64{1, 0, 0, 1}, 2, math.Ln2},
		{[]float64{1, 1, 1, 1}, 2, 0},
		{[]float64{0, 0, 0, 0}, 2, 0},
		{[]float64{6, 0, 0, 2}, 2, -.75*math.Log(.75) - .25*math.Log(.25)},
	} {
		got, err := spectralEntropy(c.cov, c.n)
		if err != nil || !(math.Abs(got-c.want) <= 1e-12) {
			t.Errorf("%v: %v, %v; want %v", c.cov, got, err, c.want)
		}
	}
}
