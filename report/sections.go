package report

import (
	"fmt"
	"html/template"
	"maps"
	"math"
	"slices"
	"strconv"
)

// Sizes of the panels, in the drawing's units.
const (
	smallWidth, smallHeight = 330, 200
	wideWidth, wideHeight   = 500, 290
	topRows                 = 20
	topShare                = 50
)

func foundSection(v *view) (Section, string) {
	s := Section{ID: "found", Title: "The architecture found"}
	if v.Found == nil {
		return s, "no search was run"
	}
	a := v.Found
	s.Arch = a.Text
	if b := v.Search.Better; b != nil {
		s.Notes = append(s.Notes, fmt.Sprintf("A random network of the calibration sample scores higher, %s; a longer search may find it, or a better one: %s", number(b.Score), b.Text))
	}
	s.Tiles = append(s.Tiles, Fact{"score, " + v.Score, number(a.Score)})
	if v.place >= 0 {
		s.Tiles = append(s.Tiles, Fact{"of " + integer(len(v.score)) + " ranked networks", "no. " + integer(v.place+1)})
	}
	s.Tiles = append(s.Tiles, Fact{"MACs an image", count(a.MACs)}, Fact{"parameters", count(a.Params)})
	if v.Search.Strategy != "" {
		s.Tiles = append(s.Tiles,
			Fact{"strategy", v.Search.Strategy},
			Fact{"architectures scored", integer(v.scored)},
			Fact{"different networks", integer(v.distinct)},
			Fact{"search time", duration(v.Search.Wall)})
	}
	if d := graphChart(v.Graph, v.hueOf); d != nil {
		g := Group{Class: "graph"}
		g.Figures = []Figure{{template.HTML(d.sized()), v.Graph.Title}}
		s.Groups = append(s.Groups, g)
	}
	s.Lead = v.extremePerspectives()
	for _, g := range []*Group{perspectivesGroup(v), withoutCostGroup(v)} {
		if g != nil {
			s.Groups = append(s.Groups, *g)
		}
	}
	return s, ""
}

// standingSection shows the found architecture among the ranked networks in each term of the score.
func standingSection(v *view) (Section, string) {
	s := Section{ID: "standing", Title: "In each term"}
	if v.Found == nil {
		return s, "no search was run"
	}
	class, _ := v.standingSize()
	terms := Group{Class: class}
	for _, chart := range v.standing {
		terms.add(chart, "")
	}
	if len(terms.Figures) == 0 {
		return s, "no term of the score has a finite value"
	}
	s.Lead = "Where it stands in each term of the fused score, among all ranked networks."
	s.Groups = []Group{terms}
	return s, ""
}

// standingSize returns the class of the group of all distributions, and the width of one.
func (v *view) standingSize() (class string, width float64) {
	switch n := len(v.fused()); {
	case n%5 == 0:
		return "figures five", smallWidth * 0.66
	case n%4 == 0:
		return "figures four", smallWidth * 0.78
	}
	return "figures", smallWidth
}

// standingChart draws the distribution of a term, with the architecture found.
func (v *view) standingChart(t int, values []float64) string {
	_, width := v.standingSize()
	return histogramChart(width, smallHeight-20, v.Terms[t].Name, "", values, valueOf(*v.Found, t), "found")
}

// fused lists the terms of the fused score, by their index.
func (v *view) fused() []int {
	var all []int
	for i, t := range v.Terms {
		if t.Fused {
			all = append(all, i)
		}
	}
	return all
}

func valueOf(a Arch, t int) float64 {
	if t < len(a.Values) {
		return a.Values[t]
	}
	return math.NaN()
}

