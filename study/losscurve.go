package study

import (
	"bnas.example/report"
	"bnas.example/run"
)

// lossCurve is the training loss of a run.
type lossCurve struct {
	LossSteps []float64 `json:"loss_steps"`
	Loss      []float64 `json:"loss"`
}

func readLoss(r *run.Run) (lossCurve, error) {
	curves, err := r.TrainingCurves()
	if err != nil {
		return lossCurve{}, err
	}
	return lossCurve{curves.Loss[0].X, curves.Loss[0].Y}, nil
}

// losses fills the table loss with the curves of each kind and seed, and draws those of the first seed.
func (o *Outcome) losses(s Settings, column, title string, kinds []string, curves map[string][]lossCurve) report.Group {
	t := o.table("loss", column, "seed", "step", "loss")
	hueOf := report.Palette(kinds)
	var drawn []report.Curve
	for _, kind := range kinds {
		for i, of := range curves[kind] {
			for k := range of.Loss {
				t.Add(kind, s.seeds()[i], int(of.LossSteps[k]), of.Loss[k])
			}
		}
		first := curves[kind][0]
		drawn = append(drawn, report.Curve{Name: kind, X: first.LossSteps, Y: first.Loss})
	}
	return report.Group{Class: report.WideFigures, Legend: report.Legends(kinds, hueOf), Figures: []report.Figure{report.Lines(title, "step", drawn, hueOf)}}
}
