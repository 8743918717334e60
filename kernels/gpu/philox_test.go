//go:build cgo && linux && gpusim

package gpu_test

import (
	"math"
	"testing"

	"bnas.example/philox"
)

// The device's numbers are the host's, but for one ulp where a double is near a rounding boundary of the floats.
func TestPhiloxNormal(t *testing.T) {
	k := newKit(t, 1)
	for _, n := range []int{1, 2, 20001} {
		const sigma = 0.3
		want := make([]float32, n)
		philox.New(1<<40+5, "weights", 77).Normal(want, sigma)
		key, counter := philox.New(1<<40+5, "weights", 77).Origin()
		dst := k.alloc(4 * n)
		k.launch("philox_normal", 3, 1, 256, 0, dst, n, key, counter, sigma)
		differ := 0
		for i, got := range get[float32](k, dst, n) {
			if got == want[i] {
				continue
			}
			differ++
			if d := math.Abs(float64(got) - float64(want[i])); !(d <= math.Abs(float64(want[i]))*0x1p-23) {
				t.Fatalf("number %d is %v, want %v", i, got, want[i])
			}
		}
		if differ > n/1000 {
			t.Fatalf("%d of %d numbers differ by an ulp", differ, n)
		}
	}
}
