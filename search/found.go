package search

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"

	"bnas.example/indicator"
	"bnas.example/supernet"
)

// Found is a scored architecture.
type Found struct {
	Choice supernet.Arch
	Scores indicator.Scores
	Score  float64 // of the objective; −Inf for a dead network
	Cost   supernet.Cost
	// Latency of a forward pass in ms; 0: it is not measured, or the network is dead.
	Latency float64
}

// MarshalJSON writes arch, canonical, dead, score, terms, cost and, if it is measured, latency_ms; a number that is not finite is null.
func (f Found) MarshalJSON() ([]byte, error) {
	scores, err := json.Marshal(f.Scores)
	if err != nil {
		return nil, err
	}
	own, err := json.Marshal(struct {
		Score    *float64 `json:"score"`
		MACs     int64    `json:"macs"`
		Params   int64    `json:"params"`
		BNParams int64    `json:"bn_params"`
		Depth    int      `json:"depth"`
		Latency  float64  `json:"latency_ms,omitempty"`
	}{finite(f.Score), f.Cost.MACs, f.Cost.Params, f.Cost.BNParams, f.Cost.Depth, f.Latency})
	if err != nil {
		return nil, err
	}
	return append(append(own[:len(own)-1], ','), scores[1:]...), nil // both are objects with members
}

// finite returns v, or nil if it is not finite: JSON has null.
func finite(v float64) *float64 {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	return &v
}

// standing holds what orders architectures of different texts.
type standing struct {
	dead  bool
	score float64
	macs  int64
}

func (f Found) standing() standing { return standing{f.Scores.Dead, f.Score, f.Cost.MACs} }

// compare orders the better architecture first: live before dead, then by score, then by fewer MACs.
func (a standing) compare(b standing) int {
	if a.dead != b.dead {
		if a.dead {
			return 1
		}
		return -1
	}
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.macs, b.macs))
}

// compare orders the better architecture first; architectures of one standing by text.
func compare(a, b Found) int {
	return cmp.Or(a.standing().compare(b.standing()), cmp.Compare(a.Scores.Arch, b.Scores.Arch))
}

// record is the list of the architectures that a search has scored, in the order of evaluation. Of each it has what orders
// them, about 20 bytes, and 8 more with latencies.
type record struct {
	space   supernet.Space
	archs   *supernet.List
	dead    []bool
	score   []float64
	macs    []int64
	latency []float64 // in ms, of a search that measures it
}

func newRecord(space supernet.Space) *record {
	return &record{space: space, archs: supernet.NewList(space)}
}

func (r *record) len() int { return len(r.score) }

func (r *record) add(f Found) {
	r.archs.Append(f.Choice)
	r.dead, r.score, r.macs = append(r.dead, f.Scores.Dead), append(r.score, f.Score), append(r.macs, f.Cost.MACs)
	if f.Latency > 0 || r.latency != nil {
		r.latency = append(r.latency, make([]float64, r.len()-1-len(r.latency))...) // dead ones before the first
		r.latency = append(r.latency, f.Latency)
	}
}

// ms is the latency of an architecture; 0: it has none.
func (r *record) ms(i int) float64 {
	if i >= len(r.latency) {
		return 0
	}
	return r.latency[i]
}

func (r *record) at(i int) standing { return standing{r.dead[i], r.score[i], r.macs[i]} }

// compare orders two architectures as compare does.
func (r *record) compare(i, j int) int {
	if c := r.at(i).compare(r.at(j)); c != 0 || i == j {
		return c
	}
	return cmp.Compare(r.space.Format(r.archs.At(i)), r.space.Format(r.archs.At(j)))
}

// ranking returns the places of all architectures, the best first.
func (r *record) ranking() []int32 {
	order := r.indices()
	slices.SortFunc(order, func(i, j int32) int { return r.compare(int(i), int(j)) })
	return order
}

// ties returns the parts of a ranking, [from, to), that have several live architectures of one score and begin before place top.
func (r *record) ties(order []int32, top int) [][2]int {
	var parts [][2]int
	for from := 0; from < min(top, len(order)) && !r.dead[order[from]]; {
		to := from + 1
		for to < len(order) && !r.dead[order[to]] && r.score[order[to]] == r.score[order[from]] {
			to++
		}
		if to-from > 1 {
			parts = append(parts, [2]int{from, to})
		}
		from = to
	}
	return parts
}

// pareto returns the Pareto front by rising cost: each live architecture scores higher than all with at most as high a cost.
func (r *record) pareto(costOf func(i int) float64) []int32 {
	live := slices.DeleteFunc(r.indices(), func(i int32) bool { return r.dead[i] })
	cost := make([]float64, r.len())
	for _, i := range live {
		cost[i] = costOf(int(i))
	}
	slices.SortFunc(live, func(i, j int32) int {
		if c := cmp.Compare(cost[i], cost[j]); c != 0 {
			return c
		}
		return r.compare(int(i), int(j))
	})
	var front []int32
	for _, i := range live {
		if len(front) == 0 || r.score[i] > r.score[front[len(front)-1]] {
			front = append(front, i)
		}
	}
	return slices.Clip(slices.Clone(front))
}

// indices lists the places of all architectures.
func (r *record) indices() []int32 {
	out := make([]int32, r.len())
	for i := range out {
		out[i] = int32(i)
	}
	return out
}
