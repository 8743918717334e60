package run

import (
	"cmp"
	"slices"

	"bnas.example/indicator"
	"bnas.example/report"
)

// perspectives says in words what the terms of a perspective look at.
var perspectives = []struct {
	of   indicator.Perspective
	name string
	asks string
}{
	{indicator.Expressivity, "expressivity", "How differently does the network see different images? Features that fill more directions, and rectifiers that switch differently, can tell more images apart."},
	{indicator.Trainability, "trainability", "How well can it be trained? Gradients should keep their length through each cell, and those of different images should differ, so that one can be learned without another."},
	{indicator.Uncertainty, "uncertainty", "How sure can it be? Statistics of a batch that hardly depend on which images are in it make little noise, and data that determine more of the parameters leave less open."},
	{indicator.Size, "cost", "How large is it? Nothing of its features is looked at: larger networks are more often better. What the score owes to this is no merit of the indicator."},
	{indicator.Baseline, "baselines", "Figures of other methods, for comparison."},
}

// These are the words for a network that a score puts higher than another, lower, or as high.
var (
	goodness = report.Comparison{Higher: "better than", Lower: "worse than", Same: "as good as"}
	size     = report.Comparison{Higher: "larger than", Lower: "smaller than", Same: "as large as"}
	thrift   = report.Comparison{Higher: "smaller than", Lower: "larger than", Same: "as large as"} // a cost that counts against a network
)

// addPerspectives adds where the found network stands in each perspective of the composite among the other live networks of the
// calibration, or, for a composite of one term, among the other scored ones. It adds nothing of a dead network.
func (r *Run) addPerspectives(d *report.Data, composite indicator.Composite, found *Found) error {
	best := found.Best[found.Answer].Scores
	if best.Dead {
		return nil
	}
	d.Others = "random networks"
	compared := others(each(live(found.Sample)), best)
	var calibration *indicator.Calibration
	if len(composite.Terms) == 1 {
		d.Others, compared = "scored networks", r.rivals(found)
	} else {
		var err error
		if calibration, err = indicator.NewCalibration(found.Sample); err != nil {
			return err
		}
	}
	for _, p := range perspectives {
		_, part := composite.Without(p.of)
		if len(part.Terms) == 0 {
			continue
		}
		one := report.Perspective{Name: p.name, Asks: p.asks, Compared: comparison(p.of, part)}
		var err error
		if one.Standing, err = standing(part, calibration, best, compared); err != nil {
			return err
		}
		for _, name := range part.Terms {
			term := report.TermStanding{Name: name, Asks: cmp.Or(termWords[name], name), Standing: one.Standing}
			if term.Value, err = best.Term(name); err != nil {
				return err
			}
			alone := indicator.Composite{Name: name, Terms: []string{name}}
			if slices.Contains(part.Against, name) {
				alone.Against = alone.Terms
				if one.Compared != thrift {
					term.Asks += " (less is better)"
				}
			}
			if len(part.Terms) > 1 {
				if term.Standing, err = standing(alone, nil, best, compared); err != nil {
					return err
				}
			}
			one.Terms = append(one.Terms, term)
		}
		d.Perspectives = append(d.Perspectives, one)
	}
	return nil
}

// comparison returns the words for what the terms of a perspective compare.
func comparison(of indicator.Perspective, part indicator.Composite) report.Comparison {
	switch {
	case of != indicator.Size:
	case len(part.Against) == 0:
		return size
	case len(part.Against) == len(part.Terms):
		return thrift
	}
	return goodness
}
