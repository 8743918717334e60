package search

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"bnas.example/indicator"
)

// Result is the outcome of a search. An interrupted and resumed search has the same Result as an uninterrupted one, except
// for Reused and Seconds, unless the time budget ended it. Its latencies are those that were measured first.
type Result struct {
	Strategy  string  `json:"strategy"`
	Objective string  `json:"objective"`
	Seed      uint64  `json:"seed"`
	Stopped   string  `json:"stopped"` // Complete, Exhausted, Evaluated or TimedOut
	Best      []Found `json:"best"`    // best first
	Pareto    []Found `json:"pareto"`  // live, by rising cost: each scores higher than all that were proposed with as low a cost
	Cost      string  `json:"cost"`    // of Pareto: one of Costs
	// Pruned are the operators that a pruning has removed, in order.
	Pruned []Pruned `json:"pruned,omitempty"`
	// LatencySetup says what measured latencies, and of how many images; empty: none was measured. The caller of Run sets it.
	LatencySetup string `json:"latency_setup,omitempty"`
	Proposed     int    `json:"proposed"`
	Evaluations  int    `json:"evaluations"` // distinct networks scored
	Dead         int    `json:"dead"`        // of them, without a path from input to output
	Reused       int    `json:"reused"`      // of them, taken from the ledger
	// Failed are the architectures that could not be scored, with the error of the last try. They are in no other figure.
	Failed  []Failed `json:"failed,omitempty"`
	Seconds float64  `json:"seconds"`
	// BestOfSample is the best architecture of Problem.Sample within the limits, if it scores higher than Best[0].
	BestOfSample *Found `json:"best_of_sample,omitempty"`
	// Runs are the folders of the supernets over which the scores are averaged; empty: there is one. The caller of Run sets them.
	Runs []string `json:"runs,omitempty"`
	// TrainingSteps of the supernet that gave the scores; 0: it is untrained. The caller of Run sets it.
	TrainingSteps int `json:"training_steps"`
	// Answer is the place in Best of the network to take, from 0. It is the first, unless finalists decide.
	Answer int `json:"answer"`
	// Finalists are the first of Best, trained on their own. The caller of Run sets them: see Decide.
	Finalists []Finalist `json:"finalists,omitempty"`
	// WithoutCost is nil if the objective has no terms of cost, or no others. The caller of Run sets it.
	WithoutCost *WithoutCost `json:"without_cost,omitempty"`
}

// WithoutCost says what the network to take owes to the terms of cost of the objective: how it ranks with them and without them.
type WithoutCost struct {
	Terms    []string `json:"terms"`    // of cost
	Networks int      `json:"networks"` // that are ranked: every live one of the ledger within the limits, that of an earlier search too
	With     Ranked   `json:"with"`     // by the objective
	Without  Ranked   `json:"without"`  // by its other terms
}

// Ranked is the rank of a network, from 1. Equal scores share a rank.
type Ranked struct {
	Rank  int    `json:"rank"`
	Equal int    `json:"equal"` // other networks of that rank
	First string `json:"first"` // the architecture of rank 1; of several it is the network itself, or else the first of the ledger
}

// Finalist is a network of Result.Best that was trained on its own.
type Finalist struct {
	Place    int     `json:"place"` // in Best, from 0
	Arch     string  `json:"arch"`
	Score    float64 `json:"score"`
	Accuracy float64 `json:"validation_accuracy"` // on images that were held out from training
	NLL      float64 `json:"validation_nll"`      // in nats
	Images   int     `json:"validation_images"`
	Recipe   string  `json:"recipe"`
	Epochs   int     `json:"epochs"`
	Seconds  float64 `json:"seconds"` // of training
	Folder   string  `json:"folder"`  // its run folder, in that of the result
}

// MarshalJSON writes null for a score that is not finite, as that of a Found.
func (f Finalist) MarshalJSON() ([]byte, error) {
	type plain Finalist
	return json.Marshal(struct {
		plain
		Score *float64 `json:"score"`
	}{plain(f), finite(f.Score)})
}

