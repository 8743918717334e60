package search

import (
	"errors"
	"fmt"

	"bnas.example/indicator"
	"bnas.example/supernet"
)

// Averaged is an Evaluator over several supernets of one space, such as those of other seeds: a term is the mean over them of its
// quantile in a sample of random architectures ([indicator.MeanQuantiles]).
type Averaged struct {
	space        supernet.Space
	runs         []Evaluator
	calibrations []*indicator.Calibration
}

// NewAveraged returns the average of the evaluators of several supernets. samples has the scores of the same random architectures by
// each of them. fused are their averages.
func NewAveraged(space supernet.Space, runs []Evaluator, samples [][]indicator.Scores) (_ *Averaged, fused []indicator.Scores, err error) {
	v := &Averaged{space: space, runs: runs}
	for _, sample := range samples {
		c, err := indicator.NewCalibration(sample)
		if err != nil {
			return nil, nil, err
		}
		v.calibrations = append(v.calibrations, c)
	}
	for k := range samples[0] {
		one := make([]indicator.Scores, len(samples))
		for i, sample := range samples {
			one[i] = sample[k]
		}
		fused = append(fused, indicator.MeanQuantiles(v.calibrations, one))
	}
	return v, fused, nil
}

// Objective returns the objective of a composite over the averages, which is calibrated by those of the sample. Architectures of equal
// scores are ordered by the sum over the supernets of their ranks ([indicator.Composite.RanksAmong]) among all that were scored.
func (v *Averaged) Objective(c indicator.Composite, sample []indicator.Scores) (Objective, error) {
	calibration, err := indicator.NewCalibration(sample)
	if err == nil {
		err = calibration.Covers(c)
	}
	if err != nil {
		return Objective{}, err
	}
	of := func(s indicator.Scores) float64 { return c.Fuse(calibration, s) }
	among := func(n int, at func(int) (indicator.Scores, error), of []int32) ([]float64, error) {
		sum := make([]float64, len(of))
		for _, run := range v.runs {
			ranks, err := c.RanksAmong(n, v.by(run, at), of)
			if err != nil {
				return nil, err
			}
			for k, r := range ranks {
				sum[k] += r
			}
		}
		return sum, nil
	}
	return Objective{c.Name, c.Terms, of, among}, nil
}

// by returns the scores of one supernet for the architectures of at.
func (v *Averaged) by(run Evaluator, at func(int) (indicator.Scores, error)) func(int) (indicator.Scores, error) {
	return func(i int) (indicator.Scores, error) {
		s, err := at(i)
		if err != nil {
			return s, err
		}
		a, err := v.space.Parse(s.Arch)
		if err != nil {
			return s, err
		}
		return run.Score(a)
	}
}

// Score returns the averages of an architecture.
func (v *Averaged) Score(a supernet.Arch) (indicator.Scores, error) {
	s, _, err := v.score(a)
	return s, err
}

// score is Score. known says that the scores of all supernets are from their ledgers.
func (v *Averaged) score(a supernet.Arch) (s indicator.Scores, known bool, err error) {
	known = true
	each := make([]indicator.Scores, len(v.runs))
	for i, run := range v.runs {
		was := false
		if r, ok := run.(recorded); ok {
			each[i], was, err = r.score(a)
		} else {
			each[i], err = run.Score(a)
		}
		if err != nil {
			return s, false, fmt.Errorf("supernet %d: %w", i+1, err)
		}
		known = known && was
	}
	return v.Fuse(each), known, nil
}

// Fuse returns the averages of an architecture, given its scores by each supernet.
func (v *Averaged) Fuse(each []indicator.Scores) indicator.Scores {
	return indicator.MeanQuantiles(v.calibrations, each)
}

// Flush syncs the ledgers.
func (v *Averaged) Flush() error {
	var errs []error
	for _, run := range v.runs {
		if f, ok := run.(interface{ Flush() error }); ok {
			errs = append(errs, f.Flush())
		}
	}
	return errors.Join(errs...)
}
