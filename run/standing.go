package run

import (
	"cmp"
	"hash/maphash"
	"iter"
	"math"

	"bnas.example/indicator"
	"bnas.example/report"
	"bnas.example/search"
)

// nameOf names the network of scores: architectures that are the same one have the same name.
func nameOf(s indicator.Scores) string { return cmp.Or(s.Canonical, s.Arch) }

// each reads scores that are in memory.
func each(all []indicator.Scores) iter.Seq2[indicator.Scores, error] {
	return func(yield func(indicator.Scores, error) bool) {
		for _, s := range all {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// others reads those of all that are another network than one.
func others(all iter.Seq2[indicator.Scores, error], one indicator.Scores) iter.Seq2[indicator.Scores, error] {
	return func(yield func(indicator.Scores, error) bool) {
		for s, err := range all {
			if (err != nil || nameOf(s) != nameOf(one)) && !yield(s, err) {
				return
			}
		}
	}
}

// rivals reads the live scored networks other than the found one that are within the limits of the search, each once, in the order of
// the ledger. The next ones change the slices of the scores.
func (r *Run) rivals(found *Found) iter.Seq2[indicator.Scores, error] {
	return func(yield func(indicator.Scores, error) bool) {
		seed, seen := maphash.MakeSeed(), map[uint64]struct{}{} // hashes: of n names, two have one hash with a probability of n²/2⁶⁵
		for s, err := range others(found.scored(int(r.Config.Score.Repeats)), found.Best[found.Answer].Scores) {
			within := false
			if err == nil {
				name := maphash.String(seed, nameOf(s))
				if _, known := seen[name]; known || s.Dead {
					continue
				}
				seen[name] = struct{}{}
				within, err = r.within(found, s)
			}
			if (err != nil || within) && !yield(s, err) {
				return
			}
		}
	}
}

// limited reports whether the search has limits of cost.
func (r *Run) limited() bool {
	c := r.Config.Search
	return c.MaxMACs > 0 || c.MaxParams > 0 || c.MaxLatency > 0
}

// within reports whether a scored network is within the limits of the search. One whose latency is unknown is not within a limit of it.
func (r *Run) within(found *Found, s indicator.Scores) (bool, error) {
	if !r.limited() {
		return true, nil
	}
	a, err := r.Net.Space.Parse(s.Arch)
	if err != nil {
		return false, err
	}
	limit := r.Config.Search.MaxLatency
	if limit > 0 {
		if ms := found.timed.Known(s.Canonical); ms == 0 || ms > limit {
			return false, nil
		}
	}
	return r.Config.Search.Within(r.Net.Space.Cost(a, r.Net.Config)), nil
}

// standing counts the networks that score lower than one by a composite, as high, and higher. It is zero if the one has no score, and
// leaves out others that have none.
func standing(c indicator.Composite, calibration *indicator.Calibration, one indicator.Scores, others iter.Seq2[indicator.Scores, error]) (s report.Standing, err error) {
	objective, err := search.Fused(c, calibration)
	if err != nil {
		return s, err
	}
	own := objective.Of(one)
	if math.IsNaN(own) {
		return s, nil
	}
	for other, err := range others {
		if err != nil {
			return s, err
		}
		switch score := objective.Of(other); {
		case score < own:
			s.Below++
		case score == own:
			s.Equal++
		case score > own:
			s.Above++
		}
	}
	return s, nil
}
