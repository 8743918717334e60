package study

import (
	"fmt"
	"math"

	"bnas.example/internal/amount"
	"bnas.example/report"
	"bnas.example/supernet"
)

// showPlacement makes the tables and the page of the study.
func showPlacement(r *Results) (*Outcome, error) {
	d, err := readPlacement(r)
	if err != nil {
		return nil, err
	}
	p := &placementPage{placementData: d, out: &Outcome{}}
	p.out.Done = []string{
		fmt.Sprintf("Supernets of %s (%d channels, %d×%d) in both placements of BatchNorm, untrained and trained for %s: each length is a training of its own, at the end of its own schedule of the learning rate. "+
			"All scored the same %s, random live ones that are all different.", d.first.Net.Space, d.first.Net.Channels, d.first.Net.Height, d.first.Net.Width, p.lengthsText(), amount.Of(len(d.first.Networks), "network")),
		"In the standard placement BatchNorm is where the authors of the space put it; in the fair one every operator that passes something on ends in one.",
	}
	p.measure()
	p.square()
	p.curves()
	p.says()
	p.limits()
	return p.out, nil
}

type placementPage struct {
	*placementData
	out *Outcome
	// taus are the agreements, by what they are with and by setup.
	taus map[string]map[string]estimate
}

// These are what a ranking is compared with.
const (
	withTruth     = "true accuracy"
	withSeed      = "another seed"
	withUntrained = "untrained"
)

func (p *placementPage) lengthsText() string {
	text := ""
	for i, t := range p.lengths[1:] {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprint(t.length)
	}
	last := p.lengths[len(p.lengths)-1]
	if last.length != 1 || len(p.lengths) > 2 {
		return text + " " + last.unit + "s"
	}
	return text + " " + last.unit
}

// last is the longest training.
func (p *placementPage) last() trained { return p.lengths[len(p.lengths)-1] }

// measure fills the table tau.
func (p *placementPage) measure() {
	p.taus = map[string]map[string]estimate{withTruth: {}, withSeed: {}, withUntrained: {}}
	t := p.out.table("tau", "placement", "length", "unit", "score", "with", "tau_b", "low", "high", "least", "greatest")
	for _, bn := range bothPlacements {
		for _, at := range p.lengths {
			for _, score := range p.scores {
				key := setup(bn, at, score)
				values := p.values[key]
				add := func(with string, e estimate) {
					p.taus[with][key] = e
					t.Add(bn, at.length, at.unit, score, with, e.mean, e.Low, e.High, e.least, e.greatest)
				}
				if p.truth != nil {
					add(withTruth, p.meanTau(against(values, p.truth)))
				}
				add(withSeed, p.meanTau(pairsOf(values)))
				if at.length > 0 {
					add(withUntrained, p.meanTau(paired(values, p.values[setup(bn, p.lengths[0], score)])))
				}
			}
		}
	}
}

// paired pairs the lists of the same seed.
func paired(a, b [][]float64) (pairs [][2][]float64) {
	for i := range a {
		pairs = append(pairs, [2][]float64{a[i], b[i]})
	}
	return pairs
}

// withs lists what the rankings are compared with on the page.
func (p *placementPage) withs() (all []string) {
	if p.truth != nil {
		all = append(all, withTruth)
	}
	if p.Seeds > 1 {
		all = append(all, withSeed)
	}
	return all
}

// square shows, for each score, both placements untrained and trained.
func (p *placementPage) square() {
	s := section{ID: "square", Title: "Two by two"}
	s.Lead = fmt.Sprintf("Kendall's τ-b of each score in the four setups, trained for %v: the mean over seeds (over pairs of seeds for %q), and its interval over networks (95 %%, bootstrap).", p.last(), withSeed)
	ends := []trained{p.lengths[0], p.last()}
	for _, with := range p.withs() {
		t := &report.Table{Head: []report.Header{{Text: "score", Left: true}}}
		for _, at := range ends {
			for _, bn := range bothPlacements {
				t.Head = append(t.Head, report.Header{Text: fmt.Sprintf("%s, %s", bn, state(at))})
			}
		}
		for _, score := range p.scores {
			row := report.Row{Cells: []report.Cell{{Text: score, Class: "left"}}}
			for _, at := range ends {
				for _, bn := range bothPlacements {
					row.Cells = append(row.Cells, report.Cell{Text: withInterval(p.taus[with][setup(bn, at, score)])})
				}
			}
			t.Rows = append(t.Rows, row)
		}
		s.Groups = append(s.Groups, report.Group{Lead: "Agreement with " + with + ".", Table: t})
	}
	if len(s.Groups) > 0 {
		p.out.add(s)
	}
}

func state(t trained) string {
	if t.length == 0 {
		return "untrained"
	}
	return "trained"
}

