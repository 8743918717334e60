package rank

import (
	"cmp"
	"math"
	"slices"
)

// KendallTauB is Kendall's rank correlation with ties,
//
//	τ_b = (C − D) / √((n₀−n₁)(n₀−n₂)),  n₀ = n(n−1)/2,
//
// C and D the concordant and discordant pairs, n₁ and n₂ the pairs tied in x and in y; in O(n log n) by Knight (1966).
// −Inf and +Inf are values like others. It is NaN where either side is all ties (τ_b is undefined: nothing is ordered), and
// if a value is NaN. It panics if the lengths differ.
func KendallTauB(x, y []float64) float64 {
	if len(x) != len(y) {
		panic("rank: KendallTauB: lengths differ")
	}
	if hasNaN(x) || hasNaN(y) {
		return math.NaN()
	}
	n := len(x)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(x[i], x[j]), cmp.Compare(y[i], y[j]))
	})
	// With x ascending, ties in x by y, a discordant pair is an inversion of y.
	ys := make([]float64, n)
	var tiedX, tiedBoth int64
	runX, runBoth := int64(0), int64(0)
	for k, i := range order {
		ys[k] = y[i]
		sameX := k > 0 && x[order[k-1]] == x[i]
		sameBoth := sameX && y[order[k-1]] == y[i]
		if !sameX {
			runX = 0
		}
		if !sameBoth {
			runBoth = 0
		}
		tiedX += runX
		tiedBoth += runBoth
		runX++
		runBoth++
	}
	discordant := inversions(ys, make([]float64, n))
	var tiedY, runY int64 // ys is sorted now
	for k := range ys {
		if k > 0 && ys[k] != ys[k-1] {
			runY = 0
		}
		tiedY += runY
		runY++
	}
	pairs := int64(n) * int64(n-1) / 2
	untiedX, untiedY := pairs-tiedX, pairs-tiedY
	if untiedX == 0 || untiedY == 0 {
		return math.NaN()
	}
	difference := pairs - tiedX - tiedY + tiedBoth - 2*discordant
	return float64(difference) / math.Sqrt(float64(untiedX)*float64(untiedY))
}

// inversions sorts v by merging and counts the pairs i < j with v[i] > v[j].
func inversions(v, scratch []float64) int64 {
	if len(v) < 2 {
		return 0
	}
	mid := len(v) / 2
	a, b := v[:mid], v[mid:]
	count := inversions(a, scratch[:mid]) + inversions(b, scratch[mid:])
	out := scratch[:0]
	for len(a) > 0 && len(b) > 0 {
		if a[0] <= b[0] {
			out = append(out, a[0])
			a = a[1:]
		} else {
			out = append(out, b[0])
			b = b[1:]
			count += int64(len(a))
		}
	}
	out = append(out, a...)
	out = append(out, b...)
	copy(v, out)
	return count
}

// Spearman is the correlation of the ranks, ties averaged; NaN where either side is all ties (ρ is undefined), and if a value
// is NaN. It panics if the lengths differ.
func Spearman(x, y []float64) float64 {
	if len(x) != len(y) {
		panic("rank: Spearman: lengths differ")
	}
	if hasNaN(x) || hasNaN(y) {
		return math.NaN()
	}
	rx, ry := Ranks(x), Ranks(y)
	mean := float64(len(x)+1) / 2
	var xx, yy, xy float64
	for i := range rx {
		dx, dy := rx[i]-mean, ry[i]-mean
		xx += dx * dx
		yy += dy * dy
		xy += dx * dy
	}
	if xx == 0 || yy == 0 {
		return math.NaN()
	}
	return xy / math.Sqrt(xx*yy)
}

// Ranks gives each value its rank from 1 (lowest) to n (highest), ties the average of theirs.
func Ranks(x []float64) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(x[i], x[j]) })
	ranks := make([]float64, len(x))
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && x[order[to]] == x[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			ranks[i] = float64(from+1+to) / 2
		}
		from = to
	}
	return ranks
}

func hasNaN(x []float64) bool { return slices.ContainsFunc(x, math.IsNaN) }
