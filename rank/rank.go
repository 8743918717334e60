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
// C and D the concordant and discordant pairs, n₁ and n₂ the pairs tied in x and in y; in O(n log n).
// −Inf and +Inf are values like others. It is NaN where either side is all ties (τ_b is undefined: nothing is ordered), and
// if a value is NaN. It panics if the lengths differ.
func KendallTauB(x, y []float64) float64 {
	if len(x) != len(y) {
		panic("rank: KendallTauB: lengths differ")
	}
	if hasNaN(x) || hasNaN(y) {
		return math.NaN()
	}
	count := make([]int64, len(x))
	for i := range count {
		count[i] = 1
	}
	return newKendall(x, y).tauB(count)
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
