package study

import (
	"slices"

	"bnas.example/indicator"
	"bnas.example/rank"
	"bnas.example/supernet"
)

// These are the kinds of scores.
const (
	composedKind  = "composite"
	partKind      = "part of the composite"
	termKind      = "term"
	countKind     = "count"
	baselineKind  = "baseline"
	publishedKind = "published composite"
)

// rankedScore is a score of the networks.
type rankedScore struct {
	name, kind string
	placement  supernet.Placement
	of         indicator.Composite // of one term: that term
	values     [][]float64         // for each seed, of each network
}

// rankingData is what tables and page are made of.
type rankingData struct {
	*Results
	composite indicator.Composite
	terms     []string // that the fair supernets scored
	leftOut   []string
	net       supernet.Config
	steps     int
	truth     []float64
	fair      [][]indicator.Scores // for each seed, of each network
	scores    []rankedScore        // that of the composite first
	counted   [][]float64          // hand counts, by column
}

func readRanking(r *Results) (*rankingData, error) {
	d := &rankingData{Results: r}
	var err error
	if d.composite, err = indicator.LookupComposite(r.Run.Objective.Composite); err != nil {
		return nil, err
	}
	if d.terms, d.leftOut, err = rankingTerms(r.Settings, d.composite); err != nil {
		return nil, err
	}
	var first scoredNetworks
	runs := map[supernet.Placement][][]indicator.Scores{}
	for _, bn := range []supernet.Placement{supernet.Fair, supernet.Standard} {
		for _, seed := range r.seeds() {
			name := rankingCell(bn, seed)
			of, err := Result[scoredNetworks](r, name)
			if err != nil {
				return nil, err
			}
			if first.Networks == nil {
				first = of
			}
			scores, err := readScores(ledgerOf(r.Dir(name)), of.Networks)
			if err != nil {
				return nil, err
			}
			runs[bn] = append(runs[bn], scores)
		}
	}
	d.net, d.steps, d.fair = first.Net, first.Steps, runs[supernet.Fair]
	space, archs, err := networksOf(d.net, first.Networks)
	if err != nil {
		return nil, err
	}
	if d.truth, err = r.Truth.accuracies(space, archs); err != nil {
		return nil, err
	}
	if d.counted, err = countedOf(d.net, archs); err != nil {
		return nil, err
	}
	return d, d.list(runs[supernet.Standard])
}

// list lists the scores: composites and their parts, terms, and those of the standard supernets.
func (d *rankingData) list(standard [][]indicator.Scores) error {
	add := func(kind string, bn supernet.Placement, runs [][]indicator.Scores, c indicator.Composite, suffix string) error {
		if len(c.Terms) == 0 {
			return nil
		}
		name := headScore(c) + suffix
		if slices.ContainsFunc(d.scores, func(s rankedScore) bool { return s.name == name }) {
			return nil
		}
		values, err := fused(c, runs)
		d.scores = append(d.scores, rankedScore{name, kind, bn, c, values})
		return err
	}
	errs := []error{add(composedKind, supernet.Fair, d.fair, d.composite, "")}
	for _, p := range perspectives {
		for _, part := range partsOf(d.composite, p) {
			if len(part.Terms) > 1 { // one term is in the list of terms
				errs = append(errs, add(partKind, supernet.Fair, d.fair, part, ""))
			}
		}
	}
	for _, c := range indicator.Composites() {
		if !slices.ContainsFunc(c.Terms, func(t string) bool { return !slices.Contains(d.terms, t) }) {
			errs = append(errs, add(kindOf(c.Terms), supernet.Fair, d.fair, c, ""))
		}
	}
	for _, name := range d.terms {
		errs = append(errs, add(kindOf([]string{name}), supernet.Fair, d.fair, indicator.Composite{Terms: []string{name}}, ""))
	}
	errs = append(errs,
		add(composedKind, supernet.Standard, standard, d.composite, ", standard"),
		add(baselineKind, supernet.Standard, standard, indicator.Composite{Terms: []string{gammaSum}}, ", standard"))
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// perspectives are those of a composite.
var perspectives = []indicator.Perspective{indicator.Expressivity, indicator.Trainability, indicator.Uncertainty, indicator.Size}

// partsOf are the parts of a composite without a perspective and of it alone; none if it has no term of it.
func partsOf(c indicator.Composite, p indicator.Perspective) (parts []indicator.Composite) {
	without, alone := c.Without(p)
	if len(alone.Terms) == 0 || len(without.Terms) == 0 {
		return nil
	}
	return []indicator.Composite{without, alone}
}

// kindOf is the kind of a score of these terms. A published composite has baselines and counts alone.
func kindOf(names []string) string {
	ours, baselines := false, false
	for _, t := range indicator.Terms() {
		if slices.Contains(names, t.Name) {
			ours = ours || t.Perspective != indicator.Baseline && t.Perspective != indicator.Size
			baselines = baselines || t.Perspective == indicator.Baseline
		}
	}
	switch {
	case len(names) > 1 && baselines && !ours:
		return publishedKind
	case len(names) > 1:
		return composedKind
	case baselines:
		return baselineKind
	case ours:
		return termKind
	}
	return countKind
}

// fused ranks the networks of each seed by a composite, or by its only term.
func fused(c indicator.Composite, runs [][]indicator.Scores) ([][]float64, error) {
	all := make([][]float64, len(runs))
	for i, scores := range runs {
		if len(c.Terms) > 1 || len(c.Against) > 0 {
			var err error
			if all[i], err = c.Ranks(scores); err != nil {
				return nil, err
			}
			continue
		}
		for _, s := range scores {
			v, err := s.Term(c.Terms[0])
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], v)
		}
	}
	return all, nil
}

