package study

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"bnas.example/indicator"
	"bnas.example/internal/amount"
	"bnas.example/rank"
	"bnas.example/report"
	"bnas.example/supernet"
)

// showRanking makes the tables and the page of the study.
func showRanking(r *Results) (*Outcome, error) {
	d, err := readRanking(r)
	if err != nil {
		return nil, err
	}
	p := &rankingPage{rankingData: d, out: &Outcome{}, taus: map[string]estimate{}, less: map[string]estimate{}}
	p.done()
	p.measure()
	for _, show := range []func() error{p.ablation, p.choice, p.seedsTogether} {
		if err := show(); err != nil {
			return nil, err
		}
	}
	p.correlation()
	p.says()
	p.limits()
	return p.out, nil
}

type rankingPage struct {
	*rankingData
	out    *Outcome
	taus   map[string]estimate // by score: τ-b with the accuracies
	less   map[string]estimate // by score: τ-b of the composite less that of the score
	chosen string              // what came out of the choice, in words
}

// ours is the composite of the study.
func (p *rankingPage) ours() rankedScore { return p.scores[0] }

func (p *rankingPage) done() {
	p.out.Done = []string{
		fmt.Sprintf("For each of %s, a supernet of %s (BatchNorm on every operator, %d channels, %d×%d) learned γ and β for %s. It scored the same %s by %s. A supernet in the standard placement scored them by the composite and by the older BatchNorm indicator.",
			amount.Of(p.Seeds, "seed"), p.net.Space, p.net.Channels, p.net.Height, p.net.Width, amount.Of(p.steps, "step"), amount.Of(len(p.truth), "network"), amount.Of(len(p.terms), "term")),
		fmt.Sprintf("The networks are random rows of %s, live and all different. The best of them has an accuracy of %.2f, their mean is %.2f.", p.Truth.Name, slices.Max(p.truth), mean(p.truth)),
		fmt.Sprintf("The composite %s adds %s by %s. Published indicators measure the untrained network in the standard placement. A count looks at no features. E, T and U are the terms of expressivity, trainability and uncertainty.", p.composite.Name, ranksAdded(p.composite), listed(p.composite.Terms)),
	}
}

// ranksAdded says what a composite adds.
func ranksAdded(c indicator.Composite) string {
	if c.Linear {
		return "the relative ranks"
	}
	return "the logarithms of the relative ranks"
}

// tauText writes a correlation with its interval for the page.
func tauText(e estimate) string {
	if math.IsNaN(e.mean) || math.IsNaN(e.Low) {
		return plainly(e.mean)
	}
	return minus(fmt.Sprintf("%.3f (%.3f … %.3f)", e.mean, e.Low, e.High))
}

// plainly writes a correlation for the page, – for one that is undefined.
func plainly(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return minus(fmt.Sprintf("%.3f", v))
}

// signedText writes a difference of correlations for the page.
func signedText(e estimate) string {
	if math.IsNaN(e.mean) || math.IsNaN(e.Low) {
		return "–"
	}
	return signed(e)
}

// shownScores is how many scores the drawings of the page have.
const shownScores = 24

