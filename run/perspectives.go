package run

import (
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

// addPerspectives adds for each perspective of the composite the share of the calibration's live networks that the found one
// exceeds in its terms. It adds nothing without a calibration.
func addPerspectives(d *report.Data, composite indicator.Composite, found *Found) error {
	best, sample := found.Best[found.Answer].Scores, live(found.Sample)
	if len(sample) == 0 || best.Dead {
		return nil
	}
	calibration, err := indicator.NewCalibration(sample)
	if err != nil {
		return err
	}
	for _, p := range perspectives {
		_, part := composite.Without(p.of)
		if len(part.Terms) == 0 {
			continue
		}
		score, below := part.Fuse(calibration, best), 0.0
		for _, s := range sample {
			switch other := part.Fuse(calibration, s); {
			case other < score:
				below++
			case other == score:
				below += .5
			}
		}
		d.Perspectives = append(d.Perspectives, report.Perspective{Name: p.name, Asks: p.asks, Terms: part.Terms, Share: below / float64(len(sample))})
	}
	return nil
}
