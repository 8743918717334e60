package search

import "testing"

// Of 9,765,625 architectures about one in 550 is within the limit. A generation has its number of networks all the same, as random
// search has.
func TestGenerationUnderTightLimits(t *testing.T) {
	const population = 30
	space := fakeSpace{10, 5}
	for _, strategy := range []string{Evolution, TwoObjectives, "regularised", "random"} {
		p := Problem{Space: space, Evaluator: newFake(space, 1), Objective: firstTerm(t)}
		c := Config{Strategy: strategy, Population: population, Mutants: 1, MaxMACs: 700, Generations: 1}
		if r := mustRun(t, p, c); r.Evaluations != population || r.Proposed <= misses {
			t.Errorf("%s: %d networks of %d proposed, want %d", strategy, r.Evaluations, r.Proposed, population)
		}
	}
}

// The budget bounds the draws of a generation too.
func TestGenerationWithinBudget(t *testing.T) {
	space := fakeSpace{10, 5}
	for _, strategy := range []string{Evolution, TwoObjectives} {
		p := Problem{Space: space, Evaluator: newFake(space, 1), Objective: firstTerm(t)}
		r := mustRun(t, p, Config{Strategy: strategy, Population: 30, Mutants: 1, MaxMACs: 700, Budget: 1})
		if r.Evaluations != 1 || r.Stopped != TimedOut || r.Proposed > misses {
			t.Errorf("%s: %d networks of %d proposed, stopped: %s", strategy, r.Evaluations, r.Proposed, r.Stopped)
		}
	}
}