// measure fills the tables tau and difference.
func (p *rankingPage) measure() {
	t := p.out.table("tau", "score", "kind", "placement", "terms", "tau_b", "low", "high", "least", "greatest", "rho", "rho_low", "rho_high", "pick", "mean", "hits", "ndcg")
	differences := p.out.table("difference", "score", "kind", "placement", "difference", "low", "high")
	rows := map[string]report.Row{}
	for _, s := range p.scores {
		tau, rho := p.byTruth(s.values), p.meanOf(spearman, against(s.values, p.truth), nil)
		pick, first, hits, ndcg := p.top(s.values)
		t.Add(s.name, s.kind, s.placement, len(s.of.Terms), tau.mean, tau.Low, tau.High, tau.least, tau.greatest, rho.mean, rho.Low, rho.High, pick, first, hits, ndcg)
		less := undefined
		if s.name != p.ours().name {
			less = p.difference(p.ours().values, s.values)
			differences.Add(s.name, s.kind, s.placement, less.mean, less.Low, less.High)
		}
		p.taus[s.name], p.less[s.name] = tau, less
		rows[s.name] = report.Row{Cells: []report.Cell{
			{Text: s.name, Class: "left"}, {Text: s.kind, Class: "left"}, {Text: tauText(tau)}, {Text: signedText(less)}, {Text: plainly(rho.mean)},
			{Text: fmt.Sprintf("%.2f", pick)}, {Text: fmt.Sprintf("%.2f", first)}, {Text: fmt.Sprintf("%.1f", hits)}, {Text: fmt.Sprintf("%.3f", ndcg)},
		}}
	}
	kinds := []string{composedKind, partKind, termKind, countKind, baselineKind, publishedKind}
	hueOf := report.Palette(kinds)
	shown := &report.Table{Head: []report.Header{{Text: "score", Left: true}, {Text: "kind", Left: true}, {Text: "τ-b"}, {Text: p.composite.Name + " − it"}, {Text: "ρ"}, {Text: "pick, %"}, {Text: "first ten, %"}, {Text: "hits of ten"}, {Text: "nDCG"}}}
	var taus, less []report.Estimate
	sorted := p.sorted()
	for i, s := range sorted {
		shown.Rows = append(shown.Rows, rows[s.name])
		if i >= shownScores && s.kind != publishedKind && s.placement == supernet.Fair {
			continue
		}
		of := func(e estimate) report.Estimate {
			return report.Estimate{Name: s.name, Group: s.kind, Value: e.mean, Low: e.Low, High: e.High}
		}
		taus, less = append(taus, of(p.taus[s.name])), append(less, of(p.less[s.name]))
	}
	p.out.add(section{ID: "ranks", Title: "How well each score ranks", Groups: []report.Group{
		{Class: report.WideFigures, Legend: report.Legends(kinds, hueOf), Figures: []report.Figure{
			report.Intervals("Agreement with the true accuracy", "τ-b", taus, hueOf, report.Level{Name: "chance"}),
			report.Intervals(p.composite.Name+" less the score", "τ-b", less, hueOf, report.Level{Name: "equal"}),
		}},
		{Table: shown},
	}, Lead: fmt.Sprintf("Kendall's τ-b with the true accuracy: the mean over seeds, and its interval over networks (95 %%, bootstrap); a difference is paired: both scores see the same resamples. Pick is the accuracy of the network that a score puts first, hits are how many of its first %d are among the true best %d: means over seeds. The drawings have the best %d scores, the published composites, and the standard placement.", firstTen, firstTen, shownScores)})
}

// sorted lists the scores, the best first. Undefined ones are last.
func (p *rankingPage) sorted() []rankedScore {
	all := slices.Clone(p.scores)
	slices.SortStableFunc(all, func(a, b rankedScore) int { return cmp.Compare(p.taus[b.name].mean, p.taus[a.name].mean) })
	return all
}

// best is the best score of some kinds, by τ-b on all networks.
func (p *rankingPage) best(kinds ...string) (rankedScore, bool) {
	for _, s := range p.sorted() {
		if slices.Contains(kinds, s.kind) && !math.IsNaN(p.taus[s.name].mean) && s.name != p.ours().name {
			return s, true
		}
	}
	return rankedScore{}, false
}

// varied is the composite with a change.
type varied struct {
	change    string
	composite indicator.Composite
}

// These are the changes of an ablation.
const (
	termLess        = "without the term"
	perspectiveLess = "without the perspective"
	perspectiveOnly = "the perspective alone"
	countInstead    = "with a count for the term"
	termMore        = "with the further term"
)

// countTwins are the counts that say of a network what a term measures.
var countTwins = map[string]string{"identity_gain": "free_paths"}

