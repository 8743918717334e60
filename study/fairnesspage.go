package study

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bnas.example/internal/amount"
	"bnas.example/report"
)

// showFairness makes the tables and the page of the study.
func showFairness(r *Results) (*Outcome, error) {
	d, err := readFairness(r)
	if err != nil {
		return nil, err
	}
	p := &fairnessPage{fairnessData: d, hueOf: report.Palette(d.choices.operators), out: &Outcome{Done: d.done()}}
	p.operators()
	p.favours()
	p.numbers()
	p.gammas()
	p.limited()
	p.out.Says = p.says()
	p.out.Limits = p.doesNotShow()
	return p.out, nil
}

type fairnessPage struct {
	*fairnessData
	hueOf func(string) string // of operators
	out   *Outcome
	// favour is the share of the carriers among the fewest best, by kind and score.
	favour map[string]estimate
}

func (d *fairnessData) done() []string {
	first := d.results[d.cell("standard", 0)]
	carriers := listed(d.carriers)
	text := []string{
		fmt.Sprintf("For each placement of BatchNorm and each seed, a supernet of %s (%d channels, %d×%d) learned γ and β for %d steps of %d images. All supernets then scored the same %s: random live networks, no two of them the same.",
			d.space.Name(), d.net.Channels, d.net.Height, d.net.Width, first.Steps, d.Run.Train.Batch, amount.Of(len(d.archs), "network")),
		fmt.Sprintf("In the standard placement, %s have BatchNorm at every place (the carriers, below); other operators have none, or only where they change the size. In the fair placement every operator that passes something on has one.", carriers),
		fmt.Sprintf("%s is the indicator of BN-NAS: the sum of mean |γ| over the operators of a network. %s divides it by the number of operators summed over: with it, their number counts no more. The other scores are the composite of bnas and each of its terms.", gammaSum, gammaMean),
	}
	if len(d.kinds) > 2 {
		return append(text, "Here the operators have different numbers of BatchNorms in the fair placement too. The kind equal trains the last one of each operator alone, so that all have one.")
	}
	if sameLearnable(d.results[d.cell("fair", 0)].Operators) {
		text = append(text, "Here all operators with BatchNorm have as many learnable parameters in the fair placement: it is the repetition with equal numbers.")
	}
	return text
}

// sameLearnable reports whether all operators with learnable parameters have as many.
func sameLearnable(operators []operatorNorms) bool {
	counts := map[float64]bool{}
	for _, o := range operators {
		if o.Learnable > 0 {
			counts[o.Learnable] = true
		}
	}
	return len(counts) == 1
}

// operators shows the shares of the operators among the best.
func (p *fairnessPage) operators() {
	t := p.out.table("shares", "placement", "seed", "score", "best", "operator", "share")
	addShares := func(kind, seed, score string, k int, shares []float64) {
		for o, name := range p.choices.operators {
			t.Add(kind, seed, score, k, name, shares[o])
		}
	}
	n := len(p.archs)
	all := p.choices.shares(ranked(make([]float64, n)), nil, n)
	addShares("", "", "all networks", n, all)
	g := report.Group{Class: report.WideFigures, Legend: report.Legends(p.choices.operators, p.hueOf)}
	for _, k := range p.best {
		if p.truth != nil {
			addShares("", "", "true best", k, p.choices.shares(ranked(p.truth), nil, k))
		}
		for _, kind := range p.kinds {
			rows := []report.Stack{{Name: "all networks", Shares: all}}
			if p.truth != nil {
				rows = append(rows, report.Stack{Name: "true best", Shares: p.choices.shares(ranked(p.truth), nil, k)})
			}
			for _, score := range p.scores {
				sum := make([]float64, len(p.choices.operators))
				for seed, ranking := range p.rankings(kind.name, score) {
					shares := p.choices.shares(ranking, nil, k)
					addShares(kind.name, fmt.Sprint(p.seeds()[seed]), score, k, shares)
					for o := range sum {
						sum[o] += shares[o] / float64(p.Seeds)
					}
				}
				rows = append(rows, report.Stack{Name: score, Shares: sum})
			}
			g.Figures = append(g.Figures, report.Stacks(fmt.Sprintf("%s: the best %d", kind.name, k), p.choices.operators, rows, p.hueOf))
		}
	}
	p.out.add(section{ID: "operators", Title: "Operators of the best", Groups: []report.Group{g},
		Lead: "How the operators of the best networks divide, by each score: the mean over the seeds."})
}

