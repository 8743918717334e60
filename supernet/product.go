package supernet

import (
	"math/big"
	"slices"
)

// product is a space in which each combination of options is an architecture. Spaces embed it.
type product struct{ genes []Gene }

// Genes returns the genes. The caller may change the slice.
func (p product) Genes() []Gene {
	genes := make([]Gene, len(p.genes))
	for i, g := range p.genes {
		genes[i] = Gene{g.Name, append([]string(nil), g.Options...)}
	}
	return genes
}

// Places returns the genes: each is the choice of an operator.
func (p product) Places() []Place {
	places := make([]Place, len(p.genes))
	for i, g := range p.Genes() {
		places[i] = Place{g.Name, g.Options}
	}
	return places
}

// Chosen returns the options.
func (p product) Chosen(a Arch) []int { return slices.Clone(a) }

// Valid returns nil.
func (p product) Valid(Arch) error { return nil }

// Count returns the product of the numbers of options.
func (p product) Count() *big.Int {
	n := big.NewInt(1)
	for _, g := range p.genes {
		n.Mul(n, big.NewInt(int64(len(g.Options))))
	}
	return n
}

// Cover returns as many architectures as the gene with the most options has. The i-th takes option i of each gene, or the
// gene's last option if it has fewer. The parameters of a gene must depend on its own option only.
func (p product) Cover() []Arch {
	all := make([]Arch, MostOptions(p.genes))
	for o := range all {
		for _, g := range p.genes {
			all[o] = append(all[o], min(o, len(g.Options)-1))
		}
	}
	return all
}

// at returns the i-th architecture, in the order in which the last gene changes fastest.
func (p product) at(i int) Arch {
	a := make(Arch, len(p.genes))
	for g := len(a) - 1; g >= 0; g-- {
		n := len(p.genes[g].Options)
		a[g] = i % n
		i /= n
	}
	return a
}

// indexOf is the inverse of at.
func (p product) indexOf(a Arch) int {
	i := 0
	for g, o := range a {
		i = i*len(p.genes[g].Options) + o
	}
	return i
}
