package indicator

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
)

// Calibration holds the empirical distribution of every term over the live architectures of a fixed random sample.
type Calibration struct {
	sorted [][]float64 // for each term the sample's values, ascending; nil where the sample lacks the term
}

var errNoneLive = errors.New("indicator: calibration: no live architecture in the sample")

// NewCalibration sorts a sample's scores by term. It is an error if no architecture of the sample is live.
func NewCalibration(sample []Scores) (*Calibration, error) {
	c := &Calibration{sorted: make([][]float64, len(terms))}
	live := 0
	for _, s := range sample {
		if !s.Dead {
			live++
		}
	}
	for _, s := range sample {
		if s.Dead {
			continue
		}
		if len(s.Values) != len(terms) {
			return nil, fmt.Errorf("indicator: calibration: %s has %d terms instead of %d", s.Arch, len(s.Values), len(terms))
		}
		for i, v := range s.Values {
			if !math.IsNaN(v) {
				if c.sorted[i] == nil {
					c.sorted[i] = make([]float64, 0, live)
				}
				c.sorted[i] = append(c.sorted[i], v)
			}
		}
	}
	if live == 0 {
		return nil, errNoneLive
	}
	for i := range c.sorted {
		if len(c.sorted[i]) < live {
			c.sorted[i] = nil
		}
		slices.Sort(c.sorted[i])
	}
	return c, nil
}

// Covers returns an error if the sample lacks a term of the composite.
func (c *Calibration) Covers(composite Composite) error {
	return covers(composite, func(term int) bool { return c.sorted[term] != nil })
}

// Covers returns an error if a live architecture lacks a term of the composite, or if none is live: the set is no calibration for it.
func (s ScoreSet) Covers(composite Composite) error { return covers(composite, s.has) }

// SomeLive returns an error if no architecture is live: the set is no calibration.
func (s ScoreSet) SomeLive() error {
	if s.live() == 0 {
		return errNoneLive
	}
	return nil
}

// live counts the live architectures.
func (s ScoreSet) live() (n int) {
	for i := range s.Len() {
		if !s.Dead(i) {
			n++
		}
	}
	return n
}

func covers(composite Composite, has func(term int) bool) error {
	if err := composite.Validate(); err != nil {
		return err
	}
	for _, name := range composite.Terms {
		if i, _ := termIndex(name); !has(i) {
			return fmt.Errorf("indicator: calibration: the sample was scored without %s", name)
		}
	}
	return nil
}

func (c *Calibration) quantile(term int, v float64, against bool) float64 {
	return quantile(c.sorted[term], v, against)
}

// quantile returns (#{x < v} + #{x = v}/2 + 1/2) / (n+1) over a sample, ascending, in (0, 1). With against it is the quantile of −v
// in −x. It is NaN without a sample, and if v is.
func quantile(x []float64, v float64, against bool) float64 {
	if x == nil || math.IsNaN(v) {
		return math.NaN()
	}
	below := sort.SearchFloat64s(x, v)
	upTo := sort.Search(len(x), func(i int) bool { return x[i] > v })
	q := (float64(below+upTo)/2 + .5) / float64(len(x)+1)
	if against {
		q = 1 - q
	}
	return q
}