// favours shows the share of the carriers among the best with its interval, and the distances of the operators.
func (p *fairnessPage) favours() {
	t := p.out.table("favour", "placement", "score", "best", "figure", "value", "low", "high", "least_seed", "greatest_seed")
	addTo := func(kind, score string, k int, figure string, e estimate) {
		t.Add(kind, score, k, figure, e.mean, e.Low, e.High, e.least, e.greatest)
	}
	p.favour = map[string]estimate{}
	var carried, toAll, toBest []report.Estimate
	shown := &report.Table{Head: []report.Header{{Text: "score", Left: true}, {Text: "placement", Left: true}, {Text: "share of carriers"}, {Text: "distance to all networks"}}}
	if p.truth != nil {
		shown.Head = append(shown.Head, report.Header{Text: "distance to the true best"})
	}
	for at, score := range p.scores {
		for _, kind := range p.kinds {
			row := report.Row{Cells: []report.Cell{{Text: score, Class: "left"}, {Text: kind.name, Class: "left"}}}
			for i, k := range p.best {
				figure := func(name string, e estimate, chart *[]report.Estimate) {
					addTo(kind.name, score, k, name, e)
					if i == 0 { // the fewest
						*chart = append(*chart, report.Estimate{Name: score, Group: kind.name, Value: e.mean, Low: e.Low, High: e.High})
						row.Cells = append(row.Cells, report.Cell{Text: withInterval(e)})
						if at < headScores && score != gammaMean && name != toAllNetworks {
							p.out.figure(fmt.Sprintf("%s, best %d by %s, %s", name, k, score, kind.name), e)
						}
					}
				}
				e := p.carried(kind.name, score, k)
				if i == 0 {
					p.favour[key(kind.name, score)] = e
				}
				figure("share of carriers", e, &carried)
				figure(toAllNetworks, p.distance(kind.name, score, k, false), &toAll)
				if p.truth != nil {
					figure("distance to the true best", p.distance(kind.name, score, k, true), &toBest)
				}
			}
			if at < headScores {
				shown.Rows = append(shown.Rows, row)
			}
		}
	}
	levels := []report.Level{{Value: p.carriersOfAll(), Name: "all networks"}}
	if p.truth != nil {
		levels = append(levels, report.Level{Value: p.carriersOfTrueBest(), Name: "true best"})
	}
	hueOf := report.Palette(p.kindNames())
	none := report.Level{Name: "no difference"}
	g := report.Group{Class: report.WideFigures, Legend: report.Legends(p.kindNames(), hueOf), Table: shown, Figures: []report.Figure{
		report.Intervals(fmt.Sprintf("Carriers among the best %d", p.best[0]), "share", carried, hueOf, levels...),
		report.Intervals("Distance of their operators to those of all networks", "total variation", toAll, hueOf, none),
	}}
	if p.truth != nil {
		g.Figures = append(g.Figures, report.Intervals("Distance to those of the true best", "total variation", toBest, hueOf, none))
	}
	p.out.add(section{ID: "favour", Title: "The favour, with its interval", Groups: []report.Group{g},
		Lead: fmt.Sprintf("The share of the carriers (%s) among the best %d. The total-variation distance is the share of the operators that would have to be others. Each figure is the mean over the seeds, with its interval over networks (95 %%, bootstrap).",
			strings.Join(p.carriers, ", "), p.best[0])})
}

// toAllNetworks is the name of a distance.
const toAllNetworks = "distance to all networks"

// headScores are the scores that tables and the limits of MACs show: those of BN-NAS and the composite, or a term.
const headScores = 3

func (d *fairnessData) kindNames() (names []string) {
	for _, k := range d.kinds {
		names = append(names, k.name)
	}
	return names
}

func (d *fairnessData) carriersOfAll() float64 {
	n := len(d.archs)
	return d.choices.sumOver(d.choices.shares(ranked(make([]float64, n)), nil, n), d.carriers)
}

