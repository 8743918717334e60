package study

import (
	"math"
	"testing"

	"bnas.example/rank"
)

// By hand: lists in one order agree by 1 in every resample, lists in opposite orders by −1.
func TestMeanAgreements(t *testing.T) {
	up, down, flat := make([]float64, 20), make([]float64, 20), make([]float64, 20)
	for i := range up {
		up[i], down[i] = float64(i), -float64(i)
	}
	pair := func(x, y []float64) [2][]float64 { return [2][]float64{x, y} }
	r, nan := &Results{}, math.NaN()
	for name, c := range map[string]struct {
		got, want estimate
	}{
		"both ways":           {r.meanTau([][2][]float64{pair(up, up), pair(up, down)}), estimate{0, rank.Interval{}, -1, 1}},
		"one way":             {r.meanTau([][2][]float64{pair(down, down)}), estimate{1, rank.Interval{Low: 1, High: 1}, 1, 1}},
		"a difference":        {r.meanTauDifference([][2][]float64{pair(up, up)}, [][2][]float64{pair(up, down)}), estimate{2, rank.Interval{Low: 2, High: 2}, nan, nan}},
		"of the other":        {r.meanTauDifference([][2][]float64{pair(up, down)}, [][2][]float64{pair(up, up)}), estimate{-2, rank.Interval{Low: -2, High: -2}, nan, nan}},
		"a constant":          {r.meanTau([][2][]float64{pair(up, up), pair(up, flat)}), undefined},
		"nothing":             {r.meanTau(nil), undefined},
		"values of two seeds": {r.meanTau(pairsOf([][]float64{up, down})), estimate{-1, rank.Interval{Low: -1, High: -1}, -1, -1}},
		"by Spearman's ρ":     {r.meanOf(spearman, [][2][]float64{pair(up, down)}, nil), estimate{-1, rank.Interval{Low: -1, High: -1}, -1, -1}},
	} {
		for figure, v := range map[string][2]float64{
			"mean": {c.got.mean, c.want.mean}, "low": {c.got.Low, c.want.Low}, "high": {c.got.High, c.want.High},
			"least": {c.got.least, c.want.least}, "greatest": {c.got.greatest, c.want.greatest},
		} {
			if !(math.Abs(v[0]-v[1]) < 1e-12) && !(math.IsNaN(v[0]) && math.IsNaN(v[1])) {
				t.Errorf("%s: %s %v, want %v", name, figure, v[0], v[1])
			}
		}
	}
	if pairs := pairsOf([][]float64{up, down, flat}); len(pairs) != 3 {
		t.Errorf("%d pairs of three seeds", len(pairs))
	}
}