// curves shows each score over the length of training.
func (p *placementPage) curves() {
	hueOf := report.Palette([]string{string(supernet.Standard), string(supernet.Fair)})
	s := section{ID: "lengths", Title: "Over the length of training", Lead: "Each point is the end of a training of that length. The band is the interval."}
	withs := p.withs()
	if len(p.lengths) > 2 {
		withs = append(withs, withUntrained)
	}
	for _, with := range withs {
		g := report.Group{Class: report.WideFigures, Lead: "Agreement with " + with + ", τ-b.",
			Legend: report.Legends([]string{string(supernet.Standard), string(supernet.Fair)}, hueOf)}
		for _, score := range p.shown() {
			var curves []report.Curve
			for _, bn := range bothPlacements {
				c := report.Curve{Name: string(bn)}
				for _, at := range p.lengths {
					if e, ok := p.taus[with][setup(bn, at, score)]; ok {
						add(&c, float64(at.length), e.mean)
						c.Low, c.High = append(c.Low, e.Low), append(c.High, e.High)
					}
				}
				curves = append(curves, c)
			}
			if f := report.Lines(score, p.last().unit+"s", curves, hueOf); f.SVG != "" {
				g.Figures = append(g.Figures, f)
			}
		}
		s.Groups = append(s.Groups, g)
	}
	p.out.add(s)
}

// shown are the scores with a curve: the composite and the γ-sum, and without a composite its term.
func (p *placementPage) shown() []string { return unique([]string{p.scores[0], gammaSum}) }

// says words the result by the score of the search.
func (p *placementPage) says() {
	score := p.scores[0]
	of := func(bn supernet.Placement, at trained) [][]float64 { return p.values[setup(bn, at, score)] }
	zero, last := p.lengths[0], p.last()
	if p.truth == nil {
		if p.Seeds < 2 {
			p.out.Says = "without a table of accuracies and with one seed, only the change of the rankings by training is shown."
			return
		}
		e := p.meanTau(pairsOf(of(supernet.Fair, last)))
		p.out.figure("τ-b of "+score+" between seeds, fair, trained", e)
		p.out.Says = fmt.Sprintf("without a table of accuracies only the agreement of seeds is known. That of %s is %s in the fair placement after %v.", score, withInterval(e), last)
		return
	}
	effect := func(name string, a, b [][]float64) estimate {
		e := p.meanTauDifference(against(a, p.truth), against(b, p.truth))
		p.out.figure(fmt.Sprintf("τ-b of %s, %s", score, name), e)
		return e
	}
	best := p.taus[withTruth][setup(supernet.Fair, last, score)]
	p.out.figure("τ-b of "+score+", fair, trained", best)
	placed := effect("fair − standard, trained", of(supernet.Fair, last), of(supernet.Standard, last))
	before := effect("fair − standard, untrained", of(supernet.Fair, zero), of(supernet.Standard, zero))
	trained := effect("trained − untrained, fair", of(supernet.Fair, last), of(supernet.Fair, zero))
	p.out.Says = fmt.Sprintf("%s has τ-b %s with the true accuracy, fair and trained for %v. A BatchNorm on every operator changes it by %s when trained and by %s untrained; training changes it by %s in the fair placement. %s",
		score, withInterval(best), last, signed(placed), signed(before), signed(trained), verdict(map[string]estimate{"the placement": placed, "the training": trained}, []string{"the placement", "the training"}))
}

// undefinedWords are those of a difference of agreements that is undefined.
const undefinedWords = "is undefined, because a ranking has one value for all networks"

// verdict says of each effect whether its interval is above 0.
func verdict(effects map[string]estimate, order []string) (text string) {
	for i, name := range order {
		e, words := effects[name], "is not decided (the interval holds 0)"
		switch {
		case math.IsNaN(e.Low):
			words = undefinedWords
		case e.Low > 0:
			words = "helps here"
		case e.High < 0:
			words = "harms here, against the claim"
		}
		if i > 0 {
			text += "; "
		}
		text += name + " " + words
	}
	return "In short: " + text + "."
}

// signed writes a difference with its interval.
func signed(e estimate) string {
	if math.IsNaN(e.mean) {
		return "–"
	}
	return minus(fmt.Sprintf("%+.3f (%+.3f … %+.3f)", e.mean, e.Low, e.High))
}

func (p *placementPage) limits() {
	p.out.Limits = []string{
		"Another recipe may move the optimum: all supernets had the same learning rate, optimizer and batch.",
		fmt.Sprintf("The intervals are over networks alone. The noise between %s is the least and the greatest value in tau.csv.", amount.Of(p.Seeds, "seed")),
	}
	if p.truth == nil {
		p.out.Limits = append(p.out.Limits, "Which setup ranks better: that needs a table of accuracies (--table). Seeds that agree can agree on a wrong ranking.")
	} else {
		p.out.Limits = append(p.out.Limits, "The accuracies of the table are of networks in the standard placement. The composite was chosen on fair, trained supernets of this space: its terms favour that setup.")
	}
	if p.Quick {
		p.out.Limits = append(p.out.Limits, "The quick form has smaller supernets, one epoch and few networks. Its figures are not those of the full form.")
	}
}

// unique keeps the first of equal names.
func unique(names []string) (all []string) {
	seen := map[string]bool{}
	for _, name := range names {
		if !seen[name] {
			seen[name] = true
			all = append(all, name)
		}
	}
	return all
}
