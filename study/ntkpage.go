package study

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"bnas.example/ntk"
	"bnas.example/report"
	"bnas.example/supernet"
)

// regimeBound is the largest drift and the largest linearised error that count as the regime, and the largest distance that counts as
// the same dynamics. It is ours.
const regimeBound = 0.1

const (
	theoryExponent = -0.5 // the exponent of the width
	bnOnly         = "γ and β"
	allWeights     = "all weights"
	referenceName  = "width^−½"
)

var trainedName = map[supernet.TrainSet]string{supernet.AllBN: bnOnly, supernet.All: allWeights}

// tangentPage has what several sections need.
type tangentPage struct {
	*tangents
	rates []widthRate
	taus  []conditionTau
}

func showTangent(r *Results) (*Outcome, error) {
	g, err := readTangents(r)
	if err != nil {
		return nil, err
	}
	p := &tangentPage{tangents: g}
	if p.taus, err = g.correlations(r); err != nil {
		return nil, err
	}
	if p.rates, err = g.rates(); err != nil {
		return nil, err
	}
	return &Outcome{
		Says: p.says(), Done: p.done(), Limits: tangentLimits,
		Sections: []section{p.regimeSection(), p.dynamicsSection(), p.casesSection(), p.conditionSection()},
		Tables:   g.tables(p.rates, p.taus), Figures: p.figures(),
	}, nil
}

// most is the rate of the largest value of a quantity.
func (p *tangentPage) most(quantity, statistics, trained string) widthRate {
	return findRate(p.rates, quantity, statistics, trained, largest)
}

func (p *tangentPage) says() string {
	drift, miss := p.most(driftQuantity, batchStatistics, "bn"), p.most(errorQuantity, batchStatistics, "bn")
	driftAll, missAll := p.most(driftQuantity, batchStatistics, "all"), p.most(errorQuantity, batchStatistics, "all")
	third := func(quantity, trained string) seedEstimate {
		return findRate(p.rates, quantity, batchStatistics, trained, thirdGone).exponent
	}
	apart := p.most(apartQuantity, batchStatistics, "")
	verdict := func(yes bool) string {
		if yes {
			return "reached"
		}
		return "not reached"
	}
	aligned := ofOne(p.over(p.ofCourse(batchStatistics, supernet.AllBN, func(c course) float64 { return c.Start.Alignment }), p.widest()))
	return strings.Join([]string{
		fmt.Sprintf("With %d channels, the widest network, the regime is %s: in %d steps of γ and β alone the drift of their kernel is up to %v and the linearised error up to %v; we ask for at most %g of both.",
			p.channels(p.widest()), verdict(inRegime(drift.widest) && inRegime(miss.widest)), p.lastStep(), drift.widest, miss.widest, regimeBound),
		fmt.Sprintf("Where all weights train they are up to %v and %v.", driftAll.widest, missAll.widest),
		fmt.Sprintf("With C channels the largest drift goes as C^%v and the largest error as C^%v; %s. The theory says −½.",
			drift.exponent, miss.exponent, atThird(third(driftQuantity, "bn"), third(errorQuantity, "bn"))),
		fmt.Sprintf("The same dynamics as of all weights are %s: the kernels of γ and β and of all weights have an alignment of %v at initialisation, and the two networks in training are up to %v of the way apart, C^%v.",
			verdict(inRegime(apart.widest)), aligned, apart.widest, apart.exponent),
	}, " ")
}

// atThird words the exponents where the loss has fallen by a third. They are NaN if it has not in some network.
func atThird(drift, miss seedEstimate) string {
	if math.IsNaN(drift.Value) {
		return "not in all networks has the loss fallen by a third"
	}
	return fmt.Sprintf("where the loss has fallen by a third, as C^%v and C^%v", drift, miss)
}

// inRegime reports whether a figure is at most regimeBound, with its whole interval.
func inRegime(e seedEstimate) bool {
	return e.Value <= regimeBound && !(e.High > regimeBound)
}

func (s Settings) channels(width int) int { return width * s.Run.Supernet.Channels }

