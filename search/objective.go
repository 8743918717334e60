package search

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"bnas.example/indicator"
	"bnas.example/philox"
	"bnas.example/supernet"
)

// Objective is the function to maximise. Of depends on the scores of one architecture alone; it returns NaN if a term is
// missing.
type Objective struct {
	Name  string
	Terms []string
	Of    func(indicator.Scores) float64
	// Among, if not nil, orders architectures with equal Of among all n that were scored; higher is better. at returns the scores
	// of one of all, and of lists those that are to be ordered. Calibrated quantiles saturate: all architectures beyond the
	// sample's best in every term have the same Of.
	Among func(n int, at func(i int) (indicator.Scores, error), of []int32) ([]float64, error)
}

// Fused returns the objective of a composite: what it adds of the quantiles of its terms ([indicator.Composite.Fuse]). Equal
// scores are ordered by their ranks among all that were scored ([indicator.Composite.RanksAmong]). For a composite
// of one term the objective is the term itself, negated if the term is in Against; it does not saturate.
func Fused(c indicator.Composite, calibration *indicator.Calibration) (Objective, error) {
	if err := c.Validate(); err != nil {
		return Objective{}, err
	}
	if len(c.Terms) == 1 {
		index := slices.Index(indicator.TermNames(), c.Terms[0])
		sign := 1.0
		if len(c.Against) > 0 {
			sign = -1
		}
		return Objective{Name: c.Name, Terms: c.Terms, Of: func(s indicator.Scores) float64 { return sign * s.Values[index] }}, nil
	}
	if calibration == nil {
		return Objective{}, fmt.Errorf("search: composite %s needs a calibration", c.Name)
	}
	if err := calibration.Covers(c); err != nil {
		return Objective{}, err
	}
	return Objective{c.Name, c.Terms, func(s indicator.Scores) float64 { return c.Fuse(calibration, s) }, c.RanksAmong}, nil
}

// Sample scores n random architectures for a calibration. Architecture i is a function of the seed and i. All architectures
// of the space are equally likely; the limits of a search do not apply. One that fails is left out. Sample calls report, if not nil,
// after each score.
func Sample(ctx context.Context, space supernet.Space, e Evaluator, n int, seed uint64, report func(done, total int)) ([]indicator.Scores, error) {
	sample := make([]indicator.Scores, 0, n)
	archs := supernet.NewList(space)
	for i := range n {
		archs.Append(supernet.Random(space, philox.New(seed, "search calibration", uint64(i))))
	}
	err := InOrder(ctx, e, n, archs.At, func(i int, s indicator.Scores) error {
		sample = append(sample, s)
		if report != nil {
			report(i+1, n)
		}
		return nil
	}, func(*FailedError) {})
	if stopped := ctx.Err(); stopped != nil && errors.Is(err, stopped) {
		return nil, &stopError{"while calibrating", err}
	}
	if err != nil {
		return nil, fmt.Errorf("search: calibration: %w", err)
	}
	return sample, nil
}