// variations lists the changes: without each term, with its count in its place, without each perspective and with it alone, and with
// each further term.
func (p *rankingPage) variations() (all []varied) {
	for _, name := range p.composite.Terms {
		if less := without(p.composite, name); len(less.Terms) > 0 {
			all = append(all, varied{termLess, less})
		}
		if count := countTwins[name]; slices.Contains(p.terms, count) {
			all = append(all, varied{countInstead, with(without(p.composite, name), count)})
		}
	}
	for _, of := range perspectives {
		for i, part := range partsOf(p.composite, of) {
			all = append(all, varied{[]string{perspectiveLess, perspectiveOnly}[i], part})
		}
	}
	for _, name := range p.terms {
		if !slices.Contains(p.composite.Terms, name) {
			all = append(all, varied{termMore, with(p.composite, name)})
		}
	}
	return all
}

// ablation shows what the parts of the composite are worth.
func (p *rankingPage) ablation() error {
	t := p.out.table("ablation", "change", "composite", "terms", "tau_b", "low", "high", "difference", "difference_low", "difference_high", "pick", "mean")
	changes := []string{termLess, countInstead, perspectiveLess, perspectiveOnly, termMore}
	hueOf := report.Palette(changes)
	byChange := map[string][]report.Estimate{}
	shown := &report.Table{Head: []report.Header{{Text: "composite", Left: true}, {Text: "τ-b"}, {Text: "− " + p.composite.Name}, {Text: "pick, %"}, {Text: "first ten, %"}}}
	for _, v := range p.variations() {
		values, err := fused(v.composite, p.fair)
		if err != nil {
			return err
		}
		tau, more := p.byTruth(values), p.difference(values, p.ours().values)
		pick, first, _, _ := p.top(values)
		t.Add(v.change, v.composite.Name, strings.Join(v.composite.Terms, " "), tau.mean, tau.Low, tau.High, more.mean, more.Low, more.High, pick, first)
		byChange[v.change] = append(byChange[v.change], report.Estimate{Name: v.composite.Name, Group: v.change, Value: more.mean, Low: more.Low, High: more.High})
		if v.change != termMore {
			shown.Rows = append(shown.Rows, report.Row{Cells: []report.Cell{
				{Text: v.composite.Name, Class: "left"}, {Text: tauText(tau)}, {Text: signedText(more)}, {Text: fmt.Sprintf("%.2f", pick)}, {Text: fmt.Sprintf("%.2f", first)},
			}})
			if v.change == perspectiveLess || v.change == countInstead {
				p.out.figure("τ-b of composite "+v.composite.Name, tau)
			}
		}
	}
	g := report.Group{Class: report.WideFigures, Legend: report.Legends(changes, hueOf)}
	for _, change := range changes {
		if len(byChange[change]) > 0 {
			g.Figures = append(g.Figures, report.Intervals("The composite "+change, "τ-b, difference to "+p.composite.Name, byChange[change], hueOf, report.Level{Name: "no change"}))
		}
	}
	groups := []report.Group{g}
	if len(shown.Rows) > 0 {
		groups = append(groups, report.Group{Table: shown})
	}
	p.out.add(section{ID: "ablation", Title: "What each part is worth", Groups: groups,
		Lead: fmt.Sprintf("%s with one change, less %s itself. Left of no change, the composite is better without the change. Of %d further terms, some may be better by chance.", p.composite.Name, p.composite.Name, len(byChange[termMore]))})
	return nil
}