// ByAccuracy returns finalists by accuracy, the best first; equals stay in their order.
func ByAccuracy(finalists []Finalist) []Finalist {
	ranked := slices.Clone(finalists)
	slices.SortStableFunc(ranked, func(a, b Finalist) int { return cmp.Compare(b.Accuracy, a.Accuracy) })
	return ranked
}

// Ranked returns Best with the finalists first, by accuracy; the first is the answer.
func (r *Result) Ranked() []Found {
	all := slices.Clone(r.Best)
	for i, f := range ByAccuracy(r.Finalists) {
		all[i] = r.Best[f.Place]
	}
	return all
}

// Decide makes the finalist with the best accuracy the answer; of equals it is the first.
func (r *Result) Decide(finalists []Finalist) {
	r.Finalists = finalists
	best := math.Inf(-1)
	for _, f := range finalists {
		if f.Accuracy > best {
			best, r.Answer = f.Accuracy, f.Place
		}
	}
}

func (s *searcher) result() (*Result, error) {
	order, err := s.ranking()
	if err != nil {
		return nil, err
	}
	r := &Result{
		Strategy: s.cfg.Strategy, Cost: s.cfg.Cost(), Objective: s.Objective.Name, Seed: s.cfg.Seed, Stopped: s.stopped,
		Proposed: s.proposed, Evaluations: s.found.len(), Reused: s.reused, Failed: s.failed, Seconds: time.Since(s.start).Seconds(),
	}
	if r.Best, err = s.recall(order[:min(len(order), s.cfg.Top)]); err != nil {
		return nil, err
	}
	if r.Pareto, err = s.recall(s.found.pareto(s.costOf)); err != nil {
		return nil, err
	}
	if p, ok := s.strategy.(*pruning); ok {
		r.Pruned = p.rounds
	}
	for _, dead := range s.found.dead {
		if dead {
			r.Dead++
		}
	}
	r.BestOfSample, err = s.bestOfSample(r.Best[0])
	return r, err
}

// ranking orders all found architectures, the best first. Objective.Among decides ties among the best cfg.Top.
func (s *searcher) ranking() ([]int32, error) {
	order := s.found.ranking()
	if s.Objective.Among == nil {
		return order, nil
	}
	var tied []int32
	parts := s.found.ties(order, s.cfg.Top)
	for _, p := range parts {
		tied = append(tied, order[p[0]:p[1]]...)
	}
	if len(tied) == 0 {
		return order, nil
	}
	among, err := s.Objective.Among(s.found.len(), s.scores, tied)
	if err != nil {
		return nil, fmt.Errorf("search: objective %s: %w", s.Objective.Name, err)
	}
	value := map[int32]float64{}
	for k, i := range tied {
		value[i] = among[k]
	}
	for _, p := range parts { // stable: equals stay in the order of the ranking
		slices.SortStableFunc(order[p[0]:p[1]], func(i, j int32) int { return cmp.Compare(value[j], value[i]) })
	}
	return order, nil
}

// scores returns the scores of a found architecture.
func (s *searcher) scores(i int) (indicator.Scores, error) {
	if s.kept != nil {
		return s.kept[i], nil
	}
	return s.Evaluator.Score(s.found.archs.At(i)) // the ledger has it
}

// recall returns found architectures with their scores.
func (s *searcher) recall(places []int32) ([]Found, error) {
	var all []Found
	for _, i := range places {
		scores, err := s.scores(int(i))
		if err != nil {
			return nil, err
		}
		a := s.found.archs.At(int(i))
		all = append(all, Found{Choice: a, Scores: scores, Score: s.found.score[i], Cost: s.Space.Cost(a, s.Sizes), Latency: s.found.ms(int(i))})
	}
	return all, nil
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
		if scores.Dead || !s.cfg.Within(f.Cost) || !(f.Score > found.Score) {
			continue
		}
		if f.Latency, err = s.latencyOf(a); err != nil {
			return nil, err
		}
		switch {
		case s.cfg.MaxLatency > 0 && f.Latency > s.cfg.MaxLatency:
		case best == nil || compare(f, *best) < 0:
			best = &f
		}
	}
	return best, nil
}
