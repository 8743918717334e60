package report

import "fmt"

// operatorSection compares the operators of the best networks with those of the whole space, in which each operator of
// a place is as frequent as any other.
func operatorSection(v *view) (Section, string) {
	s := Section{ID: "operators", Title: "Operators of the best"}
	best := v.best()
	places := v.placeShares(best)
	if places == nil {
		return s, "the architectures' choices are not known"
	}
	s.Lead = fmt.Sprintf("The %d best networks against the whole space. A BatchNorm on convolutions alone draws a search to convolutions; this is where it would show.", len(best))
	var shares []share
	var hues []string
	var colours []Legend
	for _, op := range v.operators {
		shares = append(shares, v.operatorShare(op, places))
		hues = append(hues, v.hueOf(op))
		colours = append(colours, Legend{v.hueOf(op), op})
	}
	g := Group{Class: "figures wide", Legend: colours}
	g.add(shareChart(wideWidth, "Share of each operator", shares, hues), fmt.Sprintf("Coloured: the %d best. Grey: the whole space.", len(best)))
	stacks := make([]Stack, len(v.Places))
	for i, p := range v.Places {
		stacks[i] = Stack{p.Name, places[i]}
	}
	operators := func(place int) []string { return v.Places[place].Operators }
	g.add(stackedChart(wideWidth, "Choice at each place", operators, stacks, v.hueOf), "How the best divide over the operators, place by place.")
	s.Groups = []Group{g}
	return s, ""
}

// best returns the first networks of the ranking.
func (v *view) best() []Arch {
	var all []Arch
	for k := range min(topShare, len(v.score)) {
		all = append(all, v.rows[k])
	}
	return all
}

// placeShares returns for each place the frequency of each operator in the given architectures, or nil if no choice is known.
func (v *view) placeShares(set []Arch) [][]float64 {
	shares := make([][]float64, len(v.Places))
	for p := range v.Places {
		shares[p] = make([]float64, len(v.Places[p].Operators))
	}
	known := 0
	for _, a := range set {
		if len(a.Choice) == len(v.Places) {
			known++
		}
	}
	if known == 0 || len(v.Places) == 0 {
		return nil
	}
	for _, a := range set {
		if len(a.Choice) != len(v.Places) {
			continue
		}
		for p, o := range a.Choice {
			if o >= 0 && o < len(shares[p]) {
				shares[p][o] += 1 / float64(known)
			}
		}
	}
	return shares
}

// operatorShare returns the share of an operator in the places that are not empty, given the frequencies at each place.
func (v *view) operatorShare(op string, places [][]float64) share {
	s := share{operator: op}
	filled := 0.0
	for p, place := range v.Places {
		for o, name := range place.Operators {
			filled += places[p][o]
			if name == op {
				s.best += places[p][o]
				s.whole += 1 / float64(len(place.Operators)) / float64(len(v.Places))
			}
		}
	}
	if filled > 0 {
		s.best /= filled
	}
	return s
}
