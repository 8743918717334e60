package study

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"bnas.example/indicator"
	"bnas.example/rank"
	"bnas.example/supernet"
)

const (
	shareResamples = 200 // of a figure of the best of a ranking
	tauResamples   = 500
	caps           = 5 // limits of MACs
)

// gammaMean is the score of BN-NAS divided by the number of BatchNorms that it sums over.
const gammaMean = "gamma_mean"

// fairnessData is what the tables and the page are made of.
type fairnessData struct {
	*Results
	kinds     []placed
	results   map[string]trainedFairly // by cell
	space     supernet.Space
	net       supernet.Config
	choices   choices
	archs     []string
	macs      []float64
	truth     []float64              // nil: no table; NaN: not in the table
	carriers  []string               // operators with a BatchNorm in the standard placement
	learnable []float64              // of each network in the standard placement, in its operators
	scores    []string               // their names, in the order of the page
	values    map[string][][]float64 // by kind and score, for each seed: of each network
	best      []int                  // sizes of "the best"
}

// key names a score of a kind of cells.
func key(kind, score string) string { return kind + " " + score }

func (d *fairnessData) cell(kind string, seed int) string {
	return fmt.Sprintf("%s-%d", kind, d.seeds()[seed])
}

func readFairness(r *Results) (*fairnessData, error) {
	d := &fairnessData{Results: r, results: map[string]trainedFairly{}, values: map[string][][]float64{}}
	var err error
	if d.kinds, err = kinds(r.Run.Supernet); err != nil {
		return nil, err
	}
	for _, c := range r.Cells {
		if d.results[c.Name], err = Result[trainedFairly](r, c.Name); err != nil {
			return nil, err
		}
	}
	first := d.results[d.cell("standard", 0)]
	d.net, d.archs = first.Net, first.Networks
	if d.space, err = d.net.Lookup(); err != nil {
		return nil, err
	}
	if err := d.readNetworks(first.Operators); err != nil {
		return nil, err
	}
	composite, err := indicator.LookupComposite(r.Run.Objective.Composite)
	if err != nil {
		return nil, err
	}
	if len(composite.Terms) > 1 {
		d.scores = []string{compositeScore(composite)}
	}
	d.scores = append([]string{gammaSum, gammaMean}, append(d.scores, composite.Terms...)...)
	for _, kind := range d.kinds {
		for seed := range d.Seeds {
			if err := d.readValues(kind.name, seed, composite); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

func compositeScore(c indicator.Composite) string { return "composite " + c.Name }

// readNetworks finds what does not depend on the scores: operators, costs, accuracies.
func (d *fairnessData) readNetworks(standard []operatorNorms) error {
	var archs []supernet.Arch
	for _, text := range d.archs {
		a, err := d.space.Parse(text)
		if err != nil {
			return err
		}
		archs = append(archs, a)
		d.macs = append(d.macs, float64(d.space.Cost(a, d.net).MACs))
		if d.Truth != nil {
			accuracy, ok := d.Truth.Of(text, d.space.Canonical(a))
			if !ok {
				accuracy = math.NaN()
			}
			d.truth = append(d.truth, accuracy)
		}
	}
	if missing := countNaN(d.truth); missing > 0 {
		return fmt.Errorf("%d of the %d networks are not in the table %s: give one of the whole space", missing, len(archs), d.Truth.Name)
	}
	d.choices = newChoices(d.space, archs)
	for _, o := range standard {
		if o.Norms > 0 {
			d.carriers = append(d.carriers, o.Operator)
		}
	}
	for i := range archs {
		n := 0.0
		for o, count := range d.choices.counts[i] {
			n += count * standard[o].Learnable
		}
		d.learnable = append(d.learnable, n)
	}
	n := len(archs)
	small := min(n, max(10, n/100))
	if d.best = []int{small}; n/5 > small {
		d.best = append(d.best, n/5)
	}
	return nil
}

func countNaN(values []float64) (n int) {
	for _, v := range values {
		if math.IsNaN(v) {
			n++
		}
	}
	return n
}

// readValues reads the scores of a cell.
func (d *fairnessData) readValues(kind string, seed int, composite indicator.Composite) error {
	name := d.cell(kind, seed)
	scores, err := readScores(filepath.Join(d.Dir(name), runName), d.archs)
	if err != nil {
		return err
	}
	add := func(score string, values []float64) {
		d.values[key(kind, score)] = append(d.values[key(kind, score)], values)
	}
	if len(composite.Terms) > 1 {
		fused, err := composite.LogRank(scores)
		if err != nil {
			return err
		}
		add(compositeScore(composite), fused)
	}
	for _, term := range append([]string{gammaSum}, composite.Terms...) {
		values := make([]float64, len(scores))
		for i, s := range scores {
			if values[i], err = s.Term(term); err != nil {
				return err
			}
		}
		add(term, values)
		if term == gammaSum {
			add(gammaMean, d.perNorm(values, d.results[name].Operators))
		}
	}
	return nil
}

// perNorm divides the γ-sum of each network by the number of operators that it sums over. A network without any is last.
func (d *fairnessData) perNorm(sums []float64, operators []operatorNorms) []float64 {
	means := make([]float64, len(sums))
	for i, v := range sums {
		n := 0.0
		for o, count := range d.choices.counts[i] {
			if operators[o].Norms > 0 {
				n += count
			}
		}
		if means[i] = v / n; n == 0 {
			means[i] = math.Inf(-1)
		}
	}
	return means
}

// estimate is a figure over the seeds: its mean, its interval over networks, and its least and greatest value over seeds.
type estimate struct {
	mean float64
	rank.Interval
	least, greatest float64
}

// overSeeds estimates the mean over seeds of a figure of the rankings by a score. of gets the ranking and, in a resample, how often each
// network is there.
func (d *fairnessData) overSeeds(rankings [][]int, of func(ranking, times []int) float64) estimate {
	var values []float64
	for _, ranking := range rankings {
		values = append(values, of(ranking, nil))
	}
	e := estimate{mean: mean(values), least: slices.Min(values), greatest: slices.Max(values)}
	e.Interval = d.interval(len(d.archs), shareResamples, func(indices []int) float64 {
		times, sum := multiplicity(indices, len(d.archs)), 0.0
		for _, ranking := range rankings {
			sum += of(ranking, times)
		}
		return sum / float64(len(rankings))
	})
	return e
}

func mean(values []float64) (sum float64) {
	for _, v := range values {
		sum += v / float64(len(values))
	}
	return sum
}

// rankings returns the ranking by a score in each seed.
func (d *fairnessData) rankings(kind, score string) (all [][]int) {
	for _, values := range d.values[key(kind, score)] {
		all = append(all, ranked(values))
	}
	return all
}

// carried is the share of the operators with a BatchNorm in the standard placement among the best k.
func (d *fairnessData) carried(kind, score string, k int) estimate {
	return d.overSeeds(d.rankings(kind, score), func(ranking, times []int) float64 {
		return d.choices.sumOver(d.choices.shares(ranking, times, k), d.carriers)
	})
}

// distance is the total-variation distance of the operators of the best k by a score to those of all networks or, with true, of the best
// k by the table.
func (d *fairnessData) distance(kind, score string, k int, toBest bool) estimate {
	reference, size := ranked(make([]float64, len(d.archs))), len(d.archs)
	if toBest {
		reference, size = ranked(d.truth), k
	}
	return d.overSeeds(d.rankings(kind, score), func(ranking, times []int) float64 {
		return totalVariation(d.choices.shares(ranking, times, k), d.choices.shares(reference, times, size))
	})
}

// tau is the rank correlation of a score with other values of the networks: its mean over seeds.
func (d *fairnessData) tau(kind, score string, with []float64) estimate {
	of := d.values[key(kind, score)]
	var values []float64
	for _, v := range of {
		values = append(values, rank.KendallTauB(v, with))
	}
	e := estimate{mean: mean(values), least: slices.Min(values), greatest: slices.Max(values)}
	x, y := make([]float64, len(with)), make([]float64, len(with))
	e.Interval = d.interval(len(with), tauResamples, func(indices []int) float64 {
		sum := 0.0
		for _, v := range of {
			for k, i := range indices {
				x[k], y[k] = v[i], with[i]
			}
			sum += rank.KendallTauB(x, y)
		}
		return sum / float64(len(of))
	})
	return e
}

// limits returns the limits of MACs: each lets the same number of networks more pass.
func (d *fairnessData) limits() []float64 {
	sorted := slices.Sorted(slices.Values(d.macs))
	all := make([]float64, caps)
	for i := range all {
		all[i] = sorted[(i+1)*len(sorted)/caps-1]
	}
	return all
}

// within keeps the networks of a ranking within a limit of MACs.
func (d *fairnessData) within(ranking []int, limit float64) []int {
	return slices.DeleteFunc(slices.Clone(ranking), func(i int) bool { return d.macs[i] > limit })
}
