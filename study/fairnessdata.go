package study

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"

	"bnas.example/indicator"
	"bnas.example/report"
	"bnas.example/supernet"
)

// caps is the number of limits of MACs.
const caps = 5

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
	if err := d.readNetworks(d.results[d.cell("standard", 0)]); err != nil {
		return nil, err
	}
	composite, err := indicator.LookupComposite(r.Run.Objective.Composite)
	if err != nil {
		return nil, err
	}
	d.scores = unique(slices.Concat([]string{gammaSum, gammaMean}, fusedName(composite), composite.Terms))
	for _, kind := range d.kinds {
		for seed := range d.Seeds {
			if err := d.readValues(kind.name, seed, composite); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

// readNetworks finds what does not depend on the scores: operators, costs, accuracies.
func (d *fairnessData) readNetworks(first trainedFairly) error {
	var archs []supernet.Arch
	var err error
	d.net, d.archs = first.Net, first.Networks
	if d.space, archs, err = networksOf(d.net, d.archs); err != nil {
		return err
	}
	if d.truth, err = d.Truth.accuracies(d.space, archs); err != nil {
		return err
	}
	for _, a := range archs {
		d.macs = append(d.macs, float64(d.space.Cost(a, d.net).MACs))
	}
	d.choices = newChoices(d.space, archs)
	fair := d.results[d.cell("fair", 0)].Operators
	for i, o := range first.Operators {
		if o.Norms > 0 && o.Norms >= fair[i].Norms { // a skip that changes the size has BatchNorm at some places
			d.carriers = append(d.carriers, o.Operator)
		}
	}
	for i := range archs {
		n := 0.0
		for o, count := range d.choices.counts[i] {
			n += count * first.Operators[o].Learnable
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

// readValues reads the scores of a cell.
func (d *fairnessData) readValues(kind string, seed int, composite indicator.Composite) error {
	name := d.cell(kind, seed)
	values, err := scoreValues(filepath.Join(d.Dir(name), runName), d.archs, fairnessTerms(composite), composite)
	if err != nil {
		return err
	}
	values[gammaMean] = d.perNorm(values[gammaSum], d.results[name].Operators)
	for score, v := range values {
		d.values[key(kind, score)] = append(d.values[key(kind, score)], v)
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

// overSeeds estimates the mean over seeds of a figure of the rankings by a score. of gets the ranking and, in a resample, how often each
// network is there.
func (d *fairnessData) overSeeds(rankings [][]int, of func(ranking, times []int) float64) estimate {
	var values []float64
	for _, ranking := range rankings {
		values = append(values, of(ranking, nil))
	}
	e := estimateOf(values)
	e.Interval = d.interval(len(d.archs), func(indices []int) float64 {
		times, sum := multiplicity(indices, len(d.archs)), 0.0
		for _, ranking := range rankings {
			sum += of(ranking, times)
		}
		return sum / float64(len(rankings))
	})
	return e
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
	return d.meanTau(against(d.values[key(kind, score)], with))
}

// limits returns the limits of MACs: each lets the same number of networks more pass, where no two have the same MACs.
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

// passing says which share of the networks passes each limit of MACs.
func (d *fairnessData) passing(limits []float64) (shares []string) {
	for _, limit := range limits {
		n := len(d.within(ranked(d.macs), limit))
		shares = append(shares, report.Percent(float64(n)/float64(len(d.macs))))
	}
	return shares
}
