package study

import (
	"fmt"
	"math"

	"bnas.example/internal/amount"
	"bnas.example/report"
)

// showEarlybird makes the tables and the page of the study.
func showEarlybird(r *Results) (*Outcome, error) {
	d, err := readEarlybird(r)
	if err != nil {
		return nil, err
	}
	p := &earlybirdPage{earlybirdData: d, out: &Outcome{}, taus: map[string]estimate{}}
	p.out.Done = []string{
		fmt.Sprintf("Supernets of %s (BatchNorm %s, %d channels, %d×%d) learned γ and β for %s, at a falling and at a constant learning rate. At %d moments they scored the same %s, with the same images and directions: what changes between two moments is the training alone.",
			d.first.Net.Space, d.first.Net.BN, d.first.Net.Channels, d.first.Net.Height, d.first.Net.Width, amount.Of(d.last(), "step"), len(d.steps), amount.Of(len(d.first.Networks), "network")),
		"A ranking that has settled agrees with the final one. Under a falling rate it does so at the end whatever was learned, because the parameters hardly move there; the constant rate is the stricter test.",
	}
	p.measure()
	p.curves()
	p.samples()
	p.losses()
	p.says()
	return p.out, nil
}

type earlybirdPage struct {
	*earlybirdData
	out  *Outcome
	taus map[string]estimate // by moment
}

// These are what the ranking of a moment is compared with, beside withTruth.
const (
	withFinal  = "the final ranking"
	withBefore = "the moment before"
	withSeeds  = "another seed at that moment"
)

func (d *earlybirdData) last() int { return d.steps[len(d.steps)-1] }

// moment names an agreement.
func moment(rate, score, with string, networks, step int) string {
	return fmt.Sprint(rate, " ", score, " ", with, " ", networks, " ", step)
}

// measure fills the table tau.
func (p *earlybirdPage) measure() {
	t := p.out.table("tau", "rate", "score", "networks", "step", "with", "tau_b", "low", "high", "least", "greatest")
	for _, rate := range rates {
		for _, score := range p.scores {
			for _, n := range p.sizes() {
				for i, step := range p.steps {
					values := firstOf(n, p.values[rate][step][score])
					add := func(with string, pairs [][2][]float64) {
						e := p.meanTau(pairs)
						p.taus[moment(rate, score, with, n, step)] = e
						t.Add(rate, score, n, step, with, e.mean, e.Low, e.High, e.least, e.greatest)
					}
					add(withFinal, paired(values, firstOf(n, p.values[rate][p.last()][score])))
					if i > 0 {
						add(withBefore, paired(values, firstOf(n, p.values[rate][p.steps[i-1]][score])))
					}
					add(withSeeds, pairsOf(values))
					if p.truth != nil {
						add(withTruth, against(values, p.truth[:n]))
					}
				}
			}
		}
	}
}

// curve is an agreement over training.
func (p *earlybirdPage) curve(name, rate, score, with string, networks int) report.Curve {
	c := report.Curve{Name: name}
	for _, step := range p.steps {
		if e, ok := p.taus[moment(rate, score, with, networks, step)]; ok {
			add(&c, float64(step), e.mean)
			c.Low, c.High = append(c.Low, e.Low), append(c.High, e.High)
		}
	}
	return c
}

func (p *earlybirdPage) curves() {
	hueOf := report.Palette(rates)
	s := section{ID: "settles", Title: "How the ranking settles", Lead: "Kendall's τ-b of the ranking of each moment: the mean over seeds (over pairs of seeds for another seed). The band is the interval over networks (95 %, bootstrap)."}
	withs := []string{withFinal, withBefore}
	if p.Seeds > 1 {
		withs = append(withs, withSeeds)
	}
	if p.truth != nil {
		withs = append(withs, withTruth)
	}
	for _, with := range withs {
		g := report.Group{Class: report.WideFigures, Lead: "Agreement with " + with + ".", Legend: report.Legends(rates, hueOf)}
		for _, score := range p.scores {
			var curves []report.Curve
			for _, rate := range rates {
				curves = append(curves, p.curve(rate, rate, score, with, len(p.first.Networks)))
			}
			g.Figures = append(g.Figures, report.Lines(score, "step", curves, hueOf))
		}
		s.Groups = append(s.Groups, g)
	}
	p.out.add(s)
}

