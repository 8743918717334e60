package search

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"bnas.example/indicator"
	"bnas.example/supernet"
)

// The better one is first: live, then of the higher score, then of fewer MACs, then by text.
func TestOrderOfFound(t *testing.T) {
	found := func(dead bool, score float64, macs int64, text string) Found {
		return Found{Score: score, Cost: supernet.Cost{MACs: macs}, Scores: indicator.Scores{Arch: text, Dead: dead}}
	}
	best := []Found{
		found(false, 2, 9, "d"), found(false, 1, 3, "c"), found(false, 1, 4, "a"), found(false, 1, 4, "b"),
		found(false, math.Inf(-1), 5, "z"), found(true, math.Inf(-1), 1, "x"), found(true, math.Inf(-1), 1, "y"),
	}
	for i, a := range best {
		for k, b := range best {
			if got := compare(a, b); got != cmp.Compare(i, k) {
				t.Errorf("%s against %s: %d", a.Scores.Arch, b.Scores.Arch, got)
			}
		}
	}
}

func TestCostOfFound(t *testing.T) {
	space := fakeSpace{3, 3}
	r := newRecord(space)
	a := supernet.Arch{2, 0, 1}
	r.add(Found{Choice: a, Cost: space.Cost(a, supernet.Config{}), Latency: 2.5})
	for cost, want := range map[string]float64{MACs: 300, Params: 60, Latency: 2.5} {
		s := &searcher{Problem: Problem{Space: space}, found: r, cfg: Config{Objectives: []string{"score", cost}}}
		if got := s.costOf(0); got != want {
			t.Errorf("%s of %v: %v, want %v", cost, a, got, want)
		}
	}
}

// Parts of equal scores that begin before the place asked for; dead networks are in none.
func TestTies(t *testing.T) {
	space := fakeSpace{3, 3}
	r := newRecord(space)
	for i, score := range []float64{5, 5, 4, 3, 3, 3, 2, 2} {
		r.add(Found{Choice: space.At(i), Score: score})
	}
	for i := range 2 {
		r.add(Found{Choice: space.At(20 + i), Score: math.Inf(-1), Scores: indicator.Scores{Dead: true}})
	}
	order := r.ranking()
	for top, want := range map[int][][2]int{
		0: nil, 1: {{0, 2}}, 3: {{0, 2}}, 4: {{0, 2}, {3, 6}}, 6: {{0, 2}, {3, 6}}, 100: {{0, 2}, {3, 6}, {6, 8}},
	} {
		if got := r.ties(order, top); !slices.Equal(got, want) {
			t.Errorf("ties of the best %d: %v, want %v", top, got, want)
		}
	}
}
