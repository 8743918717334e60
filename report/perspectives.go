package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Perspective is what the terms of the fused score that look at one property say of the architecture found.
type Perspective struct {
	Name     string
	Asks     string // in words
	Terms    []TermStanding
	Compared Comparison
	Standing // in these terms together
}

// TermStanding is the architecture found in one term.
type TermStanding struct {
	Name  string
	Asks  string // in words that follow "measured by": "how …"
	Value float64
	Standing
}

// Standing counts the networks that one network is compared with by a score. They are all equal if the score is the same in all of them.
type Standing struct{ Below, Equal, Above int }

// Comparison holds the words for a network that scores higher than another, lower, and the same: "better than", "worse than", "as good as".
type Comparison struct{ Higher, Lower, Same string }

// Networks is the number of the networks.
func (s Standing) Networks() int { return s.Below + s.Equal + s.Above }

// Share is the share of the networks that score lower, ties half; NaN without networks.
func (s Standing) Share() float64 {
	return (float64(s.Below) + float64(s.Equal)/2) / float64(s.Networks())
}

// perspectivesGroup says what each perspective says of the architecture found; nil without any.
func perspectivesGroup(v *view) *Group {
	if len(v.Perspectives) == 0 {
		return nil
	}
	t := &Table{Cards: true, Head: []Header{{Text: "perspective", Left: true}, {Text: "this network", Left: true}, {Text: "what it asks", Left: true}, {Text: "terms", Left: true}}}
	for _, p := range v.Perspectives {
		var names []string
		for _, term := range p.Terms {
			names = append(names, term.Name)
		}
		t.Rows = append(t.Rows, Row{Cells: []Cell{
			{Text: p.Name, Class: "left"}, {Text: p.sentence(v.Others), Class: "left words"}, {Text: p.Asks, Class: "left words"}, {Text: strings.Join(names, ", "), Class: "left words"},
		}})
	}
	lead := "What each perspective of the score says of this network, compared with " + v.others()
	if v.Calibration > 1 {
		lead += " of the calibration sample"
	}
	return &Group{Lead: lead + ".", Table: t}
}

// others are the networks that the one found is compared with, in words.
func (v *view) others() string {
	n := v.Perspectives[0].Networks()
	for _, p := range v.Perspectives {
		n = max(n, p.Networks())
	}
	switch n {
	case 0:
		return "no other network"
	case 1:
		return "one other network"
	}
	return integer(n) + " " + v.Others
}

// sentence says in words where the architecture found stands in a perspective, and what makes it strong and weak there.
func (p Perspective) sentence(networks string) string {
	var lacking []string
	var telling, same []TermStanding
	for _, t := range p.Terms {
		switch {
		case math.IsNaN(t.Value):
			lacking = append(lacking, t.Name)
		case t.Networks() > 1 && t.Equal == t.Networks():
			same = append(same, t)
		default:
			telling = append(telling, t)
		}
	}
	if len(lacking) > 0 {
		return "Nothing can be said: " + list(lacking) + were(len(lacking)) + " not measured."
	}
	if p.Networks() == 0 {
		return "There is no other network to compare it with."
	}
	text := "It is " + p.Compared.whole(p.Standing, networks)
	if len(p.Terms) == 1 {
		return text + ", measured by " + p.Terms[0].measure() + "."
	}
	text += "."
	if len(telling) == 0 {
		return text + " Its terms do not tell them apart."
	}
	text += " " + p.strengths(telling, len(same) == 0)
	if len(same) > 0 {
		text += " All have the same value in " + list(asks(same)) + "."
	}
	return text
}

// strengths names the terms in which the architecture stands highest and lowest. all says that they are all terms of the perspective.
func (p Perspective) strengths(terms []TermStanding, all bool) string {
	best, worst := extremes(terms)
	highest, lowest := best[0], worst[0]
	switch {
	case len(terms) == 1:
		return "What tells them apart is " + highest.measure() + "."
	case highest.Share() == lowest.Share() && all && len(terms) == 2:
		return "It stands alike in both terms."
	case highest.Share() == lowest.Share() && all:
		return fmt.Sprintf("It stands alike in all %d terms.", len(terms))
	case highest.Share() == lowest.Share():
		return "It stands alike in " + list(asks(terms)) + "."
	}
	return fmt.Sprintf("It is strongest in %s (%s), and weakest in %s (%s).",
		list(asks(best)), p.Compared.short(highest.Standing), list(asks(worst)), p.Compared.short(lowest.Standing))
}

