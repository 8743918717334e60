package supernet

import (
	"fmt"
	"slices"

	"bnas.example/philox"
)

// Validate reports whether a has one option for each gene of s, each in range. The methods of a Space take this for
// granted.
func Validate(s Space, a Arch) error {
	genes := s.Genes()
	if len(a) != len(genes) {
		return fmt.Errorf("supernet: %s: architecture has %d genes, want %d", s.Name(), len(a), len(genes))
	}
	for i, g := range genes {
		if a[i] < 0 || a[i] >= len(g.Options) {
			return fmt.Errorf("supernet: %s: gene %s: option %d is not in 0…%d", s.Name(), g.Name, a[i], len(g.Options)-1)
		}
	}
	return nil
}

// Random draws every gene uniformly.
func Random(s Space, r *philox.Stream) Arch {
	genes := s.Genes()
	a := make(Arch, len(genes))
	for i, g := range genes {
		a[i] = r.IntN(len(g.Options))
	}
	return a
}

// Mutate draws each gene anew with probability p, uniformly over all its options (so that it may stay), as BN-NAS does.
func Mutate(s Space, a Arch, p float64, r *philox.Stream) Arch {
	m := slices.Clone(a)
	for i, g := range s.Genes() {
		if r.Float64() < p {
			m[i] = r.IntN(len(g.Options))
		}
	}
	return m
}

// Crossover takes each gene from a or b with equal probability.
func Crossover(s Space, a, b Arch, r *philox.Stream) Arch {
	c := slices.Clone(a)
	for i := range c {
		if r.IntN(2) == 1 {
			c[i] = b[i]
		}
	}
	return c
}
