//go:build cgo && linux && gpusim

package gpu_test

import "testing"

func TestCodes(t *testing.T) {
	for seed, c := range []struct {
		n int
		s shape
	}{
		{1, shape{1, 1, 1}},
		{3, shape{5, 3, 7}},
		{19, shape{24, 3, 4}},
	} {
		t.Log(describe(uint64(seed), c))
		k := newKit(t, uint64(seed))
		d := k.node(c.n, c.s, relu, true, true)
		pitch, size := pitchOf(c.s.c), c.s.h*c.s.w*c.s.c
		words := (c.s.h*c.s.w*pitch + 31) / 32
		want := make([]uint32, c.n*words)
		for i, z := range d.z {
			if z > 0 {
				bit := i%size/c.s.c*pitch + i%c.s.c
				want[i/size*words+bit/32] |= 1 << (bit % 32)
			}
		}
		bits := k.alloc(4 * len(want))
		k.launch("pack_codes", 3, 1, 256, 0, bits, put(k, d.abi), c.n, words)
		for i, w := range get[uint32](k, bits, len(want)) {
			if w != want[i] {
				t.Fatalf("word %d is %032b, want %032b", i, w, want[i])
			}
		}
		gram := k.alloc(8 * c.n * c.n)
		k.launch("code_gram", 2, 1, 256, 0, gram, bits, c.n, words, size, 3, false)
		k.launch("code_gram", 5, 1, 256, 0, gram, bits, c.n, words, size, 1, true)
		for i, got := range get[int64](k, gram, c.n*c.n) {
			same := int64(0)
			for e := range size {
				if (d.z[i/c.n*size+e] > 0) == (d.z[i%c.n*size+e] > 0) {
					same++
				}
			}
			if got != 4*same {
				t.Fatalf("images %d and %d: %d, want %d", i/c.n, i%c.n, got, 4*same)
			}
		}
	}
}
