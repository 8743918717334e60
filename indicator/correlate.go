package indicator

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"bnas.example/philox"
	"bnas.example/rank"
)

// Join pairs scores with a table's accuracies by the architecture's text, in the order of scores. missing is the number of
// scores without a row in the table.
func Join(scores ScoreSet, table *Truth) (found ScoreSet, accuracy []float64, missing int) {
	var in []int
	for i := range scores.Len() {
		if v, ok := table.Of(scores.Arch(i), scores.Canonical(i)); ok {
			in, accuracy = append(in, i), append(accuracy, v)
		}
	}
	return scores.pick(in), accuracy, scores.Len() - len(in)
}

// Subset names the architectures over which a correlation is taken. Figures of different subsets are not comparable.
type Subset string

const (
	All      Subset = "all"
	Live     Subset = "live"     // with a path from input to output
	Distinct Subset = "distinct" // live, and one of those that are the same network, with their mean accuracy
)

// Subsets returns all subsets.
func Subsets() []Subset { return []Subset{All, Live, Distinct} }

// Of returns the subset's architectures and their accuracies. Distinct keeps the first of the architectures that are the
// same network, with their mean accuracy.
func (s Subset) Of(scores ScoreSet, accuracy []float64) (ScoreSet, []float64, error) {
	switch s {
	case All:
		return scores, accuracy, nil
	case Live, Distinct:
	default:
		return ScoreSet{}, nil, fmt.Errorf("indicator: no subset %q; there are %q", s, Subsets())
	}
	var kept []int
	var truth, count []float64
	var seen rowsByText // by canonical form: the place in kept
	for i := range scores.Len() {
		if scores.Dead(i) {
			continue
		}
		if s == Distinct {
			if k, ok := seen.row(scores.network(i)); ok {
				count[k]++
				truth[k] += (accuracy[i] - truth[k]) / count[k]
				continue
			}
			seen.put(scores.network(i), len(kept))
		}
		kept, truth, count = append(kept, i), append(truth, accuracy[i]), append(count, 1)
	}
	return scores.pick(kept), truth, nil
}

// Correlation holds the agreement of a score with the true accuracies. Where all scores or all accuracies are equal, Tau, Rho
// and the interval are NaN, undefined; JSON has null.
type Correlation struct {
	Name     string        `json:"name"`
	N        int           `json:"n"`
	Equal    int           `json:"equal"` // of the N, those with the most frequent value
	Tau      float64       `json:"tau_b"`
	Interval rank.Interval `json:"tau_b_interval"` // 95 %
	Rho      float64       `json:"spearman"`
	Top      []rank.Top    `json:"top"`
}

// MarshalJSON writes null for what is undefined.
func (c Correlation) MarshalJSON() ([]byte, error) {
	type plain Correlation
	type interval struct {
		Low  *float64 `json:"low"`
		High *float64 `json:"high"`
	}
	return json.Marshal(struct {
		plain
		Tau      *float64 `json:"tau_b"`
		Interval interval `json:"tau_b_interval"`
		Rho      *float64 `json:"spearman"`
	}{plain(c), defined(c.Tau), interval{defined(c.Interval.Low), defined(c.Interval.High)}, defined(c.Rho)})
}

func defined(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	return &v
}

// Judging holds the settings of a correlation.
type Judging struct {
	Resamples int    // of the bootstrap
	Seed      uint64 // of the bootstrap
	Top       []int  // sizes for TopK
	// Begin is told the name of each score before it is judged, for the bootstrap of a large table takes long. It may be nil.
	Begin func(name string)
}

func (j Judging) begin(name string) {
	if j.Begin != nil {
		j.Begin(name)
	}
}

// resample is the source of one bootstrap resample: every score sees the same ones.
func (j Judging) resample(i int) rank.Source { return philox.New(j.Seed, "bootstrap", uint64(i)) }

// Judge returns the agreement of a score with the truth, element by element.
func (j Judging) Judge(name string, score, truth []float64) Correlation {
	j.begin(name)
	c := Correlation{
		Name: name, N: len(score), Equal: mostEqual(score), Tau: rank.KendallTauB(score, truth), Rho: rank.Spearman(score, truth),
		Interval: rank.KendallInterval(score, truth, j.Resamples, .95, j.resample),
	}
	for _, k := range j.Top {
		c.Top = append(c.Top, rank.TopK(score, truth, k))
	}
	return c
}

// mostEqual returns how often the most frequent value is there.
func mostEqual(values []float64) (most int) {
	sorted, equal := slices.Sorted(slices.Values(values)), 0
	for i, v := range sorted {
		if i > 0 && v != sorted[i-1] {
			equal = 0
		}
		equal++
		most = max(most, equal)
	}
	return most
}

