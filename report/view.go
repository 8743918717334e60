package report

import (
	"cmp"
	"hash/maphash"
	"iter"
	"runtime/debug"
	"slices"
)

// termsAtOnce is the number of terms whose columns are in memory together: those of pairs. Each further group of them reads all
// architectures again.
const termsAtOnce = 4

// garbage is the share of the memory in use, in percent, that may be garbage while the architectures are read. The default of Go, 100,
// would double the memory.
const garbage = 20

// A view is the data with the common parts of several sections: the ranking of distinct networks and the colours. The ranking has
// all live networks, each once, the best first. In memory are the score and the cost of each; see readTerms for the rest.
type view struct {
	Data
	score, costs []float64    // of the ranked networks
	rows         map[int]Arch // some of them, by their place: the first topShare, the one found and the better one
	place        int          // of the one found; −1: it is not ranked
	better       int          // of the network of Search.Better, likewise
	dead         int          // networks that are not ranked
	scored       int          // architectures
	distinct     int          // networks among them: several architectures can be one network

	standing []string // of each fused term the drawing of its distribution, if there is an architecture found
	clouds   []string // the drawings of pairs

	operators []string // all operators, in the order of the places; the position gives the colour
	hueOf     func(string) string
}

func newView(d Data) (*view, error) {
	v := coloured(d)
	defer debug.SetGCPercent(debug.SetGCPercent(garbage)) // the rest are long columns, and short texts of single rows
	at, err := v.rank()
	if err == nil {
		debug.FreeOSMemory() // what ranking needed
		err = v.readTerms(at)
	}
	return v, err
}

// coloured returns a view with the colours of the operators, and nothing ranked.
func coloured(d Data) *view {
	v := &view{Data: d, rows: map[int]Arch{}, place: -1, better: -1}
	for _, p := range d.Places {
		for _, o := range p.Operators {
			if !slices.Contains(v.operators, o) {
				v.operators = append(v.operators, o)
			}
		}
	}
	v.hueOf = Palette(v.operators)
	return v
}

// network names a network: architectures that are the same one have the same name.
func network(a Arch) string { return cmp.Or(a.Canonical, a.Text) }

// rank orders the live networks by score. Of several architectures that are the same network it keeps the found one, or else
// the first; of equal scores the found one comes first, then that which is read first. It returns the place in the ranking of the
// architecture of each row, −1 for one that is not in it.
func (v *view) rank() (at []int32, err error) {
	l, err := v.readLive()
	if err != nil {
		return nil, err
	}
	place := make([]int32, len(l.score))
	v.score, v.costs = make([]float64, len(l.score)), make([]float64, len(l.score))
	for k, i := range l.order() {
		v.score[k], v.costs[k], place[i] = l.score[i], l.costs[i], int32(k)
	}
	for row, i := range l.at {
		if i >= 0 {
			l.at[row] = place[i]
		}
	}
	if l.found >= 0 {
		v.place = int(place[l.found])
	}
	if l.better >= 0 {
		v.better = int(place[l.better])
	}
	return l.at, nil
}

// liveNetworks are those that are ranked, in the order in which they are read.
type liveNetworks struct {
	score, costs  []float64
	at            []int32 // the network of each row; −1: none
	found, better int     // −1: not among them
}

// readLive reads the networks that are ranked, and counts the others.
func (v *view) readLive() (l liveNetworks, err error) {
	l.found, l.better = -1, -1
	seed := maphash.MakeSeed()
	texts, networks := []uint64{}, map[uint64]struct{}{} // hashes: of n names, two have one hash with a probability of n²/2⁶⁵
	_, _, costOf := v.cost()
	for a, err := range v.archs() {
		if err != nil {
			return l, err
		}
		l.at = append(l.at, -1)
		texts = append(texts, maphash.String(seed, a.Text))
		name := maphash.String(seed, network(a))
		_, known := networks[name]
		isFound := v.Found != nil && a.Text == v.Found.Text
		if known || v.Found != nil && !isFound && network(a) == network(*v.Found) { // the one found stands for its network
			continue
		}
		networks[name] = struct{}{}
		if a.Dead || !finite(a.Score) {
			v.dead++
			continue
		}
		if isFound {
			l.found = len(l.score)
		}
		if v.isBetter(a) {
			l.better = len(l.score)
		}
		l.at[len(l.at)-1] = int32(len(l.score))
		l.score, l.costs = append(l.score, a.Score), append(l.costs, costOf(a))
	}
	slices.Sort(texts)
	v.scored, v.distinct = len(slices.Compact(texts)), len(networks)
	return l, nil
}

// order lists the networks, the best first.
func (l liveNetworks) order() []int32 {
	order := make([]int32, len(l.score))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(i, j int32) int {
		c := cmp.Compare(l.score[j], l.score[i])
		switch {
		case c == 0 && int(i) == l.found:
			return -1
		case c == 0 && int(j) == l.found:
			return 1
		}
		return c
	})
	return order
}

// archs reads the architectures.
func (v *view) archs() iter.Seq2[Arch, error] {
	if v.Archs == nil {
		return func(func(Arch, error) bool) {}
	}
	return v.Archs
}

// readTerms reads the rows that the tables show, and draws what shows a term of each ranked network: a group of terms is in memory
// at one time. at is the place in the ranking of each row.
func (v *view) readTerms(at []int32) error {
	groups := slices.Collect(slices.Chunk(v.fused(), termsAtOnce))
	if len(groups) == 0 {
		groups = append(groups, nil)
	}
	columns := make([][]float64, len(groups[0]))
	for i := range columns {
		columns[i] = make([]float64, len(v.score))
	}
	for g, group := range groups {
		row := -1
		for a, err := range v.archs() {
			if err != nil {
				return err
			}
			row++
			k := int(at[row])
			if k < 0 {
				continue
			}
			for i, t := range group {
				columns[i][k] = valueOf(a, t)
			}
			if g == 0 && (k < topShare || k == v.place || k == v.better) {
				v.rows[k] = a.clone()
			}
		}
		v.drawTerms(group, columns)
	}
	return nil
}

// drawTerms draws the distributions of a group of terms, and the pairs within it. The pairs are those of the first fused terms, which
// are in the first group.
func (v *view) drawTerms(group []int, columns [][]float64) {
	for i, t := range group {
		if v.Found != nil {
			v.standing = append(v.standing, v.standingChart(t, columns[i]))
		}
	}
	for _, pair := range v.pairs() {
		x, y := slices.Index(group, pair[0]), slices.Index(group, pair[1])
		if x >= 0 && y >= 0 {
			v.clouds = append(v.clouds, v.pairChart(pair, columns[x], columns[y]))
		}
	}
}

// clone returns a with slices of its own.
func (a Arch) clone() Arch {
	a.Choice, a.Values, a.Spread = slices.Clone(a.Choice), slices.Clone(a.Values), slices.Clone(a.Spread)
	return a
}
