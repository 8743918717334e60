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
// scores without a row in the table. found is in the memory of scores, which must not be used again.
func Join(scores []Scores, table *Truth) (found []Scores, accuracy []float64, missing int) {
	found = scores[:0]
	for _, s := range scores {
		if v, ok := table.Of(s.Arch, s.Canonical); ok {
			found, accuracy = append(found, s), append(accuracy, v)
		} else {
			missing++
		}
	}
	return found, accuracy, missing
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
func (s Subset) Of(scores []Scores, accuracy []float64) ([]Scores, []float64, error) {
	switch s {
	case All:
		return scores, accuracy, nil
	case Live, Distinct:
	default:
		return nil, nil, fmt.Errorf("indicator: no subset %q; there are %q", s, Subsets())
	}
	var kept []Scores
	var truth, count []float64
	at := map[string]int{}
	for i, v := range scores {
		if v.Dead {
			continue
		}
		if s == Distinct {
			if k, ok := at[v.Canonical]; ok {
				count[k]++
				truth[k] += (accuracy[i] - truth[k]) / count[k]
				continue
			}
			at[v.Canonical] = len(kept)
		}
		kept, truth, count = append(kept, v), append(truth, accuracy[i]), append(count, 1)
	}
	return kept, truth, nil
}

// Correlation holds the agreement of a score with the true accuracies. Where all scores or all accuracies are equal, Tau, Rho
// and the interval are NaN, undefined; JSON has null.
type Correlation struct {
	Name     string        `json:"name"`
	N        int           `json:"n"`
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
}

// resample is the source of one bootstrap resample: every score sees the same ones.
func (j Judging) resample(i int) rank.Source { return philox.New(j.Seed, "bootstrap", uint64(i)) }

// Judge returns the agreement of a score with the truth, element by element.
func (j Judging) Judge(name string, score, truth []float64) Correlation {
	c := Correlation{
		Name: name, N: len(score), Tau: rank.KendallTauB(score, truth), Rho: rank.Spearman(score, truth),
		Interval: rank.KendallInterval(score, truth, j.Resamples, .95, j.resample),
	}
	for _, k := range j.Top {
		c.Top = append(c.Top, rank.TopK(score, truth, k))
	}
	return c
}

// Terms judges each term that all of scores have, in the order of TermNames.
func (j Judging) Terms(scores []Scores, truth []float64) []Correlation {
	var all []Correlation
	column := make([]float64, len(scores))
	for t, term := range terms {
		for i, s := range scores {
			column[i] = s.Values[t]
		}
		if !slices.ContainsFunc(column, math.IsNaN) && len(scores) > 0 {
			all = append(all, j.Judge(term.Name, column, truth))
		}
	}
	return all
}

// Proxies judges the table's columns of the user's own, by name. Architectures without a value are left out: see
// Correlation.N.
func (j Judging) Proxies(table *Truth, scores []Scores, truth []float64) []Correlation {
	var all []Correlation
	for _, name := range slices.Sorted(maps.Keys(table.Proxies)) {
		var proxy, accuracy []float64
		for i, s := range scores {
			if v := table.Proxy(name, s.Arch, s.Canonical); !math.IsNaN(v) {
				proxy, accuracy = append(proxy, v), append(accuracy, truth[i])
			}
		}
		all = append(all, j.Judge(name, proxy, accuracy))
	}
	return all
}

// Composites judges each composite, fused by [Composite.Fuse]. It is an error if the calibration does not cover one.
func (j Judging) Composites(calibration *Calibration, composites []Composite, scores []Scores, truth []float64) ([]Correlation, error) {
	var all []Correlation
	for _, c := range composites {
		fused, err := c.fuseAll(calibration, scores)
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
func (j Judging) Differences(calibration *Calibration, composites []Composite, scores []Scores, truth []float64) ([]Difference, error) {
	var first []float64
	var all []Difference
	for i, c := range composites {
		fused, err := c.fuseAll(calibration, scores)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			first = fused
			continue
		}
		d := Difference{Name: c.Name, From: composites[0].Name}
		d.Tau, d.Interval = rank.KendallDifference(fused, first, truth, j.Resamples, .95, j.resample)
		all = append(all, d)
	}
	return all, nil
}

// fuseAll fuses each of scores.
func (c Composite) fuseAll(calibration *Calibration, scores []Scores) ([]float64, error) {
	if err := calibration.Covers(c); err != nil {
		return nil, err
	}
	fused := make([]float64, len(scores))
	for i, s := range scores {
		if fused[i] = c.Fuse(calibration, s); math.IsNaN(fused[i]) {
			return nil, fmt.Errorf("indicator: %s was scored without a term of %s", s.Arch, c.Name)
		}
	}
	return fused, nil
}
