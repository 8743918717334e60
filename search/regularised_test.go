package search

import (
	"math"
	"testing"

	"bnas.example/philox"
	"bnas.example/supernet"
)

// differing counts the genes in which two architectures differ.
func differing(a, b supernet.Arch) (n int) {
	for g := range a {
		if a[g] != b[g] {
			n++
		}
	}
	return n
}

// A child of ageing evolution differs from a living member in one gene.
func TestRegularisedChildrenAreNeighbours(t *testing.T) {
	space := fakeSpace{8, 4}
	s := newSearcher(t.Context(), Problem{Space: space, Evaluator: newFake(space, 3), Objective: firstTerm(t)}, Config{Strategy: "regularised", Population: 6, MaxEvaluations: 60}.WithDefaults())
	if err := s.run(nil); err != nil {
		t.Fatal(err)
	}
	for i := 6; i < s.found.len(); i++ {
		child, closest := s.found.archs.At(i), math.MaxInt
		for k := i - 6; k < i; k++ {
			closest = min(closest, differing(s.found.archs.At(k), child))
		}
		if closest != 1 {
			t.Errorf("child %d is %d genes from the living", i, closest)
		}
	}
}

// The parent is the best of as many draws as the tournament has, from the living alone.
func TestTournament(t *testing.T) {
	space := fakeSpace{8, 4}
	const population = 5
	r := newRecord(space)
	for i, score := range []float64{9, 9, 9, 3, 1, 5, 2, 4} { // the first three have died
		r.add(Found{Choice: space.At(i), Score: score})
	}
	for _, tournament := range []int{1, 2, 3} {
		e := &regularised{searcher: &searcher{found: r, cfg: Config{Population: population, Tournament: tournament}}}
		for k := range uint64(40) {
			draws, want := philox.New(1, "tournament", k), -1
			for range tournament {
				if i := 3 + draws.IntN(population); want < 0 || r.score[i] > r.score[want] {
					want = i
				}
			}
			if got := space.IndexOf(e.parent(philox.New(1, "tournament", k))); got != want {
				t.Fatalf("tournament of %d, draw %d: parent %d, want %d", tournament, k, got, want)
			}
		}
	}
}

// bumpySpace has one option of its second gene alone.
type bumpySpace struct{ fakeSpace }

func (b bumpySpace) Genes() []supernet.Gene {
	genes := b.fakeSpace.Genes()
	genes[1].Options = genes[1].Options[:1]
	return genes
}

// A neighbour has another option of one gene: each other option of each gene that has several comes about as often.
func TestNeighbours(t *testing.T) {
	e := &regularised{searcher: &searcher{Problem: Problem{Space: bumpySpace{fakeSpace{3, 4}}}}}
	a, r := supernet.Arch{1, 0, 3}, philox.New(1, "neighbours", 0)
	counts := map[string]int{}
	for range 1200 {
		n := e.neighbour(a, r)
		if differing(n, a) != 1 || n[1] != 0 {
			t.Fatalf("%v is a neighbour of %v", n, a)
		}
		counts[e.Space.Format(n)]++
	}
	for _, n := range []string{"0-0-3", "2-0-3", "3-0-3", "1-0-0", "1-0-1", "1-0-2"} {
		if counts[n] < 150 || counts[n] > 250 { // 200 expected, standard deviation 13
			t.Errorf("%s came %d times of 1200", n, counts[n])
		}
	}
	if a[0] != 1 || a[2] != 3 {
		t.Errorf("the architecture has become %v", a)
	}
}
