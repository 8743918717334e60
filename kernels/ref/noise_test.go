package ref

import (
	"math"
	"slices"
	"testing"

	"bnas.example/kernels"
)

// TestNoise: the error of an element is at most the unit of it, or of the largest of its map; each is drawn anew, and a seed repeats
// them all.
func TestNoise(t *testing.T) {
	s := kernels.Shape{C: 2, H: 3, W: 3}
	x := make([]float64, 2*s.Len())
	for i := range x {
		x[i] = float64(i%9) * math.Pow(-10, float64(i/9)) // in each map, the first element is 0 and the last the largest
	}
	noisy := func(seed uint64, kernel int) []float64 {
		e := &Exec{}
		e.SetRounding(Rounding{Noise: seed})
		return e.noisyMaps(x, s, kernels.Window{Kernel: kernel})
	}
	for _, kernel := range []int{1, 3} {
		if !slices.Equal(noisy(0, kernel), x) {
			t.Errorf("kernel %d: noise without a seed", kernel)
		}
		one := noisy(1, kernel)
		if !slices.Equal(one, noisy(1, kernel)) {
			t.Errorf("kernel %d: a seed does not repeat its noise", kernel)
		}
		two := noisy(2, kernel)
		for i, v := range x {
			of := v
			if kernel > 1 {
				of = x[i/9*9+8]
			}
			e := one[i] - v
			if !(math.Abs(e) <= noiseUnit*math.Abs(of)*(1+1e-9)) || (e == 0 || one[i] == two[i]) != (of == 0) {
				t.Errorf("kernel %d: %g becomes %g and %g", kernel, v, one[i], two[i])
			}
		}
	}
}
