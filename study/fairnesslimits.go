package study

import (
	"fmt"
	"math"

	"bnas.example/internal/amount"
	"bnas.example/report"
)

// choice is what a score chooses within a limit of MACs: the mean over seeds.
type choice struct {
	best     float64 // share of the carriers among the best tenth
	pick     float64 // among the operators of the network that is put first
	macs     float64 // of that network
	accuracy float64 // of that network; NaN without a table
	highest  float64 // accuracy within the limit
}

// choose returns what a score chooses within a limit, and adds a row for each seed to the table.
func (p *fairnessPage) choose(t *Table, kind, score string, limit float64) (c choice) {
	n := float64(p.Seeds)
	for seed, ranking := range p.rankings(kind, score) {
		passed := p.within(ranking, limit)
		k, first := max(1, len(passed)/10), passed[0]
		best := p.choices.sumOver(p.choices.shares(passed, nil, k), p.carriers)
		pick := p.choices.sumOver(p.choices.shares(passed, nil, 1), p.carriers)
		accuracy, highest := math.NaN(), math.NaN()
		if p.truth != nil {
			accuracy, highest = p.truth[first], p.truth[p.within(ranked(p.truth), limit)[0]]
		}
		t.Add(kind, p.seeds()[seed], score, int64(limit), p.archs[first], int64(p.macs[first]), pick, k, best, accuracy, highest)
		c.best, c.pick, c.macs = c.best+best/n, c.pick+pick/n, c.macs+p.macs[first]/n
		c.accuracy, c.highest = c.accuracy+accuracy/n, c.highest+highest/n
	}
	return c
}

// limited shows what the scores choose within limits of MACs.
func (p *fairnessPage) limited() {
	t := p.out.table("limits", "placement", "seed", "score", "limit_macs", "pick", "pick_macs", "pick_carriers", "best", "best_carriers", "pick_accuracy", "best_accuracy")
	picks := &report.Table{Head: []report.Header{{Text: "limit, MACs"}, {Text: "placement", Left: true}, {Text: "score", Left: true}, {Text: "carriers in the pick"}, {Text: "MACs of the pick"}}}
	if p.truth != nil {
		picks.Head = append(picks.Head, report.Header{Text: "its accuracy, %"}, report.Header{Text: "the best one's"})
	}
	limits := p.limits()
	var shares, accuracies []report.Curve
	for _, kind := range p.kinds {
		for _, score := range p.scores[:min(headScores, len(p.scores))] {
			name := kind.name + ", " + score
			shares, accuracies = append(shares, report.Curve{Name: name}), append(accuracies, report.Curve{Name: name})
		}
	}
	for _, limit := range limits {
		at := 0
		for _, kind := range p.kinds {
			for _, score := range p.scores[:min(headScores, len(p.scores))] {
				c := p.choose(t, kind.name, score, limit)
				add(&shares[at], limit, c.best)
				add(&accuracies[at], limit, c.accuracy)
				picks.Rows = append(picks.Rows, p.pickRow(kind.name, score, limit, c))
				at++
			}
		}
	}
	p.out.add(section{ID: "limits", Title: "Under limits of MACs",
		Lead: fmt.Sprintf("Limits at each fifth of the MACs of %s. Networks of equal MACs pass together: %s of the networks pass. Means over the seeds. %s",
			amount.Of(len(p.archs), "network"), listed(p.passing(limits)), p.smallest(limits[0])),
		Groups: []report.Group{p.limitCurves(limits, shares, accuracies), {Lead: "The network that each score puts first.", Table: picks}}})
}

func (p *fairnessPage) pickRow(kind, score string, limit float64, c choice) report.Row {
	row := report.Row{Cells: []report.Cell{
		{Text: report.Count(int64(limit))}, {Text: kind, Class: "left"}, {Text: score, Class: "left"}, {Text: report.Percent(c.pick)}, {Text: report.Count(int64(c.macs))},
	}}
	if p.truth != nil {
		row.Cells = append(row.Cells, report.Cell{Text: fmt.Sprintf("%.2f", c.accuracy)}, report.Cell{Text: fmt.Sprintf("%.2f", c.highest)})
	}
	return row
}

// limitCurves draws the curves of the scores beside those of all networks and of the true best.
func (p *fairnessPage) limitCurves(limits []float64, shares, accuracies []report.Curve) report.Group {
	all, trueBest, highest := report.Curve{Name: "all networks"}, report.Curve{Name: "true best"}, report.Curve{Name: "true best"}
	for _, limit := range limits {
		passed := p.within(ranked(make([]float64, len(p.archs))), limit)
		add(&all, limit, p.choices.sumOver(p.choices.shares(passed, nil, len(passed)), p.carriers))
		if p.truth != nil {
			passed = p.within(ranked(p.truth), limit)
			add(&trueBest, limit, p.choices.sumOver(p.choices.shares(passed, nil, max(1, len(passed)/10)), p.carriers))
			add(&highest, limit, p.truth[passed[0]])
		}
	}
	shares = append(shares, all)
	if p.truth != nil {
		shares, accuracies = append(shares, trueBest), append(accuracies, highest)
	}
	var names []string
	for _, c := range shares {
		names = append(names, c.Name)
	}
	hueOf := report.Palette(names)
	g := report.Group{Class: report.WideFigures, Legend: report.Legends(names, hueOf), Figures: []report.Figure{
		report.Lines("Carriers among the best tenth within the limit", "limit of MACs an image", shares, hueOf)}}
	if p.truth != nil {
		g.Figures = append(g.Figures, report.Lines("Accuracy of the pick, %", "limit of MACs an image", accuracies, hueOf))
	}
	return g
}

// smallest words what the γ-sum prefers within the smallest limit of MACs.
func (p *fairnessPage) smallest(limit float64) string {
	passed := p.within(ranked(make([]float64, len(p.archs))), limit)
	all := p.choices.sumOver(p.choices.shares(passed, nil, len(passed)), p.carriers)
	k := max(1, len(passed)/10)
	var words []string
	for _, kind := range p.kinds {
		var rankings [][]int
		for _, ranking := range p.rankings(kind.name, gammaSum) {
			rankings = append(rankings, p.within(ranking, limit))
		}
		e := p.overSeeds(rankings, func(ranking, times []int) float64 {
			return p.choices.sumOver(p.choices.shares(ranking, times, k), p.carriers)
		})
		p.out.figure(fmt.Sprintf("share of carriers, best tenth by %s within %s MACs, %s", gammaSum, report.Count(int64(limit)), kind.name), e)
		words = append(words, fmt.Sprintf("%s (%s to %s) in the %s placement", report.Percent(e.mean), report.Percent(e.Low), report.Percent(e.High), kind.name))
	}
	p.out.figure(fmt.Sprintf("share of carriers, all networks within %s MACs", report.Count(int64(limit))), estimate{mean: all, Interval: noInterval})
	return fmt.Sprintf("Within the smallest, %s, the carriers are %s of the operators of the best tenth by the γ-sum; of all networks within it they are %s.",
		report.Count(int64(limit)), listed(words), report.Percent(all))
}