func rankingSection(v *view) (Section, string) {
	s := Section{ID: "ranking", Title: "Ranking"}
	if len(v.score) == 0 {
		if v.scored > 0 {
			return s, "no architecture has a score that is a finite number"
		}
		return s, "no live architecture was scored"
	}
	s.Lead = fmt.Sprintf("The best %d of %s distinct live networks", min(topRows, len(v.score)), integer(len(v.score)))
	if v.dead > 0 {
		s.Lead += fmt.Sprintf("; %s without a path from input to output, or without a score, come last", integer(v.dead))
	}
	s.Lead += ". " + v.directionNote()
	s.Notes = append(s.Notes, v.scoreNote())
	s.Notes = append(s.Notes, fmt.Sprintf("%s architectures were scored, those of the calibration sample included. They are %s different networks, for several architectures can be one network. %s of these have a path from input to output and a score, and are ranked.",
		integer(v.scored), integer(v.distinct), integer(len(v.score))))
	s.Notes = append(s.Notes, v.seedNote())
	t := &Table{Head: []Header{{Text: "#"}, {Text: "architecture", Left: true}, {Text: v.Score}}}
	shown := v.fused()
	for _, i := range shown {
		t.Head = append(t.Head, Header{Text: v.Terms[i].Name})
	}
	t.Head = append(t.Head, Header{Text: "MACs"}, Header{Text: "params"})
	for _, k := range slices.Sorted(maps.Keys(v.rows)) {
		if k >= topRows && k != v.place && k != v.better {
			continue
		}
		a := v.rows[k]
		r := Row{Cells: []Cell{{Text: strconv.Itoa(k + 1)}, {Text: a.Text, Class: "left text"}, {Text: number(a.Score)}}}
		r.Mark, r.Cells[1].Note = v.mark(a)
		for _, i := range shown {
			r.Cells = append(r.Cells, Cell{Text: number(valueOf(a, i)) + spreadOf(a, i)})
		}
		r.Cells = append(r.Cells, Cell{Text: count(a.MACs)}, Cell{Text: count(a.Params)})
		t.Rows = append(t.Rows, r)
	}
	s.Table = t
	return s, ""
}

// isBetter reports whether a is the network of the calibration sample that scores higher than the one found.
func (v *view) isBetter(a Arch) bool {
	return v.Search.Better != nil && network(a) == network(*v.Search.Better)
}

// mark returns the mark of a network in a table, and the words for it.
func (v *view) mark(a Arch) (class, words string) {
	switch {
	case v.Found != nil && network(a) == network(*v.Found):
		return "chosen", "found"
	case v.isBetter(a):
		return "better", "of the calibration sample"
	}
	return "", ""
}

// spreadOf returns the spread of a term over the repeats, as text behind its mean; "" if there is none.
func spreadOf(a Arch, t int) string {
	if t >= len(a.Spread) || math.IsNaN(a.Spread[t]) {
		return ""
	}
	return " ± " + number(a.Spread[t])
}

// seedNote explains what a rank depends on.
func (v *view) seedNote() string {
	if len(v.Runs) > 0 {
		return fmt.Sprintf("The terms are means over %d supernets. With others, networks with close scores change places; a rank has no interval here.", len(v.Runs))
	}
	if v.Repeats < 2 {
		return "One seed trained the supernet and chose the images of the scores. With another seed, networks with close scores change places; a rank has no interval here."
	}
	return fmt.Sprintf("A term is the mean ± the standard deviation over %d repeats with other images and random directions; the mean is uncertain by the deviation divided by %.3g. One seed trained the supernet. Networks that differ by less change places; a rank has no interval here.",
		v.Repeats, math.Sqrt(float64(v.Repeats)))
}

// against names the terms of the fused score that count with the opposite sign.
func (v *view) against() (names []string) {
	for _, t := range v.fused() {
		if v.Terms[t].Against {
			names = append(names, v.Terms[t].Name)
		}
	}
	return names
}

// directionNote says whether more or less of a term is better.
func (v *view) directionNote() string {
	switch against := v.against(); len(against) {
	case 0:
		return "In every term, higher is expected to be better."
	case len(v.fused()):
		return "In every term, lower is expected to be better."
	default:
		return "Higher is expected to be better in every term but " + list(against) + ", where lower is."
	}
}

// scoreNote explains the score.
func (v *view) scoreNote() string {
	against := v.against()
	if v.Calibration == 0 || len(v.fused()) < 2 {
		if len(against) > 0 {
			return "The score is the value of its term with the opposite sign."
		}
		return "The score is the value of its term."
	}
	exceeds := "that a network exceeds in a term"
	if len(against) > 0 {
		exceeds += "; in " + list(against) + " it is the share of those that exceed the network"
	}
	n, sum, best, middle := len(v.fused()), "Σ log q", 0, "0.69"
	if v.Linear {
		sum, best, middle = "Σ q", n, "0.5"
	}
	return fmt.Sprintf("The score is %s over its %d terms. q is the share of %s random live networks, the calibration sample, %s. The best score is %d; to be in the middle of the sample in one term costs %s.",
		sum, n, integer(v.Calibration), exceeds, best, middle)
}

