package search

import (
	"bnas.example/philox"
	"bnas.example/supernet"
)

// attempts is how many children are tried for each that a generation wants.
const attempts = 10

// evolution is BN-NAS's search (Chen et al., ICCV 2021, released code): a generation is Mutants children of one of the
// Parents best architectures of all generations, Crossovers children of two of them, and random architectures up to
// Population; the first generation is random. What was visited before is not taken again.
type evolution struct {
	*searcher
	generation int
	queue      []supernet.Arch
}

func (e *evolution) next() (supernet.Arch, string) {
	if len(e.queue) == 0 {
		if e.generation == e.cfg.Generations {
			return nil, Complete
		}
		e.queue = e.breed(philox.New(e.cfg.Seed, "search evolution", uint64(e.generation)))
		e.generation++
		if len(e.queue) == 0 {
			return nil, Exhausted
		}
	}
	a := e.queue[0]
	e.queue = e.queue[1:]
	return a, ""
}

// breed makes a generation. It draws from r alone and looks at no score but the parents' order.
func (e *evolution) breed(r *philox.Stream) []supernet.Arch {
	var brood []supernet.Arch
	if parents := e.best(e.cfg.Parents); len(parents) > 0 {
		pick := func() supernet.Arch { return parents[r.IntN(len(parents))].Choice }
		brood = e.fill(brood, e.cfg.Mutants, attempts*e.cfg.Mutants, func() supernet.Arch {
			return supernet.Mutate(e.Space, pick(), e.cfg.Mutation, r)
		})
		brood = e.fill(brood, len(brood)+e.cfg.Crossovers, attempts*e.cfg.Crossovers, func() supernet.Arch {
			return supernet.Crossover(e.Space, pick(), pick(), r)
		})
	}
	return e.fill(brood, e.cfg.Population, misses, func() supernet.Arch { return supernet.Random(e.Space, r) })
}

// fill adds acceptable children until there are want of them or tries have been spent.
func (e *evolution) fill(brood []supernet.Arch, want, tries int, child func() supernet.Arch) []supernet.Arch {
	for ; len(brood) < want && tries > 0; tries-- {
		if a := child(); e.accept(a) {
			brood = append(brood, a)
		}
	}
	return brood
}

func (e *evolution) describe(p *Progress) { p.Generation = e.generation }
