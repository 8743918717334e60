package search

import (
	"bnas.example/philox"
	"bnas.example/supernet"
)

// exhaustive takes the architectures in the order of the space. Of several architectures that are the same network it takes
// the first within the limits.
type exhaustive struct {
	*searcher
	space supernet.Ordered
	index int
}

func (e *exhaustive) next() (supernet.Arch, string) {
	for e.index < e.space.Size() {
		a := e.space.At(e.index)
		e.index++
		if e.accept(a) {
			return a, ""
		}
	}
	return nil, Complete
}

// describe bounds the total by the architectures that are still to come.
func (e *exhaustive) describe(p *Progress) {
	if p.Total == 0 {
		p.Total = e.space.Size() - e.index + len(e.pending) + p.Evaluations
	}
}

// random draws uniformly; draw i is a function of the seed and i.
type random struct {
	*searcher
	index uint64
}

func (r *random) next() (supernet.Arch, string) {
	a := r.draw(func() supernet.Arch {
		r.index++
		return supernet.Random(r.Space, philox.New(r.cfg.Seed, "search random", r.index-1))
	})
	if a == nil {
		return nil, Exhausted
	}
	return a, ""
}
