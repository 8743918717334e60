package search

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"bnas.example/indicator"
	"bnas.example/supernet"
)

// Pruning is the strategy that needs Problem.Mixtures.
const Pruning = "pruning"

// pruning is the search of TE-NAS (Chen, Gong and Wang, ICLR 2021, algorithm 1 and released code). It begins with all operators at each
// place. In a round it leaves out each operator alone, and takes the relative change of the condition number κ of the tangent kernel, and
// of the number of linear regions R. Operators are ranked by how much κ falls without them, and by how little R does; the sum of
// both ranks is their importance. Each place loses its Prune least important operators. It ends with one operator a place.
type pruning struct {
	*searcher
	space    supernet.Mixed
	whole    supernet.Mixture
	round    int
	measured int // mixtures, those whose figures were kept too
	kept     int // of them, whose figures were kept
	total    int // how many there will be
	rounds   []Pruned
	over     bool
}

// Pruned is an operator that a pruning search has removed. The changes are relative to the network before:
// (without − before)/before.
type Pruned struct {
	Round    int     `json:"round"`
	Place    string  `json:"place"`
	Operator string  `json:"operator"`
	Kappa    float64 `json:"kappa"`   // change of the condition number
	Regions  float64 `json:"regions"` // change of the number of linear regions
}

func newPruning(s *searcher) strategy {
	space := s.Space.(supernet.Mixed)
	p := &pruning{searcher: s, space: space, whole: space.Whole()}
	p.total = p.toMeasure(p.whole)
	return p
}

// next prunes to the end, and proposes what is left.
func (p *pruning) next() (supernet.Arch, string) {
	if p.over {
		return nil, Complete
	}
	m := p.whole
	for p.round = 1; mixed(m); p.round++ {
		all, err := p.changes(m)
		if err != nil {
			p.fault = err
			return nil, Complete
		}
		rank(all)
		m = p.prune(m, all)
	}
	p.over = true
	a := p.space.Only(m)
	p.accept(a)
	return a, ""
}

// mixed reports whether a place of m has several operators.
func mixed(m supernet.Mixture) bool {
	for place := range m {
		if len(m.Operators(place)) > 1 {
			return true
		}
	}
	return false
}

// describe says how far the pruning is.
func (p *pruning) describe(g *Progress) {
	g.Mixtures, g.KeptMixtures, g.AllMixtures, g.Total = p.measured, p.kept, p.total, 1
}

// toMeasure is the number of mixtures that a search from m measures.
func (p *pruning) toMeasure(m supernet.Mixture) (n int) {
	left := make([]int, len(m))
	for place := range m {
		left[place] = len(m.Operators(place))
	}
	for slices.Max(left) > 1 {
		n++
		for place, k := range left {
			if k > 1 {
				n += k
				left[place] -= p.toPrune(k)
			}
		}
	}
	return n
}

// toPrune is how many of k operators of a place a round removes: never the last one.
func (p *pruning) toPrune(k int) int { return min(max(p.cfg.Prune, 1), k-1) }

// removal is what leaving out one operator changes: (before − without)/before, as in the released code.
type removal struct {
	place, operator int
	kappa, regions  float64
	ranks           [2]int
}

// changes measures m without each operator of the places that have several.
func (p *pruning) changes(m supernet.Mixture) ([]removal, error) {
	var all []removal
	list := []supernet.Mixture{m}
	for place := range m {
		operators := m.Operators(place)
		if len(operators) == 1 {
			continue
		}
		for _, o := range operators {
			all, list = append(all, removal{place: place, operator: o}), append(list, m.Without(place, o))
		}
	}
	figures, err := p.measure(list)
	if err != nil {
		return nil, err
	}
	before := figures[0]
	for i := range all {
		all[i].kappa, all[i].regions = meanChange(before, figures[i+1])
	}
	return all, nil
}

// meanChange returns the means over the repeats of the relative changes of κ and of R. As in the released code it divides a sum: a sum of
// quotients differs in its last bits, and only equal means share a rank.
func meanChange(before, without []indicator.MixtureFigures) (kappa, regions float64) {
	for k := range before {
		one, other := changed(before[k], without[k])
		kappa, regions = kappa+one, regions+other
	}
	n := float64(len(before))
	return kappa / n, regions / n
}

// changed returns the relative changes of κ and of R, rounded to three decimals.
func changed(before, without indicator.MixtureFigures) (kappa, regions float64) {
	kappa = -math.Expm1(without.LogCondition - before.LogCondition)
	regions = float64(before.Regions-without.Regions) / float64(before.Regions)
	return math.Round(1000*kappa) / 1000, math.Round(1000*regions) / 1000
}

// measure returns the figures of mixtures in each repeat.
func (p *pruning) measure(list []supernet.Mixture) (all [][]indicator.MixtureFigures, err error) {
	for some := range slices.Chunk(list, max(p.Mixtures.Width, 1)) {
		if err := p.interrupted(); err != nil {
			return nil, err
		}
		kept := make([]int, len(some))
		for i, m := range some {
			if p.Mixtures.has(m) {
				kept[i] = 1
			}
		}
		figures, err := p.Mixtures.of(some)
		if err != nil {
			if stopped := p.interrupted(); stopped != nil {
				return nil, stopped
			}
			return nil, err
		}
		for i, one := range figures {
			all = append(all, one)
			p.measured, p.kept = p.measured+1, p.kept+kept[i]
			if p.report != nil {
				p.report(p.progress())
			}
		}
	}
	return all, nil
}

