package search

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"bnas.example/indicator"
	"bnas.example/supernet"
)

// Found is a scored architecture.
type Found struct {
	Choice supernet.Arch
	Scores indicator.Scores
	Score  float64 // of the objective; −Inf for a dead network
	Cost   supernet.Cost
}

// MarshalJSON writes arch, canonical, dead, score, terms and cost; a number that is not finite is null.
func (f Found) MarshalJSON() ([]byte, error) {
	scores, err := json.Marshal(f.Scores)
	if err != nil {
		return nil, err
	}
	var score *float64
	if !math.IsInf(f.Score, 0) && !math.IsNaN(f.Score) {
		score = &f.Score
	}
	own, err := json.Marshal(struct {
		Score    *float64 `json:"score"`
		MACs     int64    `json:"macs"`
		Params   int64    `json:"params"`
		BNParams int64    `json:"bn_params"`
		Depth    int      `json:"depth"`
	}{score, f.Cost.MACs, f.Cost.Params, f.Cost.BNParams, f.Cost.Depth})
	if err != nil {
		return nil, err
	}
	return append(append(own[:len(own)-1], ','), scores[1:]...), nil // both are objects with members
}

// compare orders the better architecture first: live before dead, then by score, then by fewer MACs, then by text.
func compare(a, b Found) int {
	if a.Scores.Dead != b.Scores.Dead {
		if a.Scores.Dead {
			return 1
		}
		return -1
	}
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Cost.MACs, b.Cost.MACs), cmp.Compare(a.Scores.Arch, b.Scores.Arch))
}

// Result is the outcome of a search. An interrupted and resumed search has the same Result as an uninterrupted one, except
// for Reused and Seconds, unless the time budget ended it.
type Result struct {
	Strategy    string  `json:"strategy"`
	Objective   string  `json:"objective"`
	Seed        uint64  `json:"seed"`
	Stopped     string  `json:"stopped"` // Complete, Exhausted, Evaluated or TimedOut
	Best        []Found `json:"best"`    // best first
	Pareto      []Found `json:"pareto"`  // live, by rising MACs: each scores higher than all with as few
	Proposed    int     `json:"proposed"`
	Evaluations int     `json:"evaluations"` // distinct networks scored
	Dead        int     `json:"dead"`        // of them, without a path from input to output
	Reused      int     `json:"reused"`      // of them, taken from the ledger
	Seconds     float64 `json:"seconds"`
	// BestOfSample is the best architecture of Problem.Sample within the limits, if it scores higher than Best[0].
	BestOfSample *Found `json:"best_of_sample,omitempty"`
	// TrainingSteps of the supernet that gave the scores; 0: it is untrained. The caller of Run sets it.
	TrainingSteps int `json:"training_steps"`
}

func (s *searcher) result() (*Result, error) {
	best, err := s.ranking()
	if err != nil {
		return nil, err
	}
	r := &Result{
		Strategy: s.cfg.Strategy, Objective: s.Objective.Name, Seed: s.cfg.Seed, Stopped: s.stopped,
		Best: best[:min(len(best), s.cfg.Top)], Pareto: pareto(s.found),
		Proposed: s.proposed, Evaluations: len(s.found), Reused: s.reused, Seconds: time.Since(s.start).Seconds(),
	}
	for _, f := range s.found {
		if f.Scores.Dead {
			r.Dead++
		}
	}
	r.BestOfSample, err = s.bestOfSample(best[0])
	return r, err
}

// bestOfSample returns the best of the sample within the limits, or nil if it scores no higher than the best found.
func (s *searcher) bestOfSample(found Found) (*Found, error) {
	var best *Found
	for _, scores := range s.Sample {
		a, err := s.Space.Parse(scores.Arch)
		if err != nil {
			return nil, fmt.Errorf("search: sample: %w", err)
		}
		f := Found{Choice: a, Scores: scores, Score: s.Objective.Of(scores), Cost: s.Space.Cost(a, s.Sizes)}
		switch {
		case scores.Dead, !s.within(f.Cost), !(f.Score > found.Score):
		case best == nil || compare(f, *best) < 0:
			best = &f
		}
	}
	return best, nil
}

// ranking orders all found architectures, the best first. Objective.Among decides ties.
func (s *searcher) ranking() ([]Found, error) {
	among := make([]float64, len(s.found))
	if s.Objective.Among != nil {
		all := make([]indicator.Scores, len(s.found))
		for i, f := range s.found {
			all[i] = f.Scores
		}
		var err error
		if among, err = s.Objective.Among(all); err != nil {
			return nil, fmt.Errorf("search: objective %s: %w", s.Objective.Name, err)
		}
	}
	order := indices(len(s.found))
	slices.SortFunc(order, func(i, j int) int {
		a, b := s.found[i], s.found[j]
		if a.Scores.Dead == b.Scores.Dead && a.Score == b.Score {
			return cmp.Or(cmp.Compare(among[j], among[i]), compare(a, b))
		}
		return compare(a, b)
	})
	ranked := make([]Found, len(order))
	for k, i := range order {
		ranked[k] = s.found[i]
	}
	return ranked, nil
}

// pareto returns the Pareto front by rising MACs: each live architecture scores higher than all with at most as many MACs.
func pareto(all []Found) []Found {
	live := slices.DeleteFunc(slices.Clone(all), func(f Found) bool { return f.Scores.Dead })
	slices.SortFunc(live, func(a, b Found) int {
		return cmp.Or(cmp.Compare(a.Cost.MACs, b.Cost.MACs), compare(a, b))
	})
	var front []Found
	for _, f := range live {
		if len(front) == 0 || f.Score > front[len(front)-1].Score {
			front = append(front, f)
		}
	}
	return front
}
