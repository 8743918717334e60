package rank

import (
	"cmp"
	"math"
	"slices"
)

// kendall is KendallTauB of resamples of one pair of lists without NaN: a resample is how often each element is drawn, so that the
// lists are sorted once.
type kendall struct {
	order []int   // the elements by rising x, ties by rising y
	tiedX []bool  // by place in order: x is that of the place before
	level []int   // by place in order: the rank of y among the distinct values, from 1
	below []int64 // Fenwick's tree: the elements seen, by level
	drawn []int64 // by level: the elements of the resample
}

func newKendall(x, y []float64) *kendall {
	n := len(x)
	k := &kendall{order: make([]int, n), tiedX: make([]bool, n), level: make([]int, n)}
	for i := range k.order {
		k.order[i] = i
	}
	slices.SortFunc(k.order, func(i, j int) int {
		return cmp.Or(cmp.Compare(x[i], x[j]), cmp.Compare(y[i], y[j]))
	})
	levels := slices.Compact(slices.Sorted(slices.Values(y)))
	for place, i := range k.order {
		at, _ := slices.BinarySearch(levels, y[i])
		k.level[place] = at + 1
		k.tiedX[place] = place > 0 && x[k.order[place-1]] == x[i]
	}
	k.below, k.drawn = make([]int64, len(levels)+1), make([]int64, len(levels)+1)
	return k
}

// tauB is KendallTauB of the lists in which element i stands count[i] times. The numbers of pairs are integers: it has the same bits.
func (k *kendall) tauB(count []int64) float64 {
	clear(k.below)
	clear(k.drawn)
	var n, tiedX, tiedY, tiedBoth, discordant int64
	for from := 0; from < len(k.order); {
		to := from + 1
		for to < len(k.order) && k.tiedX[to] {
			to++
		}
		var sameX, sameBoth int64
		for place := from; place < to; place++ {
			if place > from && k.level[place] != k.level[place-1] {
				tiedBoth += pairsOf(sameBoth)
				sameBoth = 0
			}
			c := count[k.order[place]]
			sameX, sameBoth = sameX+c, sameBoth+c
			if c > 0 {
				discordant += c * (n - k.seen(k.level[place]))
			}
		}
		tiedX, tiedBoth = tiedX+pairsOf(sameX), tiedBoth+pairsOf(sameBoth)
		n += sameX
		for place := from; place < to; place++ {
			if c := count[k.order[place]]; c > 0 {
				k.add(k.level[place], c)
			}
		}
		from = to
	}
	for _, c := range k.drawn {
		tiedY += pairsOf(c)
	}
	pairs := pairsOf(n)
	untiedX, untiedY := pairs-tiedX, pairs-tiedY
	if untiedX == 0 || untiedY == 0 {
		return math.NaN()
	}
	difference := pairs - tiedX - tiedY + tiedBoth - 2*discordant
	return float64(difference) / math.Sqrt(float64(untiedX)*float64(untiedY))
}

// seen counts the elements added so far of a level up to l.
func (k *kendall) seen(l int) (count int64) {
	for ; l > 0; l -= l & -l {
		count += k.below[l]
	}
	return count
}

func (k *kendall) add(l int, count int64) {
	k.drawn[l] += count
	for ; l < len(k.below); l += l & -l {
		k.below[l] += count
	}
}

// pairsOf is the number of pairs among n.
func pairsOf(n int64) int64 { return n * (n - 1) / 2 }