// extremes returns the terms of the largest and of the smallest share.
func extremes[S interface{ Share() float64 }](all []S) (best, worst []S) {
	high, low := math.Inf(-1), math.Inf(1)
	for _, s := range all {
		high, low = max(high, s.Share()), min(low, s.Share())
	}
	for _, s := range all {
		if s.Share() == high {
			best = append(best, s)
		}
		if s.Share() == low {
			worst = append(worst, s)
		}
	}
	return best, worst
}

func asks(terms []TermStanding) (all []string) {
	for _, t := range terms {
		all = append(all, t.measure())
	}
	return all
}

// measure says what a term measures, and its value if that is the lowest.
func (t TermStanding) measure() string {
	if math.IsInf(t.Value, -1) {
		return t.Asks + ", which is " + number(t.Value) + ", the lowest value"
	}
	return t.Asks
}

// whole says where a network stands among others, "random networks".
func (c Comparison) whole(s Standing, networks string) string {
	n := s.Networks()
	most := func(words string, k int) string {
		return fmt.Sprintf("%s %s of %s %s", words, integer(k), integer(n), networks)
	}
	rest := ", and " + c.Same + " the other " + integer(s.Equal)
	if s.Equal == 1 {
		rest = ", and " + c.Same + " the other one"
	}
	switch {
	case n == 1:
		return c.only(s) + " the one other network"
	case s.Below == n || s.Equal == n || s.Above == n:
		return c.only(s) + " all " + integer(n) + " " + networks
	case s.Equal == 0:
		return most(c.Higher, s.Below)
	case s.Above == 0:
		return most(c.Higher, s.Below) + rest
	case s.Below == 0:
		return most(c.Lower, s.Above) + rest
	}
	return most(c.Higher, s.Below) + ", " + c.Same + " " + integer(s.Equal) + ", and " + c.Lower + " " + integer(s.Above)
}

// short is whole where the networks are known. A number stays on the line of the word before it.
func (c Comparison) short(s Standing) string {
	part := func(words string, k int) string { return words + "\u00a0" + integer(k) }
	switch n := s.Networks(); {
	case n == 1:
		return c.only(s) + " it"
	case s.Below == n || s.Equal == n || s.Above == n:
		return c.only(s) + " all"
	case s.Equal == 0:
		return part(c.Higher, s.Below)
	case s.Above == 0:
		return part(c.Higher, s.Below) + ", " + part(c.Same, s.Equal)
	case s.Below == 0:
		return part(c.Same, s.Equal) + ", " + part(c.Lower, s.Above)
	}
	return part(c.Higher, s.Below) + ", " + part(c.Same, s.Equal) + ", " + part(c.Lower, s.Above)
}

// only are the words for networks that are all on one side.
func (c Comparison) only(s Standing) string {
	switch {
	case s.Below > 0:
		return c.Higher
	case s.Above > 0:
		return c.Lower
	}
	return c.Same
}

// extremePerspectives names the strongest and the weakest perspective in one sentence; "" if fewer than two can be compared.
func (v *view) extremePerspectives() string {
	known := slices.DeleteFunc(slices.Clone(v.Perspectives), func(p Perspective) bool { return p.Networks() == 0 })
	if len(known) < 2 {
		return ""
	}
	among := "Among "
	if known[0].Networks() == 1 {
		among = "Beside "
	}
	best, worst := extremes(known)
	if best[0].Share() == worst[0].Share() {
		return fmt.Sprintf("%s%s, this one is equally strong in %s.", among, v.others(), list(standings(known)))
	}
	return fmt.Sprintf("%s%s, this one is strongest in %s, and weakest in %s.", among, v.others(), list(standings(best)), list(standings(worst)))
}

func standings(all []Perspective) (words []string) {
	for _, p := range all {
		words = append(words, fmt.Sprintf("%s (%s)", p.Name, p.Compared.short(p.Standing)))
	}
	return words
}

// list joins words by commas, and the last one by "and".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

func were(n int) string {
	if n == 1 {
		return " was"
	}
	return " were"
}
