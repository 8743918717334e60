package study

import (
	"fmt"
	"math"

	"bnas.example/ntk"
	"bnas.example/rank"
	"bnas.example/supernet"
)

// widthRate is how a figure depends on the width: figure ∝ widthᵃ.
type widthRate struct {
	quantity, statistics, trained string // trained is empty where a figure is of both
	when                          string // of course.at; atStart; largest
	of                            bySeed
	exponent                      seedEstimate
	widest                        seedEstimate // the figure at the largest width
}

// Quantities of the rates.
const (
	driftQuantity   = "drift"
	turnQuantity    = "turn"
	errorQuantity   = "linearised error"
	apartQuantity   = "distance"
	linearQuantity  = "distance of the linear networks"
	deviationPrefix = "deviation, "
)

// courseQuantities are those of one training: of a state, and of a whole course at their largest.
var courseQuantities = []struct {
	name string
	of   func(courseState) float64
	most func(course) float64
}{
	{driftQuantity, driftOf, func(c course) float64 { return c.most(driftOf) }},
	{turnQuantity, turnOf, func(c course) float64 { return c.most(turnOf) }},
	{errorQuantity, errorOf, course.mostMissed},
}

// rates lists the rates of all quantities that the theory says to fall.
func (g *tangents) rates() ([]widthRate, error) {
	var all []widthRate
	_, steps := g.tangentSteps()
	for _, statistics := range []string{batchStatistics, frozenStatistics} {
		for _, when := range g.instants() {
			for _, train := range tangentTrained {
				for _, q := range courseQuantities {
					all = append(all, widthRate{quantity: q.name, statistics: statistics, trained: string(train), when: when, of: g.ofMoment(statistics, train, when, q.of)})
				}
			}
		}
		for _, train := range tangentTrained {
			for _, q := range courseQuantities {
				all = append(all, widthRate{quantity: q.name, statistics: statistics, trained: string(train), when: largest, of: g.ofCourse(statistics, train, q.most)})
			}
		}
		for _, step := range steps {
			all = append(all,
				widthRate{quantity: apartQuantity, statistics: statistics, when: afterStep(step), of: g.apart(statistics, step, outputsOf)},
				widthRate{quantity: linearQuantity, statistics: statistics, when: afterStep(step), of: g.apart(statistics, step, linearOf)})
		}
		all = append(all,
			widthRate{quantity: apartQuantity, statistics: statistics, when: largest, of: g.mostApart(statistics, outputsOf)},
			widthRate{quantity: linearQuantity, statistics: statistics, when: largest, of: g.mostApart(statistics, linearOf)})
	}
	for _, c := range g.cases() {
		all = append(all, widthRate{quantity: deviationPrefix + c.String(), statistics: batchStatistics, when: atStart, of: g.ofCase(c.space, c.of, deviationOf)})
	}
	for i := range all {
		var err error
		if all[i].exponent, err = g.exponent(all[i].of); err != nil {
			return nil, fmt.Errorf("%s, %s: %w", all[i].quantity, all[i].when, err)
		}
		all[i].widest = geometric(g.over(all[i].of, g.widest()))
	}
	return all, nil
}

// findRate returns the rate of a quantity.
func findRate(all []widthRate, quantity, statistics, trained, when string) widthRate {
	for _, r := range all {
		if r.quantity == quantity && r.statistics == statistics && r.trained == trained && r.when == when {
			return r
		}
	}
	return widthRate{}
}

// instants lists the moments with a kernel after the start.
func (s Settings) instants() []string {
	all := []string{thirdGone}
	_, steps := s.tangentSteps()
	for _, step := range steps {
		all = append(all, afterStep(step))
	}
	return all
}

func (s Settings) widest() int {
	widths := s.tangentWidths()
	return widths[len(widths)-1]
}

func (s Settings) lastStep() int {
	steps, _ := s.tangentSteps()
	return steps[len(steps)-1]
}

// spaceCase is a case of the pairs in a space.
type spaceCase struct {
	space string
	of    ntk.Case
}

func (c spaceCase) String() string { return fmt.Sprintf("%s, %s", c.of, c.space) }

