package supernet

import (
	"slices"
	"sync"
)

// nb201Order returns the official order: all combinations of operators, in which the last edge changes fastest, shuffled
// by Python's random.shuffle after random.seed(88).
var nb201Order = sync.OnceValue(func() [][6]uint8 {
	all := make([][6]uint8, nasBench201{}.Size())
	for i := range all {
		for e, n := 5, i; e >= 0; e-- {
			all[i][e] = uint8(n % len(nb201Ops))
			n /= len(nb201Ops)
		}
	}
	newPythonRandom(88).shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
})

// nb201Index is the inverse of nb201Order.
var nb201Index = sync.OnceValue(func() map[[6]uint8]int {
	index := make(map[[6]uint8]int, len(nb201Order()))
	for i, ops := range nb201Order() {
		index[ops] = i
	}
	return index
})

func (nasBench201) Size() int { return 15625 }

func (nasBench201) IndexOf(a Arch) int {
	var ops [6]uint8
	for e, o := range a {
		ops[e] = uint8(o)
	}
	return nb201Index()[ops]
}

func (nasBench201) At(i int) Arch {
	a := make(Arch, 0, len(nb201Edges))
	for _, o := range nb201Order()[i] {
		a = append(a, int(o))
	}
	return slices.Clip(a)
}
