package philox

import (
	"math"
	"testing"
)

// The vectors are Random123's kat_vectors for philox4x32-10.
func TestRandom123Vectors(t *testing.T) {
	const f = 0xffffffff
	for _, c := range []struct {
		ctr  [4]uint32
		key  [2]uint32
		want [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{f, f, f, f}, [2]uint32{f, f}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := Block(c.ctr, c.key); got != c.want {
			t.Errorf("Block(%x, %x) = %x, want %x", c.ctr, c.key, got, c.want)
		}
	}
}

func TestStreamsDiffer(t *testing.T) {
	seen := map[uint64]string{}
	for _, purpose := range []string{"a", "b", "cells.0"} {
		for seed := range uint64(4) {
			for index := range uint64(4) {
				v := New(seed, purpose, index).Uint64()
				if other, ok := seen[v]; ok {
					t.Fatalf("%s/%d/%d draws the same as %s", purpose, seed, index, other)
				}
				seen[v] = purpose
			}
		}
	}
}

func TestMoments(t *testing.T) {
	x := make([]float32, 1<<16)
	New(1, "normal", 0).Normal(x, 2)
	var m, v float64
	for _, a := range x {
		m += float64(a)
		v += float64(a) * float64(a)
	}
	n := float64(len(x))
	if m /= n; !(math.Abs(m) <= 0.03) {
		t.Errorf("mean %g, want 0 ± 0.03", m)
	}
	if v /= n; !(math.Abs(v-4) <= 0.1) {
		t.Errorf("variance %g, want 4 ± 0.1", v)
	}
	New(1, "sign", 0).Rademacher(x)
	m = 0
	for _, a := range x {
		if a != 1 && a != -1 {
			t.Fatalf("Rademacher draws %g", a)
		}
		m += float64(a)
	}
	if m /= n; !(math.Abs(m) <= 0.02) {
		t.Errorf("Rademacher mean %g", m)
	}
}

func TestIntNIsUniformAndPermIsAPermutation(t *testing.T) {
	s := New(7, "int", 0)
	var count [5]int
	for range 50000 {
		count[s.IntN(5)]++
	}
	for i, c := range count {
		if c < 9600 || c > 10400 {
			t.Errorf("IntN(5) drew %d %d times of 50000", i, c)
		}
	}
	seen := make([]bool, 100)
	for _, i := range s.Perm(100) {
		if seen[i] {
			t.Fatalf("Perm repeats %d", i)
		}
		seen[i] = true
	}
}