// samples shows how much the agreement depends on the number of networks.
func (p *earlybirdPage) samples() {
	var names []string
	for _, n := range p.sizes() {
		names = append(names, amount.Of(n, "network"))
	}
	hueOf := report.Palette(names)
	g := report.Group{Class: report.WideFigures, Legend: report.Legends(names, hueOf)}
	for _, score := range p.scores {
		var curves []report.Curve
		for i, n := range p.sizes() {
			c := p.curve(names[i], "constant", score, withFinal, n)
			c.Low, c.High = nil, nil
			curves = append(curves, c)
		}
		g.Figures = append(g.Figures, report.Lines(score+", constant rate", "step", curves, hueOf))
	}
	p.out.add(section{ID: "samples", Title: "Samples of other sizes", Groups: []report.Group{g},
		Lead: "The agreement with the final ranking over the first networks alone. An early bird sees a small sample: its figure is rougher, not another one."})
}

// losses shows the loss beside the ranking.
func (p *earlybirdPage) losses() {
	p.out.add(section{ID: "loss", Title: "The loss", Lead: fmt.Sprintf("The training loss of the sampled paths, seed %d.", p.seeds()[0]),
		Groups: []report.Group{p.out.losses(p.Settings, "rate", "Loss", rates, p.loss)}})
}

// agreed is the agreement from which a ranking counts as settled here.
const agreed = .9

// settledAt returns the first step from which the ranking agrees with the final one until the end.
func (p *earlybirdPage) settledAt(rate, score string) int {
	at := p.last()
	for i := len(p.steps) - 1; i >= 0; i-- {
		e := p.taus[moment(rate, score, withFinal, len(p.first.Networks), p.steps[i])]
		if !(e.mean >= agreed) {
			break
		}
		at = p.steps[i]
	}
	return at
}

// says words the result.
func (p *earlybirdPage) says() {
	score, n := p.scores[0], len(p.first.Networks)
	quarter := p.steps[0]
	for _, step := range p.steps {
		if step <= (p.last()+2)/4 {
			quarter = step
		}
	}
	text := ""
	for _, score := range p.scores {
		for _, rate := range rates {
			e := p.taus[moment(rate, score, withFinal, n, quarter)]
			p.out.figure(fmt.Sprintf("τ-b of %s with the final ranking, step %d of %d, %s rate", score, quarter, p.last(), rate), e)
			at := p.settledAt(rate, score)
			p.out.figure(fmt.Sprintf("share of training after which that of %s stays at %.1f or more, %s rate", score, agreed, rate), estimate{mean: float64(at) / math.Max(1, float64(p.last())), Interval: noInterval})
		}
		constant := p.taus[moment("constant", score, withFinal, n, quarter)]
		text += fmt.Sprintf("At a constant rate, the ranking by %s after %s of %d agrees with the final one by τ-b %s; it stays at %.1f or more from step %d. ",
			score, amount.Of(quarter, "step"), p.last(), withInterval(constant), agreed, p.settledAt("constant", score))
	}
	if p.Seeds > 1 {
		e := p.taus[moment("constant", score, withSeeds, n, p.last())]
		text += fmt.Sprintf("Final rankings of two seeds by %s agree by %s. ", score, withInterval(e))
	}
	if p.truth != nil {
		before, after := p.taus[moment("falling", score, withTruth, n, p.steps[0])], p.taus[moment("falling", score, withTruth, n, p.last())]
		text += fmt.Sprintf("With the true accuracy %s has %s before training and %s at the end of the falling rate.", score, withInterval(before), withInterval(after))
		p.out.figure("τ-b of "+score+" with the true accuracy, untrained", before)
		p.out.figure("τ-b of "+score+" with the true accuracy, trained, falling rate", after)
	}
	p.out.Says = text
	p.out.Limits = []string{
		"That a settled ranking is a right one: a ranking by what hardly depends on training is settled from the start. The untrained network is the first moment of every curve.",
		fmt.Sprintf("Settled means here: %.1f or more with the final ranking, a bound of ours. A longer training has another final ranking.", agreed),
		"The intervals are over networks alone; the least and the greatest value over seeds are in tau.csv.",
	}
	if p.truth == nil {
		p.out.Limits = append(p.out.Limits, "Whether training improves the ranking: that needs a table of accuracies (--table).")
	}
	if p.Quick {
		p.out.Limits = append(p.out.Limits, "The quick form has smaller supernets, short training and few networks. Its figures are not those of the full form.")
	}
}