// Terms judges each term that all of scores have, in the order of TermNames.
func (j Judging) Terms(scores ScoreSet, truth []float64) []Correlation {
	var all []Correlation
	var column []float64
	for t, term := range terms {
		column = scores.column(t, column)
		if !slices.ContainsFunc(column, math.IsNaN) && len(column) > 0 {
			all = append(all, j.Judge(term.Name, column, truth))
		}
	}
	return all
}

// Partial is a term that only some architectures have. It is not judged.
type Partial struct {
	Name string `json:"name"`
	N    int    `json:"n"`  // architectures that have it
	Of   int    `json:"of"` // live architectures
	// Scores are those of several that lack it; "": there are no others.
	Scores string `json:"scores,omitempty"`
}

// Partials returns the terms that some live architectures have and others lack, in the order of TermNames.
func Partials(scores ScoreSet) []Partial {
	var all []Partial
	for t, term := range terms {
		p := Partial{Name: term.Name}
		for i := range scores.Len() {
			if scores.Dead(i) {
				continue
			}
			p.Of++
			if !math.IsNaN(scores.value(i, t)) {
				p.N++
			}
		}
		if 0 < p.N && p.N < p.Of {
			all = append(all, p)
		}
	}
	return all
}

// Proxies judges the table's columns of the user's own, by name. Architectures without a value are left out: see
// Correlation.N. A column without any value is left out.
func (j Judging) Proxies(table *Truth, scores ScoreSet, truth []float64) []Correlation {
	var all []Correlation
	for _, name := range slices.Sorted(maps.Keys(table.Proxies)) {
		var proxy, accuracy []float64
		for i := range scores.Len() {
			if v := table.Proxy(name, scores.Arch(i), scores.Canonical(i)); !math.IsNaN(v) {
				proxy, accuracy = append(proxy, v), append(accuracy, truth[i])
			}
		}
		if len(proxy) > 0 {
			all = append(all, j.Judge(name, proxy, accuracy))
		}
	}
	return all
}

// Composites judges each composite, fused by [Composite.Fuse] with these scores as its calibration. It is an error if they do not cover
// one.
func (j Judging) Composites(composites []Composite, scores ScoreSet, truth []float64) ([]Correlation, error) {
	var all []Correlation
	for _, c := range composites {
		fused, err := c.fuseAll(scores, scores)
		if err != nil {
			return nil, err
		}
		all = append(all, j.Judge(c.Name, fused, truth))
	}
	return all, nil
}

// Difference is τ-b of a composite less τ-b of another one over the same architectures.
type Difference struct {
	Name     string        `json:"name"`
	From     string        `json:"from"` // the other one
	Tau      float64       `json:"tau_b_difference"`
	Interval rank.Interval `json:"interval"` // 95 %, of the pairs: both see the same resamples
}

// MarshalJSON writes null for what is undefined.
func (d Difference) MarshalJSON() ([]byte, error) {
	type plain Difference
	return json.Marshal(struct {
		plain
		Tau      *float64            `json:"tau_b_difference"`
		Interval map[string]*float64 `json:"interval"`
	}{plain(d), defined(d.Tau), map[string]*float64{"low": defined(d.Interval.Low), "high": defined(d.Interval.High)}})
}

// Differences compares each of the composites but the first with the first.
func (j Judging) Differences(composites []Composite, scores ScoreSet, truth []float64) ([]Difference, error) {
	var first []float64
	var all []Difference
	for i, c := range composites {
		fused, err := c.fuseAll(scores, scores)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			first = fused
			continue
		}
		j.begin(c.Name + " less " + composites[0].Name)
		d := Difference{Name: c.Name, From: composites[0].Name}
		d.Tau, d.Interval = rank.KendallDifference(fused, first, truth, j.Resamples, .95, j.resample)
		all = append(all, d)
	}
	return all, nil
}

// fuseAll is [Composite.Fuse] of each of scores, with a set as the calibration. It sorts one term at a time.
func (c Composite) fuseAll(calibration, scores ScoreSet) ([]float64, error) {
	if err := calibration.Covers(c); err != nil {
		return nil, err
	}
	fused := make([]float64, scores.Len())
	for _, name := range c.Terms {
		t, err := termIndex(name)
		if err != nil {
			return nil, err
		}
		for i, v := range scores.weighed(t, calibration, c) {
			fused[i] += v
		}
	}
	live := calibration.live()
	for i := range fused {
		if fused[i] = c.settle(fused[i], live+1); scores.Dead(i) {
			fused[i] = math.Inf(-1)
		} else if math.IsNaN(fused[i]) {
			return nil, fmt.Errorf("indicator: %s was scored without a term of %s", scores.Arch(i), c.Name)
		}
	}
	return fused, nil
}