func (p *tangentPage) done() []string {
	steps, kernelSteps := p.tangentSteps()
	return []string{
		fmt.Sprintf("One network of NAS-Bench-201, %s, with one cell a stage and a BatchNorm on every operator, has %s channels: widths %s. With %d seeds for weights and images.",
			tangentCell, listOf(p.tangentWidths(), p.channels), listOf(p.tangentWidths(), func(w int) int { return w }), p.Seeds),
		fmt.Sprintf("It trains by plain gradient descent on the squared loss of %d images in one batch, once γ and β alone and once all weights, from the same start. The rate is matched: η·λ_max(Θ₀)/n = %g for the kernel Θ₀ of what trains. "+
			"Beside it the network linearised at the start trains, in closed form. Outputs are compared after each power of two and after %d steps, kernels after %s, and both where the loss has fallen by a third.", p.tangentImages(), matchedRate, steps[len(steps)-1], listOf(kernelSteps, func(s int) int { return s })),
		"Kernels are of all outputs, n·K rows for n images and K classes. The statistics of BatchNorm are those of the batch in each step, and the kernel differentiates through them; or they are frozen as at the start, which is the setting of the theory.",
		fmt.Sprintf("κ is compared over %d random networks at width 2. Intervals are 95 %%: Student's t over seeds, of logarithms for drift, error, distance and deviation; a bootstrap over networks for τ-b.", len(p.networks)),
	}
}

func listOf(values []int, of func(int) int) string {
	var all []string
	for _, v := range values {
		all = append(all, fmt.Sprint(of(v)))
	}
	return strings.Join(all, ", ")
}

var tangentLimits = []string{
	"Few images, one batch, squared loss and plain descent are the setting in which the theory is exact. A supernet trains with mini-batches, momentum and cross entropy, on paths that change; bnas ntk measures its paths.",
	"A wide network goes further in the same number of steps. The drift at a step therefore falls slower with the width than the drift on the same way.",
	"The widths span a factor of four in the quick form and of eight in the full one. An exponent over so short a range is no limit.",
	"That a kernel moves does not say that training all weights, or γ and β alone, generalises worse.",
}

// line is a curve by width, with intervals.
func (p *tangentPage) line(name string, f bySeed, mean func([]float64) seedEstimate) report.Curve {
	c := report.Curve{Name: name}
	for _, w := range p.tangentWidths() {
		e := mean(p.over(f, w))
		c.X, c.Y, c.Low, c.High = append(c.X, float64(w)), append(c.Y, e.Value), append(c.Low, e.Low), append(c.High, e.High)
	}
	return c
}

// referenceLine falls as the theory says, from the start of a curve.
func referenceLine(from report.Curve) report.Curve {
	c := report.Curve{Name: referenceName, X: from.X}
	for _, x := range from.X {
		c.Y = append(c.Y, from.Y[0]*math.Pow(x/from.X[0], theoryExponent))
	}
	return c
}

// widthFigure draws a quantity of both trainings, by width.
func (p *tangentPage) widthFigure(title, quantity, statistics, when string, hueOf func(string) string) report.Figure {
	var curves []report.Curve
	for _, train := range tangentTrained {
		curves = append(curves, p.line(trainedName[train], findRate(p.rates, quantity, statistics, string(train), when).of, geometric))
	}
	return report.Lines(title, "width", append(curves, referenceLine(curves[0])), hueOf)
}

// stepFigure draws figures of both trainings at the largest width, by step. The name of a figure is appended to that of the training.
func (p *tangentPage) stepFigure(title string, steps []int, mean func([]float64) seedEstimate, hueOf func(string) string, figures map[string]func(supernet.TrainSet, int) bySeed) report.Figure {
	var curves []report.Curve
	for _, name := range slices.Sorted(maps.Keys(figures)) {
		for _, train := range tangentTrained {
			c := report.Curve{Name: trainedName[train] + name}
			for _, step := range steps {
				e := mean(p.over(figures[name](train, step), p.widest()))
				c.X, c.Y, c.Low, c.High = append(c.X, float64(step)), append(c.Y, e.Value), append(c.Low, e.Low), append(c.High, e.High)
			}
			curves = append(curves, c)
		}
	}
	return report.Lines(title, "step", curves, hueOf)
}

const linearSuffix = ", linearised"

