package supernet

import (
	"fmt"
	"slices"
	"strings"

	"bnas.example/kernels"
)

// Mixture says which operators each place of a network has: by place and operator. Several of one place are averaged.
type Mixture [][]bool

// Mixed is a Space with networks in which a place has several operators at once, as the search network of DARTS has them.
type Mixed interface {
	Space
	// Whole returns the network of all operators.
	Whole() Mixture
	// Only returns the architecture of a mixture that has one operator at each place.
	Only(m Mixture) Arch
	// LowerMixture records the network of m in b. The operators of a place are summed with weights of one over their number
	// (Builder.Weighted).
	LowerMixture(b *Builder, m Mixture) error
}

// Without returns m without an operator of a place.
func (m Mixture) Without(place, operator int) Mixture {
	out := make(Mixture, len(m))
	for p := range m {
		out[p] = slices.Clone(m[p])
	}
	out[place][operator] = false
	return out
}

// Operators lists the operators of a place.
func (m Mixture) Operators(place int) (all []int) {
	for o, has := range m[place] {
		if has {
			all = append(all, o)
		}
	}
	return all
}

// Text names the operators of each place: "a+b, a, …".
func (m Mixture) Text(places []Place) string {
	words := make([]string, len(m))
	for p := range m {
		var names []string
		for _, o := range m.Operators(p) {
			names = append(names, places[p].Operators[o])
		}
		words[p] = strings.Join(names, "+")
	}
	return strings.Join(words, ", ")
}

// Weighted returns s with a weight: a factor that is the same for all images. See Net.MixtureProgram.
func (b *Builder) Weighted(s Summand, weight float64) Summand {
	if weight != 1 {
		s.factor, s.weight = true, weight
	}
	return s
}

// MixtureProgram lowers a mixture of a Mixed space. weights are the factors of the Program's terms, the same for each image: see
// kernels.Runner.SetFactors.
func (n *Net) MixtureProgram(m Mixture) (p *kernels.Program, weights []float32, err error) {
	space, ok := n.Space.(Mixed)
	if !ok {
		return nil, nil, fmt.Errorf("supernet: %s has no networks with several operators at a place", n.Space.Name())
	}
	for place := range m {
		if len(m.Operators(place)) == 0 {
			return nil, nil, fmt.Errorf("supernet: %s: a mixture without an operator at %s", n.Space.Name(), n.places[place].Name)
		}
	}
	b := newBuilder(n, n.Config.Images(), false)
	if err := space.LowerMixture(b, m); err != nil {
		return nil, nil, err
	}
	l, err := b.lowered(m.Text(n.places))
	if err != nil {
		return nil, nil, err
	}
	return l.p, l.weights, nil
}
