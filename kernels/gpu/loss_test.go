//go:build cgo && linux && gpusim

package gpu_test

import (
	"math"
	"testing"

	"bnas.example/kernels/gpu"
)

func TestCrossEntropy(t *testing.T) {
	for seed, c := range []struct {
		n, classes int
		smoothing  float64
		ties, nan  bool
	}{
		{n: 1, classes: 1},
		{n: 11, classes: 10, smoothing: 0.1},
		{n: 9, classes: 101},
		{n: 8, classes: 40, ties: true},
		{n: 3, classes: 7, nan: true},
	} {
		t.Log(describe(uint64(seed), c))
		k := newKit(t, uint64(seed))
		y := k.random(c.n * c.classes)
		labels := make([]int64, c.n)
		for i := range labels {
			labels[i] = int64(k.rng.IntN(c.classes))
		}
		for i := range y {
			if c.ties {
				y[i] = float64(k.rng.IntN(2))
			}
		}
		if c.nan {
			y[0], y[1+c.classes] = math.NaN(), math.NaN()
			labels[0] = 0
		}
		pitch := pitchOf(c.classes)
		d, result := k.alloc(4*c.n*pitch), k.alloc(16)
		args := []any{d, result, k.putMap(y, c.classes), put(k, labels...), c.n, c.classes, pitch, c.smoothing}
		k.launch("cross_entropy", 1, 1, 1024, 0, args...)
		loss, correct, dy := crossEntropy(y, labels, c.classes, c.smoothing)
		near(t, "loss, correct", get[float64](k, result, 2), []float64{loss, correct}, 1e-7)
		near(t, "dlogits", k.getMap(d, c.n, c.classes), dy, 1e-7)

		other, weight := k.random(c.n*c.classes), 0.4
		args[0], args[2] = k.alloc(4*c.n*pitch), k.putMap(other, c.classes)
		k.launch("cross_entropy_auxiliary", 1, 1, 256, 0, append(args, weight)...)
		more, _, dy := crossEntropy(other, labels, c.classes, c.smoothing)
		for i := range dy {
			dy[i] *= weight
		}
		near(t, "loss with an auxiliary classifier, correct", get[float64](k, result, 2), []float64{loss + weight*more, correct}, 1e-7)
		near(t, "dlogits of an auxiliary classifier", k.getMap(args[0].(gpu.Ptr), c.n, c.classes), dy, 1e-7)
	}
}

func crossEntropy(y []float64, labels []int64, classes int, smoothing float64) (loss, correct float64, dy []float64) {
	dy = make([]float64, len(y))
	n := float64(len(labels))
	for i, label := range labels {
		row := y[i*classes : (i+1)*classes]
		best, sum := 0, 0.0
		for k, v := range row {
			if v > row[best] {
				best = k
			}
		}
		if best == int(label) {
			correct++
		}
		for _, v := range row {
			sum += math.Exp(v - row[best])
		}
		for k, v := range row {
			logp, q := v-row[best]-math.Log(sum), smoothing/float64(classes)
			if k == int(label) {
				q += 1 - smoothing
			}
			loss -= q * logp / n
			dy[i*classes+k] = (math.Exp(logp) - q) / n
		}
	}
	return loss, correct, dy
}
