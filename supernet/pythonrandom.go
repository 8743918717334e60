package supernet

import (
	"math/bits"

	"gonum.org/v1/gonum/mathext/prng"
)

// pythonRandom is Python's random.Random seeded with a small integer: the Mersenne Twister, and shuffle as CPython
// writes it.
type pythonRandom struct{ words *prng.MT19937 }

// newPythonRandom seeds the generator as CPython does: by the array of the seed's words.
func newPythonRandom(seed uint32) pythonRandom {
	words := prng.NewMT19937()
	words.SeedFromKeys([]uint32{seed})
	return pythonRandom{words}
}

// below returns a uniform number on [0, n). It draws as many bits as n has until the number is below n.
func (r pythonRandom) below(n int) int {
	k := bits.Len(uint(n))
	for {
		if v := int(r.words.Uint32() >> (32 - k)); v < n {
			return v
		}
	}
}

// shuffle is random.shuffle. From the last position to the second, it swaps the element with a random one up to it.
func (r pythonRandom) shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, r.below(i+1))
	}
}