func scoreSection(v *view) (Section, string) {
	s := Section{ID: "score", Title: "Score and cost"}
	if len(v.score) < 2 {
		return s, "fewer than two networks have a score that is a finite number"
	}
	name, axis, costOf := v.cost()
	g := Group{Class: "figures wide"}
	mark := math.NaN()
	var spots []spot
	if v.Found != nil {
		mark = v.Found.Score
		spots = append(spots, spot{costOf(*v.Found), v.Found.Score, "found", "found: " + v.Found.Text})
	}
	g.add(histogramChart(wideWidth, wideHeight, "Distribution of the score", v.Score, v.score, mark, "found"),
		"Number of networks for each score, of all that the search has visited.")
	fx, fy := v.front()
	caption := "Each dot is a network."
	if len(fx) > 0 {
		caption += " The staircase joins those that the search has proposed and that no other of these beats with " + v.noMore() + "."
	}
	if v.Found != nil {
		caption += " The ring is the one found."
	}
	if b := v.Search.Better; b != nil {
		spots = append(spots, spot{costOf(*b), b.Score, "better", "of the calibration sample: " + b.Text})
		caption += " The second ring, in green, is the network of the calibration sample that scores higher."
	}
	g.add(scatterChart(wideWidth, wideHeight, "Score against "+name, axis, v.costs, v.score, fx, fy, spots), caption)
	s.Groups = []Group{g}
	if s.Table = v.frontTable(); s.Table != nil {
		s.TableLead = "The networks of the staircase: each scores higher than all that the search has proposed with " + v.noMore() + "."
	}
	return s, ""
}

// frontTable lists the Pareto front. It is nil if there is none.
func (v *view) frontTable() *Table {
	if len(v.Search.Pareto) == 0 {
		return nil
	}
	t := &Table{Head: []Header{{Text: "MACs"}, {Text: "params"}, {Text: v.Score}, {Text: "architecture", Left: true}}}
	timed := v.Search.Pareto[0].Latency > 0
	if timed {
		t.Head = append([]Header{{Text: "latency, ms"}}, t.Head...)
	}
	for _, a := range v.Search.Pareto {
		class, words := v.mark(a)
		cells := []Cell{{Text: count(a.MACs)}, {Text: count(a.Params)}, {Text: number(a.Score)}, {Text: a.Text, Class: "left text", Note: words}}
		if timed {
			cells = append([]Cell{{Text: number(a.Latency)}}, cells...)
		}
		t.Rows = append(t.Rows, Row{Mark: class, Cells: cells})
	}
	return t
}

// noMore says that a network costs no more than another.
func (v *view) noMore() string {
	switch v.Search.Cost {
	case "params":
		return "as few parameters"
	case "latency":
		return "as low a latency"
	}
	return "as few MACs"
}

// front returns the figures of the Pareto front.
func (v *view) front() (costs, score []float64) {
	_, _, costOf := v.cost()
	for _, a := range v.Search.Pareto {
		costs, score = append(costs, costOf(a)), append(score, a.Score)
	}
	return costs, score
}

// cost returns the cost against which the score is shown, its name, and that of its axis. It is NaN where it was not measured.
func (v *view) cost() (name, axis string, of func(Arch) float64) {
	switch v.Search.Cost {
	case "params":
		return "parameters", "parameters", func(a Arch) float64 { return float64(a.Params) }
	case "latency":
		return "latency", "latency, ms", func(a Arch) float64 {
			if a.Latency == 0 {
				return math.NaN()
			}
			return a.Latency
		}
	}
	return "MACs", "MACs an image", func(a Arch) float64 { return float64(a.MACs) }
}

func runSection(v *view) (Section, string) {
	s := Section{ID: "run", Title: "What was run", Facts: v.Facts, Command: v.Command, Config: v.Config}
	if len(v.Facts) == 0 && v.Command == "" && v.Config == "" {
		return s, "the run left no record of its settings"
	}
	return s, ""
}
