package study

import (
	"fmt"
	"math"
	"strings"

	"bnas.example/indicator"
	"bnas.example/internal/amount"
	"bnas.example/rank"
	"bnas.example/report"
)

// showSearching makes the tables and the page of the study.
func showSearching(r *Results) (*Outcome, error) {
	d, err := readSearching(r)
	if err != nil {
		return nil, err
	}
	p := &searchingPage{searchingData: d, out: &Outcome{}}
	net := d.cells[0].Net
	p.out.Done = []string{
		fmt.Sprintf("For each of %s: a supernet of %s (BatchNorm %s, %d channels, %d×%d) was trained for %s, and an evolution searched it once by each objective.",
			amount.Of(r.Seeds, "seed"), net.Space, net.BN, net.Channels, net.Height, net.Width, amount.Of(d.cells[0].Steps, "step")),
		fmt.Sprintf("Every search scored up to %d networks, over the same weights and images. An objective of several terms scored up to %d random networks before, which calibrate it. The random pick is the first of ten random live networks. The random search by %s scores as many random networks as its evolution.",
			r.Networks, r.Run.Objective.Calibration, p.names[0]),
		fmt.Sprintf("The accuracies are those of %s. Its best network has %.2f.", r.Truth.Name, d.best),
	}
	if n := r.Run.Finalists.Number; n > 0 {
		var seconds []float64
		for _, c := range d.cells {
			seconds = append(seconds, c.FinalistSeconds)
		}
		p.out.Done = append(p.out.Done, fmt.Sprintf("The best %d of the search by %s were each trained on their own for %s on %s, in %.0f seconds a seed on average. The row %q has them in the order of their accuracy on held-out images; the others of the first ten follow.",
			n, p.names[0], amount.Of(r.Run.Finalists.Epochs, "epoch"), r.Run.Data.Name, mean(seconds), finalistsName(p.names[0])))
	}
	p.networks()
	p.accuracy()
	p.seconds()
	p.limits()
	return p.out, nil
}

type searchingPage struct {
	*searchingData
	out *Outcome
}

// overSeeds is the mean of a figure and its bootstrap interval over seeds. One seed has no interval.
func (r *Results) overSeeds(values []float64) estimate {
	if len(values) == 0 {
		return undefined
	}
	e := estimateOf(values)
	if len(values) > 1 {
		e.Interval = r.interval(len(values), func(indices []int) (sum float64) {
			for _, i := range indices {
				sum += values[i] / float64(len(indices))
			}
			return sum
		})
	}
	return e
}

// deviation is the standard deviation of a sample; NaN for one value.
func deviation(values []float64) float64 {
	m, sum := mean(values), 0.0
	for _, v := range values {
		sum += (v - m) * (v - m)
	}
	if len(values) < 2 {
		return math.NaN()
	}
	return math.Sqrt(sum / float64(len(values)-1))
}

// lookedAt are the figures of the networks that a search has found.
var lookedAt = []struct {
	name string
	of   func(accuracies []float64) float64
}{
	{"best by the objective", func(a []float64) float64 { return a[0] }},
	{"mean of the first ten", mean},
}

// figuresOf applies a figure to the networks of each seed.
func figuresOf(seeds [][]float64, of func([]float64) float64) (all []float64) {
	for _, a := range seeds {
		all = append(all, of(a))
	}
	return all
}

// minusOf is a − b, seed by seed.
func minusOf(a, b []float64) []float64 {
	all := make([]float64, len(a))
	for i := range a {
		all[i] = a[i] - b[i]
	}
	return all
}