func (d *fairnessData) carriersOfTrueBest() float64 {
	return d.choices.sumOver(d.choices.shares(ranked(d.truth), nil, d.best[0]), d.carriers)
}

// numbers shows the cause: how many parameters each operator has, and how well their number agrees with the scores.
func (p *fairnessPage) numbers() {
	counts := p.out.table("batchnorms", "placement", "operator", "batch_norms", "learnable")
	shown := &report.Table{Head: []report.Header{{Text: "operator", Left: true}}}
	rows := make([]report.Row, len(p.choices.operators))
	for o, name := range p.choices.operators {
		rows[o].Cells = []report.Cell{{Text: name, Class: "left"}}
	}
	for _, kind := range p.kinds {
		shown.Head = append(shown.Head, report.Header{Text: kind.name + ": BatchNorms"}, report.Header{Text: "γ and β that learn"})
		for o, of := range p.results[p.cell(kind.name, 0)].Operators {
			counts.Add(kind.name, of.Operator, of.Norms, of.Learnable)
			rows[o].Cells = append(rows[o].Cells, report.Cell{Text: strconv.FormatFloat(of.Norms, 'g', 4, 64)}, report.Cell{Text: strconv.FormatFloat(of.Learnable, 'g', 4, 64)})
		}
	}
	shown.Rows = rows
	t := p.out.table("cause", "placement", "score", "with", "tau_b", "low", "high", "least_seed", "greatest_seed")
	hueOf := report.Palette(p.kindNames())
	agreement := report.Group{Class: report.WideFigures, Legend: report.Legends(p.kindNames(), hueOf),
		Lead: "How well each score agrees with the number of learnable parameters that the standard placement gives the operators of a network, as Kendall's τ-b: 1 if the score only counts."}
	for _, w := range []struct {
		name   string
		values []float64
	}{{"learnable parameters", p.learnable}, {"true accuracy", p.truth}} {
		if w.values == nil {
			continue
		}
		var estimates []report.Estimate
		for _, score := range p.scores {
			for _, kind := range p.kinds {
				e := p.tau(kind.name, score, w.values)
				t.Add(kind.name, score, w.name, e.mean, e.Low, e.High, e.least, e.greatest)
				estimates = append(estimates, report.Estimate{Name: score, Group: kind.name, Value: e.mean, Low: e.Low, High: e.High})
				if slices.Index(p.scores, score) < headScores {
					p.out.figure(fmt.Sprintf("τ-b of %s with %s, %s", score, w.name, kind.name), e)
				}
			}
		}
		agreement.Figures = append(agreement.Figures, report.Intervals("Agreement with "+w.name, "τ-b", estimates, hueOf, report.Level{Name: "chance"}))
	}
	points := report.Group{Class: report.WideFigures, Lead: fmt.Sprintf("Each dot is a network: its %s, with seed %d, against that number.", gammaSum, p.seeds()[0])}
	for _, kind := range p.kinds {
		points.Figures = append(points.Figures, report.Scatter(kind.name+": "+gammaSum, "learnable parameters, standard placement", p.learnable, p.values[key(kind.name, gammaSum)][0]))
	}
	p.out.add(section{ID: "cause", Title: "The number of learnable parameters", Groups: []report.Group{{Table: shown}, points, agreement},
		Lead: "What each operator has at a place, over all cells of the network."})
}

// gammas shows the mean |γ| of each operator over training.
func (p *fairnessPage) gammas() {
	t := p.out.table("gamma", "placement", "seed", "step", "operator", "mean_abs_gamma")
	g := report.Group{Class: report.WideFigures, Legend: report.Legends(p.choices.operators, p.hueOf)}
	for _, kind := range p.kinds {
		var curves []report.Curve
		for seed := range p.Seeds {
			for i, c := range p.results[p.cell(kind.name, seed)].Gamma {
				for k := range c.Steps {
					t.Add(kind.name, p.seeds()[seed], int(c.Steps[k]), c.Operator, c.Mean[k])
				}
				if seed == 0 {
					curves = append(curves, report.Curve{Name: c.Operator, X: c.Steps, Y: make([]float64, len(c.Mean))})
				}
				for k, v := range c.Mean {
					curves[i].Y[k] += v / float64(p.Seeds)
				}
			}
		}
		g.Figures = append(g.Figures, report.Lines(kind.name+": mean |γ| of each operator", "step", curves, p.hueOf))
	}
	p.out.add(section{ID: "gamma", Title: "γ over training", Groups: []report.Group{g},
		Lead: "The mean over all places and seeds. An operator without a line has no γ: to the γ-sum it adds nothing, however useful it is."})
}

