package gpu_test

import (
	"math"
	"testing"
)

// norms makes BatchNorms with given moments.
func (k *kit) norms(channels ...int) []abiBatchNorm {
	list := make([]abiBatchNorm, len(channels))
	for i, c := range channels {
		variance := k.random(c)
		for j := range variance {
			variance[j] *= variance[j]
		}
		list[i] = abiBatchNorm{affine: put(k, make([]affine, pitchOf(c))...), slope: put(k, make([]slope, pitchOf(c))...), gamma: put(k, floats(k.random(c))...), beta: put(k, floats(k.random(c))...),
			mean: put(k, k.random(c)...), variance: put(k, variance...), eps: 1e-3, channels: int64(c)}
	}
	return list
}

func TestBatchNormCoefficients(t *testing.T) {
	k := newKit(t, 1)
	list := k.norms(1, 37, 300)
	p := put(k, list...)
	k.launch("batch_norm_given", len(list), 1, 256, 0, p, len(list))
	k.launch("batch_norm_held", len(list), 1, 256, 0, p, len(list))
	for _, b := range list {
		c := int(b.channels)
		mean, variance := get[float64](k, b.mean, c), get[float64](k, b.variance, c)
		gamma, beta := get[float32](k, b.gamma, c), get[float32](k, b.beta, c)
		slopes := get[slope](k, b.slope, pitchOf(c))
		for i, a := range get[affine](k, b.affine, pitchOf(c)) {
			var want affine
			if i < c {
				r := 1 / math.Sqrt(variance[i]+b.eps)
				want = affine{float32(mean[i]), float32(float64(gamma[i]) * r), beta[i], float32(r)}
			}
			if s := (slope{scale: want.scale, mean: want.mean}); a != want || slopes[i] != s {
				t.Fatalf("channel %d of %d: %+v, %+v, want %+v, %+v", i, c, a, slopes[i], want, s)
			}
		}
	}
}