func (p *tangentPage) regimeSection() section {
	steps, kernelSteps := p.tangentSteps()
	names := []string{bnOnly, allWeights, referenceName, bnOnly + linearSuffix, allWeights + linearSuffix}
	hueOf := report.Palette(names)
	widest := p.channels(p.widest())
	s := section{ID: "regime", Title: "Does the kernel stand still, and is the network linear?",
		Lead: "In the regime the drift and the linearised error are 0. The theory has the largest of both over all steps fall as C^−½ for C channels. " +
			"Two networks that have fitted all targets are equal, whatever way they went: the error at the end of a long training says little. " +
			"A wide network goes further in the same number of steps; where the loss has first fallen by a third, all widths have gone about as far."}
	for _, statistics := range []string{batchStatistics, frozenStatistics} {
		after := func(of func(courseState) float64) func(supernet.TrainSet, int) bySeed {
			return func(train supernet.TrainSet, step int) bySeed {
				return p.ofMoment(statistics, train, afterStep(step), of)
			}
		}
		s.Groups = append(s.Groups, report.Group{Class: report.WideFigures, Lead: statisticsLead[statistics], Legend: report.Legends(names, hueOf), Figures: []report.Figure{
			p.widthFigure("Drift ‖Θ_t − Θ_0‖ / ‖Θ_0‖, "+thirdGone, driftQuantity, statistics, thirdGone, hueOf),
			p.widthFigure("Drift, "+largest, driftQuantity, statistics, largest, hueOf),
			p.widthFigure("Linearised error, "+thirdGone, errorQuantity, statistics, thirdGone, hueOf),
			p.widthFigure("Linearised error, "+largest, errorQuantity, statistics, largest, hueOf),
			p.stepFigure(fmt.Sprintf("Linearised error with %d channels", widest), steps, geometric, hueOf, map[string]func(supernet.TrainSet, int) bySeed{"": after(errorOf)}),
			p.stepFigure(fmt.Sprintf("Drift with %d channels", widest), kernelSteps, geometric, hueOf, map[string]func(supernet.TrainSet, int) bySeed{"": after(driftOf)}),
			p.stepFigure(fmt.Sprintf("Loss with %d channels", widest), append([]int{0}, steps...), arithmetic, hueOf, map[string]func(supernet.TrainSet, int) bySeed{
				"": after(func(m courseState) float64 { return m.Loss }), linearSuffix: after(func(m courseState) float64 { return m.LinearLoss })}),
		}})
	}
	s.Groups = append(s.Groups, p.exponentsGroup())
	return s
}

var statisticsLead = map[string]string{
	batchStatistics:  "With the statistics of the batch, as a supernet trains:",
	frozenStatistics: "With the statistics frozen at initialisation, as in the theory:",
}

// exponentsGroup shows the exponents of the width at each step.
func (p *tangentPage) exponentsGroup() report.Group {
	hueOf := report.Palette([]string{bnOnly, allWeights})
	g := report.Group{Class: report.WideFigures, Legend: report.Legends([]string{bnOnly, allWeights}, hueOf),
		Lead: "The exponent a of figure ∝ Cᵃ, fitted to the widths of each seed. Turn is √(1 − A²), A the alignment of Θ_t with Θ_0: drift without a change of size."}
	g.Table = &report.Table{Head: []report.Header{{Text: "figure", Left: true}, {Text: "statistics", Left: true}, {Text: "trained", Left: true},
		{Text: fmt.Sprintf("with %d channels", p.channels(p.widest()))}, {Text: "exponent"}, {Text: "holds −½"}}}
	for _, statistics := range []string{batchStatistics, frozenStatistics} {
		var all []report.Estimate
		for _, quantity := range []string{driftQuantity, turnQuantity, errorQuantity} {
			for _, when := range append(p.instants(), largest) {
				for _, train := range tangentTrained {
					r := findRate(p.rates, quantity, statistics, string(train), when)
					all = append(all, report.Estimate{Name: quantity + ", " + when, Group: trainedName[train], Value: r.exponent.Value, Low: r.exponent.Low, High: r.exponent.High})
					if when == thirdGone || when == largest {
						g.Table.Rows = append(g.Table.Rows, rateRow(r, quantity+", "+when, statistics, trainedName[train]))
					}
				}
			}
		}
		g.Figures = append(g.Figures, report.Intervals("Exponents, statistics: "+statistics, "exponent", all, hueOf, report.Level{Value: theoryExponent, Name: "theory"}))
	}
	return g
}

func rateRow(r widthRate, texts ...string) report.Row {
	var row report.Row
	for _, t := range texts {
		row.Cells = append(row.Cells, report.Cell{Text: t, Class: "left words"})
	}
	holds := "no"
	switch {
	case math.IsNaN(r.exponent.Low):
		holds = "–"
	case r.exponent.holds(theoryExponent):
		holds = "yes"
	}
	row.Cells = append(row.Cells, report.Cell{Text: r.widest.String()}, report.Cell{Text: r.exponent.String()}, report.Cell{Text: holds})
	return row
}

