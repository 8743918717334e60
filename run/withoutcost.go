package run

import (
	"math"

	"bnas.example/indicator"
	"bnas.example/report"
	"bnas.example/search"
)

// withoutCost ranks the found network among all scored ones by the composite with and without its terms of cost. It returns nil if the
// composite has none, or no others, or if there is no ledger.
func (r *Run) withoutCost(composite indicator.Composite, found *Found) (*search.WithoutCost, error) {
	rest, cost := composite.Without(indicator.Size)
	best := found.Best[found.Answer].Scores
	if len(rest.Terms) == 0 || len(cost.Terms) == 0 || len(found.Ledgers) == 0 || best.Dead {
		return nil, nil
	}
	calibration, err := indicator.NewCalibration(found.Sample)
	if err != nil {
		return nil, err
	}
	objective, err := search.Fused(rest, calibration)
	if err != nil {
		return nil, err
	}
	with, without := newRanking(found.Objective, best), newRanking(objective, best)
	out := &search.WithoutCost{Terms: cost.Terms, Networks: 1}
	for s, err := range r.rivals(found) {
		if err != nil {
			return nil, err
		}
		if with.add(s) && without.add(s) {
			out.Networks++
		}
	}
	out.With, out.Without = with.Ranked, without.Ranked
	return out, nil
}

// ranking ranks one network among others by an objective.
type ranking struct {
	search.Ranked
	of       func(indicator.Scores) float64
	own, top float64 // the scores of the one, and of the first
}

func newRanking(o search.Objective, one indicator.Scores) *ranking {
	score := o.Of(one)
	return &ranking{search.Ranked{Rank: 1, First: one.Arch}, o.Of, score, score}
}

// add counts another network, unless it has no score. Of equals the one is the first, or else the one that came first.
func (k *ranking) add(s indicator.Scores) bool {
	score := k.of(s)
	switch {
	case math.IsNaN(score):
		return false
	case score > k.own:
		k.Rank++
	case score == k.own:
		k.Equal++
	}
	if score > k.top {
		k.top, k.First = score, s.Arch
	}
	return true
}

// addWithoutCost adds what the result says of cost.
func (r *Run) addWithoutCost(d *report.Data, composite indicator.Composite, found *Found) {
	rest, cost := composite.Without(indicator.Size)
	d.WithoutCost = &report.WithoutCost{Terms: cost.Terms, Only: len(rest.Terms) == 0, Limited: r.limited()}
	if w := found.WithoutCost; w != nil {
		d.WithoutCost.Networks = w.Networks
		d.WithoutCost.With, d.WithoutCost.Without = rankedOf(w.With, found), rankedOf(w.Without, found)
	}
}

func rankedOf(k search.Ranked, found *Found) report.Ranked {
	r := report.Ranked{Rank: k.Rank, Equal: k.Equal, First: k.First}
	if k.First == found.Best[found.Answer].Scores.Arch {
		r.First = ""
	}
	return r
}