// accuracy shows how good the networks found are, and words the result.
func (p *searchingPage) accuracy() {
	t := p.out.table("accuracy", "objective", "networks", "accuracy", "deviation", "low", "high", "least", "greatest", "regret", "difference", "difference_low", "difference_high")
	hueOf := report.Palette(p.names)
	ours := p.names[0]
	s := section{ID: "accuracy", Title: "What the searches find", Lead: fmt.Sprintf(
		"Accuracy by the table: the mean over seeds, and its interval over seeds (95 %%, bootstrap). Regret is what is missing to the best network of the table. The difference is that to %s, paired by seed.", ours)}
	for _, figure := range lookedAt {
		g := report.Group{Class: report.WideFigures}
		shown := &report.Table{Head: []report.Header{{Text: "objective", Left: true}, {Text: "accuracy"}, {Text: "deviation"}, {Text: "regret"}, {Text: "− " + ours}}}
		var estimates []report.Estimate
		base := figuresOf(p.found[ours], figure.of)
		for _, name := range p.names {
			values := figuresOf(p.found[name], figure.of)
			e, difference := p.overSeeds(values), p.overSeeds(minusOf(values, base))
			if name == ours {
				difference = undefined
			}
			t.Add(name, figure.name, e.mean, deviation(values), e.Low, e.High, e.least, e.greatest, p.best-e.mean, difference.mean, difference.Low, difference.High)
			estimates = append(estimates, report.Estimate{Name: name, Group: name, Value: e.mean, Low: e.Low, High: e.High})
			shown.Rows = append(shown.Rows, report.Row{Cells: []report.Cell{
				{Text: name, Class: "left"}, {Text: withInterval(e)}, {Text: withInterval(estimate{mean: deviation(values), Interval: noInterval})},
				{Text: fmt.Sprintf("%.2f", p.best-e.mean)}, {Text: withInterval(difference)},
			}})
			p.out.figure(name+", "+figure.name, e)
			if name != ours && name != finalistsName(ours) && figure.name == lookedAt[0].name {
				p.compare(name, difference)
			}
		}
		g.Figures = []report.Figure{report.Intervals("Accuracy, "+figure.name, "accuracy", estimates, hueOf, report.Level{Value: p.best, Name: "best"})}
		s.Groups = append(s.Groups, g, report.Group{Lead: "The " + figure.name + ".", Table: shown})
	}
	e := p.overSeeds(figuresOf(p.found[ours], lookedAt[0].of))
	p.out.Says = fmt.Sprintf("the network that the search by %s puts first has an accuracy of %s, of at most %.2f; %s.", ours, withInterval(e), p.best, strings.TrimSuffix(p.out.Says, "; "))
	if with := p.found[finalistsName(ours)]; len(with) > 0 {
		more := p.overSeeds(minusOf(figuresOf(with, lookedAt[0].of), figuresOf(p.found[ours], lookedAt[0].of)))
		p.out.Says += fmt.Sprintf(" Finalists change it by %s.", withInterval(more))
	}
	p.out.Sections = append([]section{s}, p.out.Sections...)
}

// compare adds a comparison with the objective of the study to what came out.
func (p *searchingPage) compare(name string, less estimate) {
	more := estimate{mean: 0 - less.mean, Interval: rank.Interval{Low: 0 - less.High, High: 0 - less.Low}}
	words := "not decided, the interval holds 0"
	switch {
	case math.IsNaN(more.Low):
		words = "one seed decides nothing"
	case more.Low > 0:
		words = "better here"
	case more.High < 0:
		words = "worse here, against the claim"
	}
	p.out.Says += fmt.Sprintf("against %s it is %s: %s; ", name, withInterval(more), words)
}