func (p *tangentPage) dynamicsSection() section {
	const start, end, centred, real, linear = "at initialisation", "after training γ and β", "centred, at initialisation", "trained networks", "linearised networks"
	names := []string{start, end, centred, real, linear, referenceName}
	hueOf := report.Palette(names)
	s := section{ID: "dynamics", Title: "The dynamics of training all?",
		Lead: "Two kernels in proportion have the same dynamics at matched rates: alignment 1, distance 0. The distance is that of the two networks' outputs after the same number of steps, relative to the way of the network of which all trains; here the largest of all steps, relative to the longest way. " +
			"That of the linearised networks is the part that the kernels at initialisation explain."}
	table := &report.Table{Head: []report.Header{{Text: "statistics, channels", Left: true}, {Text: "share of tr Θ"}, {Text: "alignment"}, {Text: "centred"}, {Text: "after training"}, {Text: "distance"}, {Text: "linearised"}}}
	for _, statistics := range []string{batchStatistics, frozenStatistics} {
		of := func(figure func(course) float64) bySeed { return p.ofCourse(statistics, supernet.AllBN, figure) }
		share := of(func(c course) float64 { return c.Start.Share })
		first := of(func(c course) float64 { return c.Start.Alignment })
		middle := of(func(c course) float64 { return c.Start.Centred })
		then := of(func(c course) float64 { return c.End.Alignment })
		apart, lin := p.most(apartQuantity, statistics, ""), p.most(linearQuantity, statistics, "")
		realLine := p.line(real, apart.of, geometric)
		s.Groups = append(s.Groups, report.Group{Class: report.WideFigures, Lead: statisticsLead[statistics], Legend: report.Legends(names, hueOf), Figures: []report.Figure{
			report.Lines("Alignment of Θ_BN and Θ_all", "width", []report.Curve{p.line(start, first, ofOne), p.line(end, then, ofOne), p.line(centred, middle, ofOne)}, hueOf),
			report.Lines("Distance of the outputs", "width", []report.Curve{realLine, p.line(linear, lin.of, geometric), referenceLine(realLine)}, hueOf),
		}})
		for _, w := range p.tangentWidths() {
			row := report.Row{Cells: []report.Cell{{Text: fmt.Sprintf("%s, %d", statistics, p.channels(w)), Class: "left words"}}}
			for _, e := range []seedEstimate{geometric(p.over(share, w)), ofOne(p.over(first, w)), ofOne(p.over(middle, w)), ofOne(p.over(then, w)), geometric(p.over(apart.of, w)), geometric(p.over(lin.of, w))} {
				row.Cells = append(row.Cells, report.Cell{Text: e.String()})
			}
			table.Rows = append(table.Rows, row)
		}
	}
	s.TableLead, s.Table = "By width. The share is that of γ and β in the trace of the kernel of all weights; at one rate for all, they hardly train there.", table
	return s
}

// caseTheory says what the theory has for a case.
var caseTheory = map[ntk.Case]string{
	ntk.CaseLinear:    "Linear (case B): nothing rectifies the node that the BatchNorm enters. Θ_γ = σ_w²Θ_W in the mean.",
	ntk.CaseSummed:    "Summed: the node is a sum and is rectified. It is case B as far as the terms are independent.",
	ntk.CaseRectified: "Rectified (case A): the node is this BatchNorm alone and is rectified. Θ_γ = σ_w²Θ_W + F√(1 − ρ²)/2π, F the factor that is propagated back and ρ the correlation of two inputs.",
}

