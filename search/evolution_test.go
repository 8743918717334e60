package search

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"bnas.example/indicator"
	"bnas.example/supernet"
)

func TestEvolutionBeatsRandom(t *testing.T) {
	space := fakeSpace{10, 5}
	mean := func(strategy string) float64 {
		sum := 0.0
		const seeds = 6
		for seed := range uint64(seeds) {
			p := Problem{Space: space, Evaluator: newFake(space, 100+seed), Objective: firstTerm(t)}
			sum += mustRun(t, p, Config{Strategy: strategy, Seed: seed, MaxEvaluations: 500}).Best[0].Score / seeds
		}
		return sum
	}
	random := mean("random")
	for _, strategy := range []string{"evolution", "regularised"} {
		if m := mean(strategy); m < random+0.5 {
			t.Errorf("%s: mean best %.3f, random %.3f", strategy, m, random)
		} else {
			t.Logf("%s: mean best %.3f, random %.3f", strategy, m, random)
		}
	}
}

func TestEvolutionGenerations(t *testing.T) {
	space := fakeSpace{10, 5}
	e := newFake(space, 1)
	var generations []int
	r, err := Run(context.Background(), Problem{Space: space, Evaluator: e, Objective: firstTerm(t)}, Config{Generations: 3, MaxEvaluations: 1e6}, func(p Progress) {
		generations = append(generations, p.Generation)
		best := math.Inf(-1)
		for text := range e.calls {
			a, err := space.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			best = max(best, e.value(a))
		}
		if p.Best.Score != best || p.Best.Score != e.value(p.Best.Choice) {
			t.Errorf("evaluation %d: the best has %v, want %v", p.Evaluations, p.Best.Score, best)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Stopped != Complete || r.Evaluations != 150 || len(generations) != 150 || generations[49] != 1 || generations[50] != 2 || generations[149] != 3 {
		t.Errorf("%d evaluations, stopped: %s", r.Evaluations, r.Stopped)
	}
	for s, n := range e.calls {
		if n != 1 {
			t.Errorf("%s was scored %d times", s, n)
		}
	}
}

// A generation of BN-NAS's evolution: children of one of the best, children of two of them, and random ones.
func TestEvolutionBreeds(t *testing.T) {
	space, e := fakeSpace{12, 5}, newFake(fakeSpace{12, 5}, 3)
	c := Config{Strategy: "evolution", Generations: 2, Population: 30, Parents: 3, Mutants: 8, Crossovers: 9, Mutation: .05}.WithDefaults()
	s := newSearcher(t.Context(), Problem{Space: space, Evaluator: e, Objective: firstTerm(t)}, c)
	if err := s.run(nil); err != nil {
		t.Fatal(err)
	}
	if s.found.len() != 60 {
		t.Fatalf("%d networks in two generations of 30", s.found.len())
	}
	var parents []supernet.Arch
	for i := range 30 {
		parents = append(parents, s.found.archs.At(i))
	}
	slices.SortFunc(parents, func(a, b supernet.Arch) int { return cmp.Compare(e.value(b), e.value(a)) })
	parents = parents[:3]
	bred := map[int]bool{} // the parents with a mutant
	for i := 30; i < 38; i++ {
		child, closest, parent := s.found.archs.At(i), math.MaxInt, 0
		for k, p := range parents {
			if d := differing(child, p); d < closest {
				closest, parent = d, k
			}
		}
		bred[parent] = true
		// 12 genes, each drawn anew with the probability .05: five or more change in one child of 10,000.
		if closest == 0 || closest > 4 {
			t.Errorf("mutant %d differs from the parents in %d genes", i, closest)
		}
	}
	if len(bred) < 2 {
		t.Error("all mutants are of one parent")
	}
	of := func(child supernet.Arch) bool { // each gene is that of one of two parents
		for _, a := range parents {
			for _, b := range parents {
				mixed := slices.Clone(a)
				for g := range mixed {
					if child[g] == b[g] {
						mixed[g] = b[g]
					}
				}
				if slices.Equal(mixed, child) {
					return true
				}
			}
		}
		return false
	}
	for i := 38; i < 60; i++ {
		if child := s.found.archs.At(i); of(child) != (i < 47) {
			t.Errorf("child %d is of two parents: %v", i, of(child))
		}
	}
}

// TestMutantsAreOfEvolution: their number bounds the population of an evolution, and of no other strategy.
func TestMutantsAreOfEvolution(t *testing.T) {
	for _, strategy := range Strategies() {
		c := Config{Strategy: strategy, Population: 6}.WithDefaults()
		if err := c.Validate(); (err != nil) != (strategy == Evolution) {
			t.Errorf("%s with a population of 6: %v", strategy, err)
		}
	}
}

// TestNoMutants: one of mutants and crossovers may be 0, and stays it. Where both are, the settings are wrong, unless no setting is given.
func TestNoMutants(t *testing.T) {
	space := fakeSpace{3, 2}
	c := Config{Strategy: Evolution, Generations: 3, Population: 4, Parents: 2, Crossovers: 3}
	if filled := c.WithDefaults(); filled.Mutants != 0 || filled.Crossovers != 3 {
		t.Errorf("%d mutants and %d crossovers, want 0 and 3", filled.Mutants, filled.Crossovers)
	}
	fewest := Objective{Name: "fewest", Of: func(s indicator.Scores) float64 { return -float64(len(strings.Trim(s.Arch, "0-"))) }}
	mustRun(t, Problem{Space: space, Evaluator: newFake(space, 1), Objective: fewest}, c)
	c = Config{}.WithDefaults()
	if err := c.Validate(); err != nil || c.Mutants != 25 || c.Crossovers != 25 {
		t.Errorf("the defaults are %d and %d: %v", c.Mutants, c.Crossovers, err)
	}
	c.Mutants, c.Crossovers = 0, 0
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "search.mutants 0") {
		t.Errorf("neither mutants nor crossovers: %v", err)
	}
}
