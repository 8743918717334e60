package train

import (
	"slices"
	"strconv"

	"bnas.example/philox"
	"bnas.example/supernet"
)

// Paths returns the architectures that a training step draws: a function of (Seed, step) alone.
func (c Config) Paths(s supernet.Space, step int) []supernet.Arch {
	if wired, ok := s.(supernet.Wired); ok && c.Sampling == Strict {
		return strictOperators(wired, c.Seed, step)
	}
	if c.Sampling == Strict {
		return strictPaths(s, c.Seed, step)
	}
	return []supernet.Arch{uniformPath(s, c.Seed, step)}
}

// uniformPath draws until the architecture is live. A dead one would train the last β only.
func uniformPath(s supernet.Space, seed uint64, step int) supernet.Arch {
	r := philox.New(seed, "path", uint64(step))
	for {
		if a := supernet.Random(s, r); s.Alive(a) {
			return a
		}
	}
}

// strictOperators draws one path and returns K with its wiring, with K the largest number of operators of a place. Each place of
// the path goes through all of its operators.
func strictOperators(s supernet.Wired, seed uint64, step int) []supernet.Arch {
	wiring := uniformPath(s, seed, step)
	genes := s.Genes()
	k := 0
	for _, p := range s.Places() {
		k = max(k, len(p.Operators))
	}
	paths := make([]supernet.Arch, k)
	for j := range paths {
		paths[j] = slices.Clone(wiring)
	}
	for place, operator := range s.Chosen(wiring) {
		if operator < 0 {
			continue
		}
		gene := s.OperatorGene(place)
		perm := philox.New(seed, "path of gene "+strconv.Itoa(gene), uint64(step)).Perm(len(genes[gene].Options))
		for j := range paths {
			paths[j][gene] = perm[j%len(perm)]
		}
	}
	return paths
}

// strictPaths draws K paths, with K the largest number of options of a gene. Each gene goes through its options in rounds.
// Each round is a new permutation. A gene with fewer than K options starts its next round within the step and continues it
// in the next step. The counts of its options therefore never differ by more than one.
func strictPaths(s supernet.Space, seed uint64, step int) []supernet.Arch {
	genes := s.Genes()
	k := supernet.MostOptions(genes)
	paths := make([]supernet.Arch, k)
	for j := range paths {
		paths[j] = make(supernet.Arch, len(genes))
	}
	for i, g := range genes {
		n := len(g.Options)
		round, perm := -1, []int(nil)
		for j := range paths {
			t := step*k + j
			if t/n != round {
				round = t / n
				perm = philox.New(seed, "path of gene "+strconv.Itoa(i), uint64(round)).Perm(n)
			}
			paths[j][i] = perm[t%n]
		}
	}
	return paths
}