// cases lists the cases that the networks have, but for the one in which γ has no effect.
func (g *tangents) cases() (all []spaceCase) {
	for _, space := range []string{cellSpace, bottleneckSpace} {
		for _, c := range ntk.Cases() {
			if c != ntk.CaseFree && !math.IsNaN(g.ofCase(space, c, ratioOf)(1, g.Run.Seed)) {
				all = append(all, spaceCase{space, c})
			}
		}
	}
	return all
}

// conditionTau is Kendall's τ-b with its interval.
type conditionTau struct {
	name string
	seedEstimate
}

// correlations relates κ before and after training to the loss after it, and to a table's accuracies, over the networks.
func (g *tangents) correlations(r *Results) ([]conditionTau, error) {
	start, end, loss := g.conditions()
	tau := func(name string, x, y []float64) conditionTau {
		rx, ry := make([]float64, len(x)), make([]float64, len(y))
		i := r.interval(len(x), func(indices []int) float64 {
			for k, i := range indices {
				rx[k], ry[k] = x[i], y[i]
			}
			return rank.KendallTauB(rx, ry)
		})
		return conditionTau{name, seedEstimate{rank.KendallTauB(x, y), i.Low, i.High}}
	}
	all := []conditionTau{
		tau("log κ before and after", start, end),
		tau("log κ before, loss after", start, loss),
		tau("log κ after, loss after", end, loss),
	}
	space, archs, err := networksOf(g.Run.Supernet, g.archs)
	if err != nil {
		return nil, err
	}
	accuracy, err := r.Truth.accuracies(space, archs)
	if accuracy != nil {
		all = append(all, tau("log κ before, true accuracy", start, accuracy), tau("log κ after, true accuracy", end, accuracy), differenceOf(r, start, end, accuracy))
	}
	return all, err
}

// differenceOf is what training adds to the τ-b of log κ with the accuracy. Both correlations see the same resamples.
func differenceOf(r *Results, start, end, accuracy []float64) conditionTau {
	difference := func(indices []int) float64 {
		pick := func(of []float64) []float64 {
			all := make([]float64, len(indices))
			for k, i := range indices {
				all[k] = of[i]
			}
			return all
		}
		y := pick(accuracy)
		return rank.KendallTauB(pick(end), y) - rank.KendallTauB(pick(start), y)
	}
	all := make([]int, len(accuracy))
	for i := range all {
		all[i] = i
	}
	i := r.interval(len(all), difference)
	return conditionTau{"the last less the one before", seedEstimate{difference(all), i.Low, i.High}}
}

// conditions lists log κ before and after training and the loss after it, of each network.
func (g *tangents) conditions() (start, end, loss []float64) {
	for _, c := range g.networks {
		last := c.at(afterStep(g.lastStep()))
		start, end, loss = append(start, c.at(afterStep(0)).Kernel.LogCondition), append(end, last.Kernel.LogCondition), append(loss, last.Loss)
	}
	return start, end, loss
}

