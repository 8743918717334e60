package search

import (
	"slices"

	"bnas.example/philox"
	"bnas.example/supernet"
)

// regularised is ageing evolution (Real, Aggarwal, Huang and Le, "Regularized evolution for image classifier
// architecture search", AAAI 2019). It draws Tournament members of the population with replacement. The best of them is the
// parent. The child differs from it in one gene. The oldest member dies: the population is the last Population architectures
// that were scored. Ours: a child must be valid and new. If ten tries for each member make none, the child is random. In
// NAS-Bench-101 a child has therefore as many vertices as its parent: no single gene adds or removes one.
type regularised struct {
	*searcher
	iteration uint64
}

func (e *regularised) next() (supernet.Arch, string) {
	r := philox.New(e.cfg.Seed, "search regularised", e.iteration)
	e.iteration++
	if e.found.len() >= e.cfg.Population {
		for range attempts * e.cfg.Population {
			if e.ctx.Err() != nil {
				return nil, ""
			}
			if a := e.neighbour(e.parent(r), r); e.Space.Valid(a) == nil && e.accept(a) {
				return a, ""
			}
		}
	}
	if a := e.draw(func() supernet.Arch { return supernet.Random(e.Space, r) }); a != nil {
		return a, ""
	}
	return nil, Exhausted
}

// parent returns the winner of a tournament in the living population.
func (e *regularised) parent(r *philox.Stream) supernet.Arch {
	oldest := e.found.len() - e.cfg.Population
	best := oldest + r.IntN(e.cfg.Population)
	for range e.cfg.Tournament - 1 {
		if rival := oldest + r.IntN(e.cfg.Population); e.found.compare(rival, best) < 0 {
			best = rival
		}
	}
	return e.found.archs.At(best)
}

// foresees is true within the first population, which is random. Each later child depends on the score of the one before.
func (e *regularised) foresees(n int) bool { return e.found.len()+n < e.cfg.Population }

// neighbour changes one gene with at least two options to another option. The result need not be valid.
func (e *regularised) neighbour(a supernet.Arch, r *philox.Stream) supernet.Arch {
	genes := e.Space.Genes()
	free := slices.DeleteFunc(indices(len(genes)), func(g int) bool { return len(genes[g].Options) < 2 })
	child := slices.Clone(a)
	if len(free) == 0 {
		return child
	}
	g := free[r.IntN(len(free))]
	o := r.IntN(len(genes[g].Options) - 1)
	if o >= a[g] {
		o++
	}
	child[g] = o
	return child
}

func indices(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}
