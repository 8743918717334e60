//go:build cgo && linux && gpusim

package gpu_test

import (
	"math"
	"testing"

	"bnas.example/kernels/gpu"
)

// norms makes BatchNorms with given moments.
func (k *kit) norms(channels ...int) []gpu.BatchNorm {
	list := make([]gpu.BatchNorm, len(channels))
	for i, c := range channels {
		variance := k.random(c)
		for j := range variance {
			variance[j] *= variance[j]
		}
		list[i] = gpu.BatchNorm{Affine: put(k, make([]gpu.Affine, pitchOf(c))...), Slope: put(k, make([]gpu.Slope, pitchOf(c))...), Gamma: put(k, floats(k.random(c))...), Beta: put(k, floats(k.random(c))...),
			Moments: put(k, k.random(c)...), Variance: put(k, variance...), Eps: 1e-3, Channels: int64(c)}
	}
	return list
}

func TestBatchNormCoefficients(t *testing.T) {
	k := newKit(t, 1)
	list := k.norms(1, 37, 300)
	p := put(k, list...)
	k.launch("batch_norm_given", len(list), 1, 256, 0, p, len(list))
	k.launch("batch_norm_frozen", len(list), 1, 256, 0, p, len(list))
	for _, b := range list {
		c := int(b.Channels)
		mean, variance := get[float64](k, b.Moments, c), get[float64](k, b.Variance, c)
		gamma, beta := get[float32](k, b.Gamma, c), get[float32](k, b.Beta, c)
		slopes := get[gpu.Slope](k, b.Slope, pitchOf(c))
		for i, a := range get[gpu.Affine](k, b.Affine, pitchOf(c)) {
			var want gpu.Affine
			if i < c {
				r := 1 / math.Sqrt(variance[i]+b.Eps)
				want = gpu.Affine{Mean: float32(mean[i]), Scale: float32(float64(gamma[i]) * r), Beta: beta[i], Rstd: float32(r)}
			}
			if s := (gpu.Slope{Scale: want.Scale, Mean: want.Mean}); a != want || slopes[i] != s {
				t.Fatalf("channel %d of %d: %+v, %+v, want %+v, %+v", i, c, a, slopes[i], want, s)
			}
		}
	}
}
