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
