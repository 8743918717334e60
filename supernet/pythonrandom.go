package supernet

import "math/bits"

// pythonRandom is Python's random.Random seeded with a small integer: the Mersenne Twister MT19937 (Matsumoto and
// Nishimura, 1998), and shuffle as CPython writes it.
type pythonRandom struct {
	state [624]uint32
	next  int
}

// newPythonRandom seeds the generator by init_by_array with one word, seed.
func newPythonRandom(seed uint32) *pythonRandom {
	r := &pythonRandom{next: 624}
	s := &r.state
	s[0] = 19650218
	for i := 1; i < 624; i++ {
		s[i] = 1812433253*(s[i-1]^s[i-1]>>30) + uint32(i)
	}
	i := 1
	step := func(multiplier, add uint32) {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*multiplier) + add
		if i++; i == 624 {
			s[0] = s[623]
			i = 1
		}
	}
	for range 624 {
		step(1664525, seed)
	}
	for range 623 {
		step(1566083941, -uint32(i))
	}
	s[0] = 1 << 31
	return r
}

func (r *pythonRandom) uint32() uint32 {
	s := &r.state
	if r.next == 624 {
		for i := range s {
			y := s[i]&(1<<31) | s[(i+1)%624]&(1<<31-1)
			s[i] = s[(i+397)%624] ^ y>>1
			if y&1 == 1 {
				s[i] ^= 0x9908b0df
			}
		}
		r.next = 0
	}
	y := s[r.next]
	r.next++
	y ^= y >> 11
	y ^= y << 7 & 0x9d2c5680
	y ^= y << 15 & 0xefc60000
	return y ^ y>>18
}

// below returns a uniform number on [0, n). It draws as many bits as n has until the number is below n.
func (r *pythonRandom) below(n int) int {
	k := bits.Len(uint(n))
	for {
		if v := int(r.uint32() >> (32 - k)); v < n {
			return v
		}
	}
}

// shuffle is random.shuffle. From the last position to the second, it swaps the element with a random one up to it.
func (r *pythonRandom) shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, r.below(i+1))
	}
}
