package search

import (
	"context"
	"fmt"
	"slices"

	"bnas.example/indicator"
	"bnas.example/philox"
	"bnas.example/supernet"
)

// Objective is what is maximised. Of must be absolute: a function of the scores alone, whatever else is compared. NaN
// says that a term is missing.
type Objective struct {
	Name  string
	Terms []string
	Of    func(indicator.Scores) float64
	// Among, if not nil, orders architectures that Of holds equal, within everything that was scored; higher is better.
	// Calibrated quantiles end at the sample's best: whatever lies beyond in every term is equal to Of.
	Among func([]indicator.Scores) ([]float64, error)
}

// Fused is the objective of a composite: the sum of the log-quantiles of its terms (indicator.Composite.Fuse), equals ordered
// by the sum of their log-ranks among all that was scored (indicator.Composite.LogRank). A composite
// of one term is that term itself, or against it its negative, so that its scale has no end.
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
	return Objective{c.Name, c.Terms, func(s indicator.Scores) float64 { return c.Fuse(calibration, s) }, c.LogRank}, nil
}

// Sample scores n random architectures, the i-th a function of the seed and i: what a calibration is made of. They are
// drawn uniformly from all architectures, whatever limits a search has. report, if not nil, is called after each.
func Sample(ctx context.Context, space supernet.Space, e Evaluator, n int, seed uint64, report func(done, total int)) ([]indicator.Scores, error) {
	sample := make([]indicator.Scores, 0, n)
	for i := range n {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("%w while calibrating: %w", ErrInterrupted, err)
		}
		a := supernet.Random(space, philox.New(seed, "search calibration", uint64(i)))
		s, err := e.Score(a)
		if err != nil {
			return nil, fmt.Errorf("search: calibration: %s: %w", space.Format(a), err)
		}
		sample = append(sample, s)
		if report != nil {
			report(i+1, n)
		}
	}
	return sample, nil
}