// byTruth is the agreement of a score with the accuracies.
func (d *rankingData) byTruth(values [][]float64) estimate {
	return d.meanTau(against(values, d.truth))
}

// difference is the agreement of a score with the accuracies less that of another one.
func (d *rankingData) difference(values, less [][]float64) estimate {
	return d.meanTauDifference(against(values, d.truth), against(less, d.truth))
}

// top is the mean over seeds of what a score puts first.
func (d *rankingData) top(values [][]float64) (pick, first, hits, ndcg float64) {
	n := float64(len(values))
	for _, v := range values {
		t := rank.TopK(v, d.truth, firstTen)
		pick, first, hits, ndcg = pick+t.Pick/n, first+t.Mean/n, hits+float64(t.Hits)/n, ndcg+t.NDCG/n
	}
	return pick, first, hits, ndcg
}

// without is a composite less one of its terms.
func without(c indicator.Composite, name string) indicator.Composite {
	drop := func(names []string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
	}
	return indicator.Composite{Name: c.Name + " − " + name, Terms: drop(c.Terms), Against: drop(c.Against), Linear: c.Linear}
}

// with is a composite and one term more.
func with(c indicator.Composite, name string) indicator.Composite {
	c.Name, c.Terms = c.Name+" + "+name, append(slices.Clone(c.Terms), name)
	return c
}

// chosenHalf is a choice on one half of the networks, and what it is worth on the other half beside what is best there of each kind.
type chosenHalf struct {
	seed          uint64
	split         int
	terms         []string
	chosen, other float64 // τ-b on the half that was chosen on, and on the other one
	composite     float64 // that of the study, on the other half
	best          map[string]rivalHalf
	fitted        map[string]float64 // on the other half, of a regression on fittedNumbers
}

// rivalHalf is the score of a kind that is best on the half that was chosen on.
type rivalHalf struct {
	name  string
	other float64 // its τ-b on the other half
}

// rivals are the kinds that a choice is compared with.
var rivals = []string{termKind, countKind, baselineKind}

// choices chooses composites from scratch for each seed.
func (d *rankingData) choices() (halves []chosenHalf, all []indicator.Selection, err error) {
	settings := indicator.Selecting{MaxTerms: max(8, len(d.composite.Terms)), Splits: 10, Seed: d.Run.Seed}
	for i := range d.fair {
		scores := indicator.SetOf(d.fair[i])
		s, err := settings.Select("chosen", []indicator.SelectionSet{{Name: d.Truth.Name, Scores: scores, Accuracy: d.truth, Weight: 1}})
		if err != nil {
			return nil, nil, err
		}
		all = append(all, s)
		columns, err := d.fittedColumns(i)
		if err != nil {
			return nil, nil, err
		}
		fits := map[string]regression{}
		for _, name := range fittedNumbers {
			fits[name] = newRegression(columns[name])
		}
		for k, split := range s.Splits {
			first, second := settings.Halves(scores, k)
			h := chosenHalf{
				seed: d.seeds()[i], split: k + 1, terms: split.Composite.Terms, chosen: split.Train[0], other: split.Test[0],
				composite: d.tauOf(d.scores[0].values[i], second), best: map[string]rivalHalf{}, fitted: map[string]float64{},
			}
			for _, kind := range rivals {
				h.best[kind] = d.bestOf(kind, i, first, second)
			}
			for name, fit := range fits {
				predicted, err := fit.predict(d.truth, first, second)
				if err != nil {
					return nil, nil, err
				}
				h.fitted[name] = d.agreement(predicted, second)
			}
			halves = append(halves, h)
		}
	}
	return halves, all, nil
}

// tauOf is τ-b with the accuracies over some networks, given the values of all.
func (d *rankingData) tauOf(values []float64, networks []int) float64 {
	some := make([]float64, len(networks))
	for k, i := range networks {
		some[k] = values[i]
	}
	return d.agreement(some, networks)
}

// agreement is τ-b with the accuracies of some networks, given their values.
func (d *rankingData) agreement(values []float64, networks []int) float64 {
	truth := make([]float64, len(networks))
	for k, i := range networks {
		truth[k] = d.truth[i]
	}
	return rank.KendallTauB(values, truth)
}

// bestOf finds the fair score of a kind that is best on the first networks, and judges it on the second ones. A published composite
// counts as a baseline.
func (d *rankingData) bestOf(kind string, seed int, first, second []int) (best rivalHalf) {
	highest := -2.
	for _, s := range d.scores {
		same := s.kind == kind || kind == baselineKind && s.kind == publishedKind
		if !same || s.placement != supernet.Fair {
			continue
		}
		if tau := d.tauOf(s.values[seed], first); tau > highest {
			highest, best = tau, rivalHalf{s.name, d.tauOf(s.values[seed], second)}
		}
	}
	return best
}