// seconds shows what the searches cost, and what they find in equal time.
func (p *searchingPage) seconds() {
	t := p.out.table("time", "objective", "seed", "training_seconds", "scoring_seconds", "networks_scored", "evaluations",
		"budget_seconds", "evaluations_within", "accuracy_within")
	shown := &report.Table{Head: []report.Header{{Text: "objective", Left: true}, {Text: "training, s"}, {Text: "scoring, s"}, {Text: "a network, ms"}, {Text: "evaluations in equal time"}, {Text: "accuracy in equal time"}}}
	var budgets []float64
	var means []string
	for _, c := range p.cells {
		budgets = append(budgets, c.Searches[0].Seconds)
	}
	for at, name := range p.names[:len(p.cells[0].Searches)] {
		var training, scoring, each, evaluations, accuracies []float64
		for i, c := range p.cells {
			of := c.Searches[at]
			trained := c.TrainingSeconds
			if untrained(name) {
				trained = 0
			}
			within := math.NaN()
			if a := p.within[name][i]; len(a) > 0 {
				within = a[0]
				accuracies = append(accuracies, within)
			}
			t.Add(name, p.seeds()[i], trained, of.Seconds, of.Scored, of.Evaluations, c.Searches[0].Seconds, of.WithinEvaluations, within)
			training, scoring, each = append(training, trained), append(scoring, of.Seconds), append(each, 1000*of.Seconds/float64(of.Scored))
			evaluations = append(evaluations, float64(of.WithinEvaluations))
		}
		found := p.overSeeds(accuracies)
		if len(accuracies) > 0 {
			means = append(means, fmt.Sprintf("%s %.2f", name, found.mean))
		}
		text := withInterval(found)
		if n := len(accuracies); n > 0 && n < p.Seeds {
			text += fmt.Sprintf(", %d of %s", n, amount.Of(p.Seeds, "seed"))
		}
		shown.Rows = append(shown.Rows, report.Row{Cells: []report.Cell{
			{Text: name, Class: "left"}, {Text: fmt.Sprintf("%.1f", mean(training))}, {Text: fmt.Sprintf("%.1f", mean(scoring))},
			{Text: fmt.Sprintf("%.1f", mean(each))}, {Text: fmt.Sprintf("%.0f", mean(evaluations))}, {Text: text},
		}})
	}
	if len(means) > 0 {
		p.out.Says += " In equal seconds of scoring, what is put first has on average: " + strings.Join(means, ", ") + "."
	}
	p.out.add(section{ID: "seconds", Title: "What it costs", Table: shown, Lead: fmt.Sprintf(
		"Seconds measured on this machine, with what else ran on it: the mean over seeds. In equal time each search has the seconds of scoring of that by %s, %.1f on average: a faster one goes on, a slower one is cut. Training, the same for all that score the supernet, is not in it. – means that the time ended while the search calibrated. A random pick costs nothing.", p.names[0], mean(budgets))})
}

// untrained reports whether an objective needs no training of a supernet.
func untrained(objective string) bool {
	c, err := indicator.LookupComposite(objective)
	return err == nil && c.Untrained()
}

// networks shows the networks found.
func (p *searchingPage) networks() {
	t := p.out.table("found", "objective", "seed", "place", "network", "accuracy", "regret", "macs", "params")
	shown := &report.Table{Head: []report.Header{{Text: "objective", Left: true}, {Text: "network", Left: true}, {Text: "accuracy"}, {Text: "MACs"}, {Text: "parameters"}}}
	for _, name := range p.names {
		for i, c := range p.cells {
			for k, n := range c.networks(name) {
				accuracy := p.found[name][i][k]
				t.Add(name, p.seeds()[i], k+1, n.Arch, accuracy, p.best-accuracy, n.MACs, n.Params)
				if i == 0 && k == 0 {
					shown.Rows = append(shown.Rows, report.Row{Cells: []report.Cell{
						{Text: name, Class: "left"}, {Text: n.Arch, Class: "left text"}, {Text: fmt.Sprintf("%.2f", accuracy)}, {Text: report.Count(n.MACs)}, {Text: report.Count(n.Params)},
					}})
				}
			}
		}
	}
	p.out.add(section{ID: "networks", Title: "The networks found", Table: shown,
		Lead: fmt.Sprintf("Seed %d: what each search puts first. Costs are those of a network of the supernet's sizes. All seeds and the first ten of each are in found.csv.", p.seeds()[0])})
}

func (p *searchingPage) limits() {
	p.out.Limits = []string{
		fmt.Sprintf("Other spaces and data: this is one space, by one table. The networks of %s were trained by one recipe, and their order changes a little with the seed of that training.", p.Truth.Name),
		"The intervals are over seeds alone, which change the supernet, the images of the scores and the draws of the search. With few seeds they are too narrow.",
		fmt.Sprintf("The published indicators at their best: all searches score the same supernet. The authors of %s have BatchNorm where the space puts it, those of az-nas an untrained network, which costs no training.", gammaSum),
		"A longer search: each stops at the same number of networks.",
	}
	if p.Run.Finalists.Number == 0 {
		p.out.Limits = append(p.out.Limits, "A second stage that trains the best networks is not part of it.")
	}
	if p.Run.Objective.Composite == "bnas" {
		p.out.Limits = append(p.out.Limits, "A space that bnas was not chosen on: its terms were chosen by tables of NAS-Bench-201, NAS-Bench-Macro and NAS-Bench-101.")
	}
	if p.Quick {
		p.out.Limits = append(p.out.Limits, "The quick form has smaller supernets, short training and short searches. Its figures are not those of the full form.")
	}
}