func (p *tangentPage) casesSection() section {
	cases := p.cases()
	names := []string{}
	for _, c := range cases {
		names = append(names, c.String())
	}
	hueOf := report.Palette(names)
	s := section{ID: "cases", Title: "Layer by layer",
		Lead: "Of each convolution W with a BatchNorm, at initialisation: the kernel of γ alone against σ_w² times that of W. The means are over the layers of a case. " +
			"The ratio is that of the traces, 1 in case B. The deviation is ‖Θ_γ − σ_w²Θ_W‖ / ‖σ_w²Θ_W‖; in case B it falls as C^−½. Statistics are those of the batch, through which W acts on its own mean and variance."}
	for _, c := range ntk.Cases() {
		if text := caseTheory[c]; text != "" {
			s.Notes = append(s.Notes, text)
		}
	}
	var ratios, deviations []report.Curve
	table := &report.Table{Head: []report.Header{{Text: "case", Left: true}, {Text: "ratio"}, {Text: "alignment"}, {Text: fmt.Sprintf("deviation with %d channels", p.channels(p.widest()))}, {Text: "exponent"}, {Text: "holds −½"}}}
	for _, c := range cases {
		ratio, alignment := p.ofCase(c.space, c.of, ratioOf), p.ofCase(c.space, c.of, pairAlignmentOf)
		ratios = append(ratios, p.line(c.String(), ratio, arithmetic))
		r := findRate(p.rates, deviationPrefix+c.String(), batchStatistics, "", atStart)
		deviations = append(deviations, p.line(c.String(), r.of, geometric))
		row := rateRow(r, c.String())
		at := func(f bySeed) report.Cell { return report.Cell{Text: arithmetic(p.over(f, p.widest())).String()} }
		row.Cells = slices.Insert(row.Cells, 1, at(ratio), at(alignment))
		table.Rows = append(table.Rows, row)
	}
	s.Groups = []report.Group{{Class: report.WideFigures, Legend: report.Legends(names, hueOf), Figures: []report.Figure{
		report.Lines("Ratio tr Θ_γ / tr σ_w²Θ_W", "width", ratios, hueOf, report.Level{Value: 1, Name: "case B"}),
		report.Lines("Deviation", "width", deviations, hueOf),
	}}}
	s.TableLead, s.Table = "At the largest width:", table
	return s
}

func (p *tangentPage) conditionSection() section {
	start, end, loss := p.conditions()
	s := section{ID: "condition", Title: "κ before and after training",
		Lead: fmt.Sprintf("log κ of the kernel of γ and β over the images, of %d random networks at width 2, before and after %d steps. If κ at initialisation were a property of a network, the order would stay (τ-b near 1); "+
			"if it told trainability, a small κ would go with a small loss (τ-b above 0) and with a high accuracy in the table of --table (τ-b below 0).", len(start), p.lastStep())}
	hueOf := report.Palette([]string{bnOnly})
	var taus []report.Estimate
	for _, t := range p.taus {
		taus = append(taus, report.Estimate{Name: t.name, Group: bnOnly, Value: t.Value, Low: t.Low, High: t.High})
	}
	s.Groups = []report.Group{{Class: report.WideFigures, Figures: []report.Figure{
		report.Scatter("log κ after training by log κ before", "log κ before", start, end),
		report.Scatter("Loss after training by log κ before", "log κ before", start, loss),
		report.Intervals("Kendall's τ-b over the networks", "τ-b", taus, hueOf, report.Level{Value: 0, Name: "none"}),
	}}}
	s.TableLead, s.Table = "log κ of the network of the sections above, of the kernel of what trains:", p.conditionTable()
	return s
}

// conditionTable has log κ of the network of the courses by width.
func (p *tangentPage) conditionTable() *report.Table {
	table := &report.Table{Head: []report.Header{{Text: "statistics, channels", Left: true}, {Text: "trained", Left: true}, {Text: "before"}, {Text: "after"}}}
	for _, statistics := range []string{batchStatistics, frozenStatistics} {
		for _, width := range p.tangentWidths() {
			for _, train := range tangentTrained {
				at := func(when string) report.Cell {
					of := p.ofMoment(statistics, train, when, func(s courseState) float64 { return s.Kernel.LogCondition })
					return report.Cell{Text: arithmetic(p.over(of, width)).String()}
				}
				table.Rows = append(table.Rows, report.Row{Cells: []report.Cell{
					{Text: fmt.Sprintf("%s, %d", statistics, p.channels(width)), Class: "left words"}, {Text: trainedName[train], Class: "left words"},
					at(afterStep(0)), at(afterStep(p.lastStep()))}})
			}
		}
	}
	return table
}

func (p *tangentPage) figures() []Figure {
	var all []Figure
	add := func(name string, e seedEstimate) { all = append(all, Figure{name, e.Value, e.Low, e.High}) }
	for _, statistics := range []string{batchStatistics, frozenStatistics} {
		for _, train := range tangentTrained {
			for _, q := range []string{driftQuantity, errorQuantity} {
				r := p.most(q, statistics, string(train))
				name := fmt.Sprintf("%s, %s statistics, %s trained", q, statistics, train)
				add(name, r.widest)
				add(name+", exponent of the width", r.exponent)
			}
		}
		r := p.most(apartQuantity, statistics, "")
		add("distance, "+statistics+" statistics", r.widest)
		add("distance, "+statistics+" statistics, exponent of the width", r.exponent)
	}
	for _, t := range p.taus {
		add("τ-b, "+t.name, t.seedEstimate)
	}
	return all
}
