package run

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"bnas.example/report"
	"bnas.example/train"
)

// TrainingCurves reads the curves of the training of the run.
func (r *Run) TrainingCurves() (report.Training, error) {
	return readTraining(filepath.Join(r.Dir, train.MetricsName), r.Config.Train, r.Position.StepsPerEpoch)
}

// CurvesOf reads the curves of the run in dir, which may be in training.
func CurvesOf(dir string, c Config) (report.Training, error) {
	at, err := train.ReadPosition(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return report.Training{}, err
	}
	return readTraining(filepath.Join(dir, train.MetricsName), c.Train, at.StepsPerEpoch)
}

// readTraining reads the curves of training from a metrics file.
func readTraining(path string, cfg train.Config, stepsPerEpoch int) (report.Training, error) {
	t := report.Training{
		Rate: report.Curve{Name: "learning rate"}, EarlyBird: report.Curve{Name: "τ-b with the snapshot before"}, StepsPerEpoch: stepsPerEpoch,
		Learns: learning[cfg.Train].sentence,
	}
	if cfg.EarlyBird {
		t.EarlyBirdBound = cfg.Settled
	}
	loss, accuracy := report.Curve{Name: "training"}, report.Curve{Name: "training"}
	gamma := map[string]*report.Curve{}
	err := eachMetric(path, func(kind string, line []byte) (err error) {
		switch kind {
		case "step":
			var l train.StepLine
			err = json.Unmarshal(line, &l)
			point(&loss, l.Step, l.Loss)
			point(&accuracy, l.Step, l.Accuracy)
			point(&t.Rate, l.Step, l.LR)
		case "rank":
			var l train.RankLine
			if err = json.Unmarshal(line, &l); l.Tau != nil {
				point(&t.EarlyBird, l.Step, *l.Tau)
			}
		case "gamma":
			var l train.GammaLine
			err = json.Unmarshal(line, &l)
			for op, v := range meanByOperator(l.MeanAbsGamma) {
				if gamma[op] == nil {
					gamma[op] = &report.Curve{Name: op}
				}
				point(gamma[op], l.Step, v)
			}
		}
		return err
	})
	if err != nil {
		return t, err
	}
	t.Loss, t.Accuracy = []report.Curve{loss}, []report.Curve{accuracy}
	for _, op := range slices.Sorted(maps.Keys(gamma)) {
		t.Gamma = append(t.Gamma, *gamma[op])
	}
	return t, nil
}

// eachMetric calls do with the kind and the text of each line of a metrics file. It ends with its error.
func eachMetric(path string, do func(kind string, line []byte) error) error {
	m, err := openMetrics(path)
	if err != nil {
		return err
	}
	defer m.Close()
	return m.each(func(of metricHead, line []byte) error { return do(of.Kind, line) })
}

func point(c *report.Curve, step int, y float64) {
	c.X = append(c.X, float64(step))
	c.Y = append(c.Y, y)
}

// meanByOperator averages mean |γ| over the genes with the operator.
func meanByOperator(byGene map[string]map[string]float64) map[string]float64 {
	sum, count := map[string]float64{}, map[string]float64{}
	for _, gene := range slices.Sorted(maps.Keys(byGene)) {
		for op, v := range byGene[gene] {
			sum[op] += v
			count[op]++
		}
	}
	for op := range sum {
		sum[op] /= count[op]
	}
	return sum
}

// trainingSeconds returns the time in which a network of one path was trained, with batches of so many images, by the rates in its
// metrics file. It is whole if the training was interrupted.
func trainingSeconds(path string, batch int) (seconds float64, err error) {
	before := 0
	err = eachMetric(path, func(kind string, line []byte) error {
		if kind != "step" {
			return nil
		}
		var l train.StepLine
		if err := json.Unmarshal(line, &l); err != nil {
			return err
		}
		if l.Time.ImagesPerSecond > 0 {
			seconds += float64((l.Step-before)*batch) / l.Time.ImagesPerSecond
		}
		before = l.Step
		return nil
	})
	return seconds, err
}
