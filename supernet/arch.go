package supernet

import (
	"fmt"
	"slices"

	"bnas.example/philox"
)

// Validate returns an error if a does not have one option for each gene of s, each in range, or if they form no
// architecture of s. The methods of a Space do not check this.
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
	if err := s.Valid(a); err != nil {
		return fmt.Errorf("supernet: %s: %w", s.Name(), err)
	}
	return nil
}

// Read parses the text of an architecture of s. The error of a text of another space names that space.
func Read(s Space, text string) (Arch, error) {
	a, err := s.Parse(text)
	if err == nil {
		return a, nil
	}
	for _, other := range spaces() {
		if _, wrong := other.Parse(text); wrong == nil && other.Name() != s.Name() {
			return nil, fmt.Errorf("%w; it is an architecture of %s", err, other.Name())
		}
	}
	return nil, err
}

// ByOperator returns a table of zeros with an element for each operator of each place.
func ByOperator[T any](places []Place) [][]T {
	t := make([][]T, len(places))
	for i, p := range places {
		t[i] = make([]T, len(p.Operators))
	}
	return t
}

// MostOptions returns the largest number of options of a gene.
func MostOptions(genes []Gene) int {
	most := 0
	for _, g := range genes {
		most = max(most, len(g.Options))
	}
	return most
}

// Random returns a random architecture, uniform over those that s takes for valid: every gene is drawn uniformly, until
// they are valid.
func Random(s Space, r *philox.Stream) Arch {
	genes := s.Genes()
	a := make(Arch, len(genes))
	for {
		for i, g := range genes {
			a[i] = r.IntN(len(g.Options))
		}
		if s.Valid(a) == nil {
			return a
		}
	}
}

// Mutate returns a copy of a in which each gene is drawn again with probability p, as in BN-NAS. It draws uniformly over
// all options; a gene may thus keep its option. It draws until the architecture
// is valid.
func Mutate(s Space, a Arch, p float64, r *philox.Stream) Arch {
	genes := s.Genes()
	return valid(s, a, func(m Arch) {
		for i, g := range genes {
			if r.Float64() < p {
				m[i] = r.IntN(len(g.Options))
			}
		}
	})
}

// Crossover returns an architecture that takes each gene from a or b with equal probability. It draws until the
// architecture is valid.
func Crossover(s Space, a, b Arch, r *philox.Stream) Arch {
	return valid(s, a, func(c Arch) {
		for i := range c {
			if r.IntN(2) == 1 {
				c[i] = b[i]
			}
		}
	})
}

// valid changes copies of a valid architecture until one is valid.
func valid(s Space, a Arch, change func(Arch)) Arch {
	for {
		b := slices.Clone(a)
		change(b)
		if s.Valid(b) == nil {
			return b
		}
	}
}
