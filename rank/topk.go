package rank

import (
	"cmp"
	"math"
	"slices"
)

// Top says how good the k highest-scored of a set are.
type Top struct {
	K         int     `json:"k"`
	Pick      float64 `json:"pick"`      // truth of the highest-scored
	Mean      float64 `json:"mean"`      // mean truth of the k
	Best      float64 `json:"best"`      // best truth among the k
	Regret    float64 `json:"regret"`    // best truth of the whole set − Best
	Hits      int     `json:"hits"`      // how many of the k have a truth that is at least the k-th best of the set
	Precision float64 `json:"precision"` // Hits/k
	// NDCG is the discounted gain of the k in their order, relative to that of the k best in theirs: Σ g_i/log₂(1+i) with the gain
	// g = (truth − lowest)/(highest − lowest). It is 1 for the best order, and 0 if all truths are equal. It is NaN if a truth is
	// infinite. The gain is ours.
	NDCG float64 `json:"ndcg"`
}

// TopK takes the k highest scores. Among equal scores the lowest truth comes first, so that ties never flatter. k is
// cut to the size of the set; the zero Top is returned for an empty set. −Inf and +Inf are scores like others. A NaN among the scores
// or the truths is in no place: all figures are then NaN, and there are no hits. It panics if the lengths differ.
func TopK(score, truth []float64, k int) Top {
	if len(score) != len(truth) {
		panic("rank: TopK: lengths differ")
	}
	k = min(k, len(score))
	if k <= 0 {
		return Top{}
	}
	if hasNaN(score) || hasNaN(truth) {
		nan := math.NaN()
		return Top{K: k, Pick: nan, Mean: nan, Best: nan, Regret: nan, Precision: nan, NDCG: nan}
	}
	order := make([]int, len(score))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(score[j], score[i]), cmp.Compare(truth[i], truth[j]))
	})
	sorted := slices.Clone(truth)
	slices.SortFunc(sorted, func(a, b float64) int { return cmp.Compare(b, a) })
	t := Top{K: k, Pick: truth[order[0]], Best: truth[order[0]]}
	var gain, most float64
	lowest := sorted[len(sorted)-1]
	for place, i := range order[:k] {
		t.Mean += truth[i] / float64(k)
		t.Best = max(t.Best, truth[i])
		if truth[i] >= sorted[k-1] {
			t.Hits++
		}
		discount := math.Log2(float64(place + 2))
		gain += (truth[i] - lowest) / discount
		most += (sorted[place] - lowest) / discount
	}
	switch {
	case math.IsInf(lowest, 0) || math.IsInf(sorted[0], 0):
		t.NDCG = math.NaN()
	case most > 0:
		t.NDCG = gain / most
	}
	t.Precision = float64(t.Hits) / float64(k)
	t.Regret = sorted[0] - t.Best
	return t
}
