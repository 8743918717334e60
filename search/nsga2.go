package search

import (
	"bnas.example/philox"
	"bnas.example/supernet"
)

// crossed is the probability that a child of NSGA-II has two parents: that of the paper.
const crossed = 0.9

// nsga2 is NSGA-II (Deb, Pratap, Agarwal and Meyarivan, IEEE Transactions on Evolutionary Computation 6(2), 2002) over a high score
// and a low cost. A generation has Population children. Each comes from parents that win binary tournaments of the crowded
// comparison, by crossover and mutation; the population is then the best Population of it and its children. The first generation is
// random. As in all strategies here, no network is visited twice: a child that was is drawn again, and after enough draws in vain
// a random network takes its place. Dead networks are no parents.
type nsga2 struct {
	*searcher
	population []int // places of searcher.found
	seen       int   // how many found networks were candidates for the population
}

func newNSGA2(s *searcher) strategy {
	return &generations{searcher: s, stream: "search nsga2", breed: (&nsga2{searcher: s}).breed}
}

// breed chooses the population among the last one and its children, and makes the next children.
func (e *nsga2) breed(r *philox.Stream) []supernet.Arch {
	parents := e.choose()
	var brood []supernet.Arch
	if len(parents) > 0 {
		pick := func() supernet.Arch {
			a, b := parents[r.IntN(len(parents))], parents[r.IntN(len(parents))]
			if b.better(a) < 0 {
				a = b
			}
			return e.found.archs.At(e.population[a.place])
		}
		brood = e.fill(brood, e.cfg.Population, attempts*e.cfg.Population, func() supernet.Arch {
			child := pick()
			if r.Float64() < crossed {
				child = supernet.Crossover(e.Space, child, pick(), r)
			}
			return supernet.Mutate(e.Space, child, e.cfg.Mutation, r)
		})
	}
	return e.refill(brood, r)
}

// choose makes the population the best of it and of what was found since, and returns its standings; place is in the population.
func (e *nsga2) choose() []crowded {
	candidates := e.population
	for ; e.seen < e.found.len(); e.seen++ {
		if !e.found.dead[e.seen] {
			candidates = append(candidates, e.seen)
		}
	}
	points := make([]point, len(candidates))
	for i, place := range candidates {
		points[i] = point{-e.found.score[place], float64(e.costOf(place))}
	}
	best := survivors(points, e.cfg.Population)
	chosen := make([]int, len(best))
	for i := range best {
		chosen[i] = candidates[best[i].place]
		best[i].place = i
	}
	e.population = chosen
	return best
}
