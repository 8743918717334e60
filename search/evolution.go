package search

import (
	"bnas.example/philox"
	"bnas.example/supernet"
)

// attempts is the number of tries for each child of a generation.
const attempts = 10

// evolution is BN-NAS's search (Chen et al., ICCV 2021, released code). The parents are the Parents best architectures of all
// generations. A generation has Mutants children of one parent, Crossovers children of two parents, and random architectures
// up to Population. The first generation is random. No network is visited twice.
type evolution struct{ *searcher }

func newEvolution(s *searcher) strategy {
	return &generations{searcher: s, stream: "search evolution", breed: (&evolution{s}).breed}
}

// breed makes a generation. It depends on r and on the order of the parents only.
func (e *evolution) breed(r *philox.Stream) []supernet.Arch {
	var brood []supernet.Arch
	if parents := e.best(e.cfg.Parents); len(parents) > 0 {
		pick := func() supernet.Arch { return parents[r.IntN(len(parents))] }
		brood = e.fill(brood, e.cfg.Mutants, attempts*e.cfg.Mutants, func() supernet.Arch {
			return supernet.Mutate(e.Space, pick(), e.cfg.Mutation, r)
		})
		brood = e.fill(brood, len(brood)+e.cfg.Crossovers, attempts*e.cfg.Crossovers, func() supernet.Arch {
			return supernet.Crossover(e.Space, pick(), pick(), r)
		})
	}
	return e.refill(brood, r)
}

// fill adds acceptable children until there are want of them, the tries are used up, or the context ends.
func (s *searcher) fill(brood []supernet.Arch, want, tries int, child func() supernet.Arch) []supernet.Arch {
	for ; len(brood) < want && tries > 0 && s.ctx.Err() == nil; tries-- {
		if a := child(); s.accept(a) {
			brood = append(brood, a)
		}
	}
	return brood
}

// refill adds random architectures up to the population, until a space counts as exhausted or the budget is over.
func (s *searcher) refill(brood []supernet.Arch, r *philox.Stream) []supernet.Arch {
	for len(brood) < s.cfg.Population && (len(brood) == 0 || !s.late()) {
		a := s.draw(func() supernet.Arch { return supernet.Random(s.Space, r) })
		if a == nil {
			break
		}
		brood = append(brood, a)
	}
	return brood
}

// draw returns the first acceptable architecture of one; nil after misses draws in vain, and if the context ends.
func (s *searcher) draw(one func() supernet.Arch) supernet.Arch {
	for range misses {
		if s.ctx.Err() != nil {
			break
		}
		if a := one(); s.accept(a) {
			return a
		}
	}
	return nil
}
