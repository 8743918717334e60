//go:build cgo && linux && gpusim

package gpu_test

import (
	"testing"

	"bnas.example/kernels/gpu"
)

func TestSampleGradients(t *testing.T) {
	k := newKit(t, 1)
	const n = 3
	var list []gpu.SampleBN
	var want [n][]float64
	columns := 0
	for i, c := range []int{5, 1, 270, 8} {
		b := gpu.SampleBN{Term: int64(i % 3), Channels: int64(c), Pitch: int64(pitchOf(c)), Column: int64(columns)}
		sums := k.random(4 * n * pitchOf(c))
		if i != 3 {
			b.Image = put(k, floats(sums)...)
		} else {
			clear(sums)
		}
		factor, at := k.factors(n)
		b.Factor = at
		for image := range n {
			for _, component := range []int{1 + i%3, 0} {
				for channel := range c {
					want[image] = append(want[image], factor[image]*sums[4*(image*pitchOf(c)+channel)+component])
				}
			}
		}
		list = append(list, b)
		columns += 2 * c
	}
	dst := k.alloc(4 * n * columns)
	k.launch("sample_gradients", len(list), n, 256, 0, dst, put(k, list...), len(list), n, columns)
	for image := range n {
		near(t, "sample gradients", widen(get[float32](k, dst+gpu.Ptr(4*image*columns), columns)), want[image], 0)
	}
}