// choice shows what a choice from scratch is worth on networks that it did not see.
func (p *rankingPage) choice() error {
	halves, all, err := p.choices()
	if err != nil {
		return err
	}
	t := p.out.table("choice", "seed", "split", "terms", "tau_b_chosen_half", "tau_b_other_half", "composite_other_half",
		"best_term", "best_term_other_half", "best_count", "best_count_other_half", "best_baseline", "best_baseline_other_half",
		"counts_fitted_other_half", "composite_fitted_other_half", "all_fitted_other_half")
	head := []report.Header{{Text: "on the halves", Left: true}, {Text: "τ-b, mean"}, {Text: "deviation"}, {Text: "the choice is better in"}}
	var chosen, other, composite []float64
	beside, fitted := map[string][]float64{}, map[string][]float64{}
	times, ahead, used := map[string]int{}, map[string]int{}, map[string][]string{}
	for _, h := range halves {
		row := []any{h.seed, h.split, strings.Join(h.terms, " "), h.chosen, h.other, h.composite}
		chosen, other, composite = append(chosen, h.chosen), append(other, h.other), append(composite, h.composite)
		for _, kind := range rivals {
			r := h.best[kind]
			row = append(row, r.name, r.other)
			beside[kind] = append(beside[kind], r.other)
			if used[kind] = unique(append(used[kind], r.name)); h.other > r.other {
				ahead[kind]++
			}
		}
		for _, name := range fittedNumbers {
			row = append(row, h.fitted[name])
			fitted[name] = append(fitted[name], h.fitted[name])
		}
		t.Add(row...)
		for _, name := range h.terms {
			times[name]++
		}
	}
	shown := &report.Table{Head: head}
	add := func(what string, values []float64, ahead string) {
		shown.Rows = append(shown.Rows, report.Row{Cells: []report.Cell{{Text: what, Class: "left"}, {Text: plainly(mean(values))},
			{Text: plainly(deviation(values))}, {Text: ahead}}})
	}
	add("the choice, on the half that it was chosen on", chosen, "")
	add("the choice, on the other half", other, "")
	add(p.composite.Name+", on the other half", composite, "")
	for _, kind := range rivals {
		add(fmt.Sprintf("the best %s of the first half (%s), on the other half", kind, listed(used[kind])), beside[kind], fmt.Sprintf("%d of %d", ahead[kind], len(halves)))
	}
	for _, name := range fittedNumbers {
		add(name+", fitted to the accuracies of the first half, on the other half", fitted[name], "")
	}
	tried := 0
	var whole []string
	for i, s := range all {
		tried += s.Tried
		whole = append(whole, fmt.Sprintf("Seed %d, on all networks: %s (τ-b %.3f).", p.seeds()[i], listed(s.Composite.Terms), s.Tau))
		t.Add(p.seeds()[i], "all", strings.Join(s.Composite.Terms, " "), s.Tau, math.NaN(), math.NaN(), "", math.NaN(), "", math.NaN(), "", math.NaN(), math.NaN(), math.NaN(), math.NaN())
	}
	names := slices.SortedFunc(slices.Values(unionOf(halves)), func(a, b string) int { return cmp.Or(times[b]-times[a], strings.Compare(a, b)) })
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, times[name])
	}
	s := section{ID: "choice", Title: "A choice on one half, judged on the other", Groups: []report.Group{{Table: shown}},
		Lead:  fmt.Sprintf("On random halves of the networks a composite is chosen from scratch, as bnas correlate --select does: %d halves in each of %s, %d composites tried in all. It is judged on the other half. No canonical form is in both. Beside it, a kernel ridge regression of the accuracies of the first half, which no indicator has: on counts of operators, paths and costs, on the terms of the composite, and on all.", len(halves)/p.Seeds, amount.Of(p.Seeds, "seed"), tried),
		Notes: append(whole, fmt.Sprintf("Chosen in how many of the %d halves: %s.", len(halves), strings.Join(names, ", ")))}
	if n := len(p.truth); n < indicator.FewNetworks {
		s.Notes = append(s.Notes, fmt.Sprintf("%d networks are fewer than %d: a choice on half of them says little of networks outside of them.", n, indicator.FewNetworks))
	}
	p.out.add(s)
	loss := minusOf(other, chosen)
	p.out.figure("τ-b of a choice, on the half chosen on", estimate{mean: mean(chosen), Interval: noInterval})
	p.out.figure("τ-b of a choice, on the other half", estimate{mean: mean(other), Interval: noInterval})
	p.out.figure("τ-b of "+p.ours().name+", on the other half", estimate{mean: mean(composite), Interval: noInterval})
	for _, kind := range rivals {
		p.out.figure("τ-b of the best "+kind+" of the half chosen on, on the other half", estimate{mean: mean(beside[kind]), Interval: noInterval})
	}
	for _, name := range fittedNumbers {
		p.out.figure("τ-b of "+name+", fitted on one half, on the other half", estimate{mean: mean(fitted[name]), Interval: noInterval})
	}
	p.chosen = fmt.Sprintf("Chosen from scratch on one half of the networks, a composite has τ-b %s there and %s on the other half: a change of %s (deviation %s). On the other half it is better than the best baseline of the first half in %d of %d halves, and than the best count in %d.",
		plainly(mean(chosen)), plainly(mean(other)), plainly(mean(loss)), plainly(deviation(loss)), ahead[baselineKind], len(halves), ahead[countKind])
	return nil
}