// add appends a point to a curve.
func add(c *report.Curve, x, y float64) { c.X, c.Y = append(c.X, x), append(c.Y, y) }

// says words the result by its figures.
func (p *fairnessPage) says() string {
	k, carriers := p.best[0], listed(p.carriers)
	standard, fair := p.favour[key("standard", gammaSum)], p.favour[key("fair", gammaSum)]
	a, b := p.rankings("standard", gammaSum), p.rankings("fair", gammaSum)
	var pairs [][]int // both rankings of a seed, one behind the other
	for seed := range a {
		pairs = append(pairs, append(a[seed], b[seed]...))
	}
	n := len(p.archs)
	difference := p.overSeeds(pairs, func(both, times []int) float64 {
		return p.choices.sumOver(p.choices.shares(both[:n], times, k), p.carriers) - p.choices.sumOver(p.choices.shares(both[n:], times, k), p.carriers)
	})
	p.out.figure(fmt.Sprintf("share of carriers, best %d by %s, standard − fair", k, gammaSum), difference)
	p.out.figure("share of carriers, all networks", estimate{mean: p.carriersOfAll(), Interval: noInterval})
	text := fmt.Sprintf("of the operators of the best %d networks by the γ-sum, %s are %s in the standard placement (%s of all networks), and %s in the fair one. ",
		k, report.Percent(standard.mean), carriers, report.Percent(p.carriersOfAll()), report.Percent(fair.mean))
	switch {
	case difference.Low > 0:
		text += fmt.Sprintf("The difference, %s, has an interval above 0 (%s to %s): a BatchNorm on every operator lessens the favour.", report.Percent(difference.mean), report.Percent(difference.Low), report.Percent(difference.High))
	case difference.High < 0:
		text += fmt.Sprintf("The difference, %s, has an interval below 0 (%s to %s): this contradicts the claim.", report.Percent(difference.mean), report.Percent(difference.Low), report.Percent(difference.High))
	default:
		text += fmt.Sprintf("The interval of the difference (%s to %s) holds 0: the study does not decide.", report.Percent(difference.Low), report.Percent(difference.High))
	}
	if p.truth == nil {
		return text
	}
	e := p.carriersOfTrueBest()
	p.out.figure(fmt.Sprintf("share of carriers, true best %d", k), estimate{mean: e, Interval: noInterval})
	return text + fmt.Sprintf(" Of the true best %d they are %s.", k, report.Percent(e))
}

// doesNotShow lists the limits of the study.
func (p *fairnessPage) doesNotShow() []string {
	text := []string{
		"That the networks which a fair supernet prefers are better: convolutions are often useful, and a score may prefer them rightly. " + p.needsTable(),
		fmt.Sprintf("The noise between seeds is that of %d: the least and the greatest value over them are in favour.csv and cause.csv. The intervals are over networks alone.", p.Seeds),
		"A total-variation distance is larger in a resample than in the sample, most where it is small: its interval can lie above it.",
		"Operators on edges that lead nowhere count as chosen, in the shares and in the γ-sum.",
		fmt.Sprintf("A causal isolation of the number of parameters. %s takes the number out of the score, not out of training.", gammaMean),
	}
	if p.Quick {
		text = append(text, "The quick form has smaller supernets, short training and few networks. Its figures are not those of the full form.")
	}
	return text
}

func (p *fairnessPage) needsTable() string {
	if p.truth != nil {
		return "The comparison with the true best is with networks of the standard placement, trained on the data set of the table."
	}
	return "The comparison with the true best is left out: it needs a table of accuracies (--table)."
}
