package search

import (
	"bnas.example/philox"
	"bnas.example/supernet"
)

// generations is a strategy that proposes architectures by generations.
type generations struct {
	*searcher
	stream     string                                 // of its random numbers
	breed      func(r *philox.Stream) []supernet.Arch // makes a generation, given the scores of those before
	generation int
	queue      []supernet.Arch
}

func (g *generations) next() (supernet.Arch, string) {
	if len(g.queue) == 0 {
		if g.generation == g.cfg.Generations {
			return nil, Complete
		}
		g.queue = g.breed(philox.New(g.cfg.Seed, g.stream, uint64(g.generation)))
		g.generation++
		if len(g.queue) == 0 {
			return nil, Exhausted
		}
	}
	a := g.queue[0]
	g.queue = g.queue[1:]
	return a, ""
}

// foresees is true within a generation.
func (g *generations) foresees(int) bool { return len(g.queue) > 0 }

func (g *generations) describe(p *Progress) { p.Generation = g.generation }