// unionOf lists the terms that any of the halves has chosen.
func unionOf(halves []chosenHalf) (names []string) {
	for _, h := range halves {
		names = append(names, h.terms...)
	}
	return unique(names)
}

// seedsTogether shows the mean of the ranks over seeds beside one seed.
func (p *rankingPage) seedsTogether() error {
	if p.Seeds < 2 {
		return nil
	}
	var runs []indicator.ScoreSet
	for _, scores := range p.fair {
		runs = append(runs, indicator.SetOf(scores))
	}
	together, err := indicator.MeanRanks(runs)
	if err != nil {
		return err
	}
	t := p.out.table("seeds", "score", "kind", "between_seeds", "between_low", "between_high", "tau_b_one_seed", "tau_b_all_seeds", "low", "high", "difference", "difference_low", "difference_high")
	shown := &report.Table{Head: []report.Header{{Text: "score", Left: true}, {Text: "between seeds"}, {Text: "one seed"}, {Text: "mean of ranks"}, {Text: "difference"}}}
	for _, s := range p.sorted() {
		if s.placement != supernet.Fair {
			continue
		}
		values, err := fused(s.of, [][]indicator.Scores{together.List()})
		if err != nil {
			return err
		}
		between, one, all := p.meanTau(pairsOf(s.values)), p.taus[s.name], p.byTruth(values)
		gain := p.difference(values, s.values)
		t.Add(s.name, s.kind, between.mean, between.Low, between.High, one.mean, all.mean, all.Low, all.High, gain.mean, gain.Low, gain.High)
		if s.kind == composedKind || s.kind == publishedKind || slices.Contains(p.composite.Terms, s.name) {
			shown.Rows = append(shown.Rows, report.Row{Cells: []report.Cell{
				{Text: s.name, Class: "left"}, {Text: tauText(between)}, {Text: plainly(one.mean)}, {Text: tauText(all)}, {Text: signedText(gain)},
			}})
		}
		if s.name == p.ours().name {
			p.out.figure(fmt.Sprintf("τ-b of %s, mean of the ranks of %d seeds", s.name, p.Seeds), all)
			p.out.figure("difference: mean of ranks − one seed", gain)
		}
	}
	p.out.add(section{ID: "seeds", Title: "Several seeds together", Groups: []report.Group{{Table: shown}},
		Lead: "τ-b between two seeds, and with the true accuracy: of one seed (the mean over seeds) and of the mean of the ranks over all seeds. A composite is made of the mean ranks of its terms. All scores are in seeds.csv."})
	return nil
}

