package gpu_test

import "testing"

func TestSampleGradients(t *testing.T) {
	type sampleBN struct {
		image                         uint64
		term, channels, pitch, column int64
	}
	k := newKit(t, 1)
	const n = 3
	var list []sampleBN
	var want [n][]float64
	columns := 0
	for i, c := range []int{5, 1, 270, 8} {
		b := sampleBN{term: int64(i % 3), channels: int64(c), pitch: int64(pitchOf(c)), column: int64(columns)}
		sums := k.random(4 * n * pitchOf(c))
		if i != 3 {
			b.image = put(k, floats(sums)...)
		} else {
			clear(sums)
		}
		for image := range n {
			for _, component := range []int{1 + i%3, 0} {
				for channel := range c {
					want[image] = append(want[image], sums[4*(image*pitchOf(c)+channel)+component])
				}
			}
		}
		list = append(list, b)
		columns += 2 * c
	}
	dst := k.alloc(4 * n * columns)
	k.launch("sample_gradients", len(list), n, 256, 0, dst, put(k, list...), len(list), n, columns)
	for image := range n {
		near(t, "sample gradients", widen(get[float32](k, dst+uint64(4*image*columns), columns)), want[image], 0)
	}
}
