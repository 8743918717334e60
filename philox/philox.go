// Package philox is the random number generator of the whole project: Philox4x32-10 (Salmon, Moraes, Dror, Shaw,
// "Parallel random numbers: as easy as 1, 2, 3", SC 2011). It is counter-based: a draw is a function of a key and a
// counter. The numbers of any layer, image or step can thus be drawn alone and in any order. A resumed training needs no
// saved state.
package philox

import (
	"hash/fnv"
	"math"
)

// Block computes Philox4x32-10: four words from a counter and a key.
func Block(ctr [4]uint32, key [2]uint32) [4]uint32 {
	const m0, m1, w0, w1 = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85
	for range 10 {
		p0 := uint64(m0) * uint64(ctr[0])
		p1 := uint64(m1) * uint64(ctr[2])
		ctr = [4]uint32{uint32(p1>>32) ^ ctr[1] ^ key[0], uint32(p1), uint32(p0>>32) ^ ctr[3] ^ key[1], uint32(p0)}
		key[0] += w0
		key[1] += w1
	}
	return ctr
}

// Stream is an endless sequence of draws.
type Stream struct {
	key  [2]uint32
	ctr  [4]uint32
	buf  [4]uint32
	left int
}

// New returns the stream of a seed, a purpose (a layer's name, "augment", "path") and an index (a step, an image).
// The stream's own key and the upper half of its counter are one Block of the purpose and the index under the seed.
func New(seed uint64, purpose string, index uint64) *Stream {
	h := fnv.New64a()
	h.Write([]byte(purpose))
	p := h.Sum64()
	k := Block([4]uint32{uint32(p), uint32(p >> 32), uint32(index), uint32(index >> 32)}, [2]uint32{uint32(seed), uint32(seed >> 32)})
	return &Stream{key: [2]uint32{k[0], k[1]}, ctr: [4]uint32{0, 0, k[2], k[3]}}
}

// Origin returns the start of a Stream: its key and the upper half of its counter, each with its first word low. A device
// needs them to draw the same numbers.
func (s *Stream) Origin() (key, counter uint64) {
	return uint64(s.key[0]) | uint64(s.key[1])<<32, uint64(s.ctr[2]) | uint64(s.ctr[3])<<32
}

// Uint32 returns the next word.
func (s *Stream) Uint32() uint32 {
	if s.left == 0 {
		s.buf = Block(s.ctr, s.key)
		s.left = 4
		if s.ctr[0]++; s.ctr[0] == 0 {
			s.ctr[1]++
		}
	}
	s.left--
	return s.buf[3-s.left]
}

// Uint64 returns the next two words, the first one low. With it a Stream is a Source of math/rand/v2.
func (s *Stream) Uint64() uint64 {
	lo := uint64(s.Uint32())
	return lo | uint64(s.Uint32())<<32
}

// Float64 returns a uniform number on [0, 1).
func (s *Stream) Float64() float64 { return float64(s.Uint64()>>11) * 0x1p-53 }

// IntN returns a uniform integer on [0, n). n must be in (0, 2³²).
func (s *Stream) IntN(n int) int {
	limit := -uint32(n) % uint32(n) // Lemire: reject the first 2³² mod n products
	for {
		p := uint64(s.Uint32()) * uint64(uint32(n))
		if uint32(p) >= limit {
			return int(p >> 32)
		}
	}
}

// Perm returns a uniform permutation of 0..n−1.
func (s *Stream) Perm(n int) []int {
	p := make([]int, n)
	for i := range p {
		j := s.IntN(i + 1)
		p[i] = p[j]
		p[j] = i
	}
	return p
}

// Normal fills dst with samples of N(0, σ²) by the transform of Box and Muller.
func (s *Stream) Normal(dst []float32, sigma float64) {
	for i := 0; i < len(dst); i += 2 {
		r := sigma * math.Sqrt(-2*math.Log(1-s.Float64()))
		sin, cos := math.Sincos(2 * math.Pi * s.Float64())
		dst[i] = float32(r * cos)
		if i+1 < len(dst) {
			dst[i+1] = float32(r * sin)
		}
	}
}

// Rademacher fills dst with −1 and +1, each with probability 1/2.
func (s *Stream) Rademacher(dst []float32) {
	var w uint32
	for i := range dst {
		if i%32 == 0 {
			w = s.Uint32()
		}
		dst[i] = float32(int32(w&1)*2 - 1)
		w >>= 1
	}
}