// correlation shows how much the terms say the same.
func (p *rankingPage) correlation() {
	t := p.out.table("correlation", "score", "with", "tau_b", "least", "greatest")
	var names []string
	var columns [][]float64
	for i, s := range p.scores {
		if len(s.of.Terms) > 1 || s.placement != supernet.Fair {
			continue
		}
		if slices.Contains(p.composite.Terms, s.name) {
			names, columns = append(names, s.name), append(columns, s.values[0])
		}
		for _, other := range p.scores[:i] {
			if len(other.of.Terms) > 1 || other.placement != supernet.Fair {
				continue
			}
			var taus []float64
			for seed := range s.values {
				taus = append(taus, rank.KendallTauB(other.values[seed], s.values[seed]))
			}
			e := estimateOf(taus)
			t.Add(other.name, s.name, e.mean, e.least, e.greatest)
		}
	}
	m := report.NewMatrix(append(names, withTruth), append(columns, p.truth))
	p.out.add(section{ID: "correlation", Title: "How much the terms say the same", Groups: []report.Group{
		{Class: "matrix", Figures: []report.Figure{report.Agreement(m)}},
		{Class: report.WideFigures, Lead: "Each dot is a network.", Figures: []report.Figure{report.Scatter(p.ours().name, "true accuracy, %", p.truth, p.ours().values[0])}},
	}, Lead: fmt.Sprintf("Seed %d: the terms of the composite and the true accuracy. All terms, over all seeds, are in correlation.csv.", p.seeds()[0])})
}

// says words the result.
func (p *rankingPage) says() {
	ours := p.ours().name
	figures := p.out.Figures
	p.out.Figures = nil
	p.out.figure("τ-b of "+ours, p.taus[ours])
	text := fmt.Sprintf("%s has τ-b %s with the true accuracy. ", ours, tauText(p.taus[ours]))
	var words []string
	compare := func(what string, s rankedScore) {
		p.out.figure("τ-b of "+s.name, p.taus[s.name])
		p.out.figure("difference: "+ours+" − "+s.name, p.less[s.name])
		words = append(words, fmt.Sprintf("over %s (%s) %s, %s", what, s.name, signedText(p.less[s.name]), decided(p.less[s.name])))
	}
	for _, of := range []struct {
		what  string
		kinds []string
	}{
		{"the best term", []string{termKind}}, {"the best count", []string{countKind}}, {"the best published indicator", []string{baselineKind}},
		{"the best published composite", []string{publishedKind}},
	} {
		if s, ok := p.best(of.kinds...); ok {
			compare(of.what, s)
		}
	}
	older := gammaSum + ", standard"
	if i := slices.IndexFunc(p.scores, func(s rankedScore) bool { return s.name == older }); i > 0 && !math.IsNaN(p.taus[older].mean) {
		compare("the older BatchNorm indicator", p.scores[i])
	}
	p.out.figure("τ-b of "+ours+", standard", p.taus[ours+", standard"])
	p.out.Figures = append(p.out.Figures, figures...)
	p.out.Says = text + "Its lead: " + strings.Join(words, "; ") + ". " + p.chosen
}

// decided says whether the interval of a difference is above 0.
func decided(e estimate) string {
	switch {
	case math.IsNaN(e.Low):
		return undefinedWords
	case e.Low > 0:
		return "better here"
	case e.High < 0:
		return "worse here, against the claim"
	}
	return "not decided, the interval holds 0"
}

func (p *rankingPage) limits() {
	p.out.Limits = []string{
		fmt.Sprintf("Other spaces and data: this is %s with the accuracies of %s. Each space with a table of accuracies is a run of its own, into its own folder; figures of different sets of networks are not comparable.", p.net.Space, p.Truth.Name),
		"The intervals are over networks alone. The least and the greatest value over seeds are in tau.csv. The best of a kind was found on the same networks, which flatters it.",
		"The choice is judged within this space. What a choice on one space is worth in another one, bnas correlate --select-with shows.",
		"The published indicators at their best: all have the images of the scores, one draw of the weights a seed, and the initialisation of the supernet.",
	}
	if p.composite.Name == "bnas" {
		p.out.Limits = append(p.out.Limits, "Networks that bnas was not chosen on: its terms were chosen by tables of NAS-Bench-201, NAS-Bench-Macro and NAS-Bench-101, and some of these networks may be among theirs. The choice from scratch is the figure without that.")
	}
	if p.Quick {
		p.out.Limits = append(p.out.Limits, fmt.Sprintf("The quick form has smaller supernets, short training and few networks; its figures are not those of the full form. It leaves out %s, which take longest, and the published composites of them.", listed(p.leftOut)))
	}
}