// rank gives the removals their ranks, and orders them by the sum, the least important first. As in the released code, the order is by three
// significant digits, only exact equals share a rank, and equal sums stay in the order by κ.
func rank(all []removal) {
	by := func(kind int, of func(removal) float64) {
		slices.SortStableFunc(all, func(a, b removal) int { return cmp.Compare(significant(of(a)), significant(of(b))) })
		for i := range all {
			switch {
			case i == 0:
				all[i].ranks[kind] = 0
			case of(all[i]) == of(all[i-1]):
				all[i].ranks[kind] = all[i-1].ranks[kind]
			default:
				all[i].ranks[kind] = all[i-1].ranks[kind] + 1
			}
		}
	}
	inOrder := func(a, b removal) int {
		return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.operator, b.operator))
	}
	by(1, func(r removal) float64 { return r.regions })
	slices.SortFunc(all, inOrder)
	by(0, func(r removal) float64 { return -r.kappa })
	slices.SortStableFunc(all, func(a, b removal) int { return cmp.Compare(a.ranks[0]+a.ranks[1], b.ranks[0]+b.ranks[1]) })
}

// significant rounds to three significant digits.
func significant(x float64) float64 {
	if x == 0 {
		return 0
	}
	unit := math.Pow(10, 2-math.Floor(math.Log10(math.Abs(x)+1e-8)))
	return math.Round(x*unit) / unit
}

// prune removes the least important operators of each place, given all in their order.
func (p *pruning) prune(m supernet.Mixture, all []removal) supernet.Mixture {
	left := make([]int, len(m)) // to remove
	for place := range m {
		left[place] = p.toPrune(len(m.Operators(place)))
	}
	places := p.Space.Places()
	for _, r := range all {
		if left[r.place] > 0 {
			left[r.place]--
			m = m.Without(r.place, r.operator)
			p.rounds = append(p.rounds, Pruned{p.round, places[r.place].Name, places[r.place].Operators[r.operator], 0 - r.kappa, 0 - r.regions})
		}
	}
	return m
}

// Mixtures gives the figures of mixtures. Each is measured once, and its figures kept.
type Mixtures struct {
	Space   supernet.Space
	Figures *Figures // of MixtureColumns, with CheckMixture: a row of each mixture in each repeat
	Repeats int      // at least 1
	Width   int      // how many Measure measures at a time; at least 1
	Measure func([]supernet.Mixture) ([][]indicator.MixtureFigures, error)
}

// MixtureColumns names the columns of Mixtures.Figures.
func MixtureColumns() []string { return []string{"log_kappa", "regions"} }

// of returns the figures of some mixtures in each repeat. One that lacks a repeat is measured in all of them.
func (x *Mixtures) of(some []supernet.Mixture) ([][]indicator.MixtureFigures, error) {
	var missing []supernet.Mixture
	for _, m := range some {
		if !x.has(m) {
			missing = append(missing, m)
		}
	}
	if len(missing) > 0 {
		figures, err := x.Measure(missing)
		if err != nil {
			return nil, err
		}
		for i, m := range missing {
			if err := x.add(m, figures[i]); err != nil {
				return nil, err
			}
		}
	}
	all := make([][]indicator.MixtureFigures, len(some))
	for i, m := range some {
		all[i] = x.known(m)
	}
	return all, nil
}

// has reports whether the figures of a mixture are kept in each repeat.
func (x *Mixtures) has(m supernet.Mixture) bool { return len(x.known(m)) == x.Repeats }

// known returns the figures of a mixture in the first repeats, as far as they are kept.
func (x *Mixtures) known(m supernet.Mixture) (all []indicator.MixtureFigures) {
	for repeat := range x.Repeats {
		values, ok := x.Figures.Lookup(x.name(m, repeat))
		if !ok {
			break
		}
		all = append(all, indicator.MixtureFigures{LogCondition: values[0], Regions: int(values[1])})
	}
	return all
}

// name names a mixture in a repeat, from 0: the operators of each place, and the repeat from 1.
func (x *Mixtures) name(m supernet.Mixture, repeat int) string {
	return fmt.Sprintf("%s, repeat %d", m.Text(x.Space.Places()), repeat+1)
}

// add keeps the figures of a mixture in the repeats that have none.
func (x *Mixtures) add(m supernet.Mixture, repeats []indicator.MixtureFigures) error {
	for repeat := len(x.known(m)); repeat < len(repeats); repeat++ {
		f := repeats[repeat]
		if err := x.Figures.Add(x.name(m, repeat), f.LogCondition, float64(f.Regions)); err != nil {
			return err
		}
	}
	return nil
}

// CheckMixture returns an error if the figures of a mixture cannot be, or have no relative change: κ is at least 1, a thousand times κ is
// finite (changed rounds to thousandths), and R is a whole number, at least 1.
func CheckMixture(values []float64) error {
	if k, r := values[0], values[1]; k < 0 || math.IsInf(1000*math.Exp(k), 0) || r < 1 || r > math.MaxInt32 || r != math.Trunc(r) {
		return fmt.Errorf("log κ %v and %v linear regions", k, r)
	}
	return nil
}