func (g *tangents) tables(rates []widthRate, taus []conditionTau) []*Table {
	courses := &Table{Name: "courses", Columns: []string{"statistics", "width", "channels", "seed", "trained", "parameters", "rate", "when", "step", "loss", "linear_loss", "linearised_error", "drift", "alignment", "log_condition"}}
	kernelsOf := &Table{Name: "kernels", Columns: []string{"statistics", "width", "channels", "seed", "trained", "when", "share", "alignment", "centred_alignment"}}
	distances := &Table{Name: "distances", Columns: []string{"statistics", "width", "channels", "seed", "step", "distance", "linear_distance"}}
	steps, _ := g.tangentSteps()
	for _, c := range g.Settings.courses() {
		of, channels := g.courses[c], c.width*g.Run.Supernet.Channels
		for _, m := range of.all() {
			k := kernelChange{math.NaN(), math.NaN(), math.NaN()}
			if m.Kernel != nil {
				k = *m.Kernel
			}
			courses.Add(c.statistics, c.width, channels, c.seed, c.train, of.Parameters, of.Rate, m.when, m.Step, m.Loss, m.LinearLoss, m.Error, k.Drift, k.Alignment, k.LogCondition)
		}
		kernelsOf.Add(c.statistics, c.width, channels, c.seed, c.train, "start", of.Start.Share, of.Start.Alignment, of.Start.Centred)
		kernelsOf.Add(c.statistics, c.width, channels, c.seed, c.train, "end", of.End.Share, of.End.Alignment, of.End.Centred)
		if c.train != supernet.All {
			continue
		}
		for _, step := range steps {
			distances.Add(c.statistics, c.width, channels, c.seed, step, g.apart(c.statistics, step, outputsOf)(c.width, c.seed), g.apart(c.statistics, step, linearOf)(c.width, c.seed))
		}
	}
	pairs := &Table{Name: "pairs", Columns: []string{"space", "width", "channels", "seed", "batchnorm", "case", "ratio", "deviation", "alignment"}}
	for _, c := range g.Settings.pairs() {
		for _, p := range g.pairs[c] {
			pairs.Add(c.space, c.width, c.width*g.Run.Supernet.Channels, c.seed, p.Name, p.Case, p.Ratio, p.Deviation, p.Alignment)
		}
	}
	networks := &Table{Name: "networks", Columns: []string{"network", "log_condition_start", "log_condition", "loss"}}
	start, end, loss := g.conditions()
	for i, arch := range g.archs {
		networks.Add(arch, start[i], end[i], loss[i])
	}
	exponents := &Table{Name: "rates", Columns: []string{"quantity", "statistics", "trained", "when", "exponent", "low", "high", "at_widest", "widest_low", "widest_high"}}
	for _, r := range rates {
		exponents.Add(r.quantity, r.statistics, r.trained, r.when, r.exponent.Value, r.exponent.Low, r.exponent.High, r.widest.Value, r.widest.Low, r.widest.High)
	}
	widths := &Table{Name: "widths", Columns: []string{"figure", "of", "channels", "value", "low", "high"}}
	for _, f := range g.figuresByWidth(rates) {
		for _, w := range g.tangentWidths() {
			e := f.mean(g.over(f.values, w))
			widths.Add(f.name, f.of, w*g.Run.Supernet.Channels, e.Value, e.Low, e.High)
		}
	}
	condition := &Table{Name: "condition", Columns: []string{"pair", "tau_b", "low", "high"}}
	for _, t := range taus {
		condition.Add(t.name, t.Value, t.Low, t.High)
	}
	return []*Table{exponents, widths, courses, kernelsOf, distances, pairs, networks, condition}
}

// widthFigure is a figure that has a mean over seeds at each width: of a treatment of statistics, or of a case of the pairs.
type widthFigure struct {
	name, of string
	values   bySeed
	mean     func([]float64) seedEstimate
}

// figuresByWidth lists the figures of both trainings together, and those of the cases.
func (g *tangents) figuresByWidth(rates []widthRate) (all []widthFigure) {
	for _, statistics := range []string{batchStatistics, frozenStatistics} {
		start := func(figure func(kernelPeers) float64) bySeed {
			return g.ofCourse(statistics, supernet.AllBN, func(c course) float64 { return figure(c.Start) })
		}
		all = append(all,
			widthFigure{"alignment", statistics, start(func(k kernelPeers) float64 { return k.Alignment }), ofOne},
			widthFigure{"centred alignment", statistics, start(func(k kernelPeers) float64 { return k.Centred }), ofOne},
			widthFigure{"share of the trace", statistics, start(func(k kernelPeers) float64 { return k.Share }), geometric},
			widthFigure{apartQuantity, statistics, findRate(rates, apartQuantity, statistics, "", largest).of, geometric},
			widthFigure{linearQuantity, statistics, findRate(rates, linearQuantity, statistics, "", largest).of, geometric})
	}
	for _, c := range g.cases() {
		all = append(all,
			widthFigure{"ratio", c.String(), g.ofCase(c.space, c.of, ratioOf), arithmetic},
			widthFigure{"alignment", c.String(), g.ofCase(c.space, c.of, pairAlignmentOf), arithmetic},
			widthFigure{"deviation", c.String(), g.ofCase(c.space, c.of, deviationOf), geometric})
	}
	return all
}
