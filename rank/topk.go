package rank

import (
	"cmp"
	"slices"
)

// Top says how good the k highest-scored of a set are.
type Top struct {
	K         int     `json:"k"`
	Mean      float64 `json:"mean"`      // mean truth of the k
	Best      float64 `json:"best"`      // best truth among the k
	Regret    float64 `json:"regret"`    // best truth of the whole set − Best
	Precision float64 `json:"precision"` // share of the k whose truth is at least the k-th best truth of the set
}

// TopK takes the k highest scores. Among equal scores the lowest truth comes first, so that ties never flatter. k is
// cut to the size of the set; the zero Top is returned for an empty set.
func TopK(score, truth []float64, k int) Top {
	k = min(k, len(score))
	if k <= 0 {
		return Top{}
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
	t := Top{K: k, Best: truth[order[0]]}
	for _, i := range order[:k] {
		t.Mean += truth[i] / float64(k)
		t.Best = max(t.Best, truth[i])
		if truth[i] >= sorted[k-1] {
			t.Precision += 1 / float64(k)
		}
	}
	t.Regret = sorted[0] - t.Best
	return t
}
