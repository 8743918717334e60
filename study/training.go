package study

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	"bnas.example/indicator"
	"bnas.example/internal/wholefile"
	"bnas.example/run"
	"bnas.example/supernet"
	"bnas.example/train"
)

// training compares supernets that train BatchNorm alone with supernets that train all weights.
var training = Study{
	Name:       "training",
	Claim:      "To train γ and β alone costs less than to train a whole supernet, and its indicators rank networks as well as the one-shot accuracy of a whole supernet does.",
	QuickCells: 1,
	QuickTime:  "2 minutes", FullTime: "2 hours",
	Base:  trainingBase,
	Cells: trainingCells,
	Show:  showTraining,
}

func trainingBase(quick bool) Settings {
	s := Settings{Run: run.Default(), Quick: quick, Seeds: 3, Networks: 300}
	s.Run.Train.RankEvery, s.Run.Train.Epochs = 0, 16
	if quick {
		s.Seeds, s.Networks = 2, 50
		s.Run.Train.Steps = 300
	}
	return s
}

// sets are the sets of parameters whose training the study compares.
var sets = []supernet.TrainSet{supernet.AllBN, supernet.All}

func trainingCell(set supernet.TrainSet, seed uint64) string { return fmt.Sprintf("%s-%d", set, seed) }

// evaluated are the images of the one-shot accuracy.
type evaluated struct {
	Calibration int `yaml:"calibration_images"` // of the training set, for the statistics
	Validation  int `yaml:"validation_images"`  // held out
}

func trainingCells(s Settings) ([]Cell, error) {
	composite, err := indicator.LookupComposite(s.Run.Objective.Composite)
	if err != nil {
		return nil, err
	}
	sample, images := s.drawn(), imagesOf(s)
	var cells []Cell
	for _, set := range sets {
		for _, seed := range s.seeds() {
			cfg := s.Run
			cfg.SetSeed(seed)
			cfg.Score.Terms = fairnessTerms(composite)
			if cfg.Train.Train = set; set == supernet.All {
				cfg.Train = wholeRecipe(cfg.Train)
			}
			cells = append(cells, Cell{
				Name: trainingCell(set, seed), Run: cfg,
				With:    map[string]any{"sample": sample, "images": images},
				Compute: computeTraining(sample, images),
			})
		}
	}
	return cells, nil
}

func imagesOf(s Settings) evaluated {
	if s.Quick {
		return evaluated{64, 256}
	}
	return evaluated{256, 1000}
}

// wholeRecipe is a usual recipe for the weights of a supernet: SGD with Nesterov's momentum. Length, batch and schedule stay.
func wholeRecipe(c train.Config) train.Config {
	c.Optimizer, c.Momentum, c.Nesterov = train.SGD, .9, true
	c.LR, c.MinLR, c.WeightDecayWeights = .05, 0, 5e-4
	return c
}

// supernetTrained is the result of a cell. The scores are in the ledger of its run.
type supernetTrained struct {
	Net             supernet.Config `json:"net"`
	Steps           int             `json:"steps"`
	Learned         int             `json:"learned"`           // parameters
	ImagesPerSecond float64         `json:"images_per_second"` // median over the lines of the metrics
	lossCurve
	Networks []string  `json:"networks"`
	Accuracy []float64 `json:"accuracy"` // one-shot, of each network
	NLL      []float64 `json:"nll"`
}

func computeTraining(sample drawn, images evaluated) func(context.Context, *Site) (any, error) {
	return func(ctx context.Context, s *Site) (any, error) {
		r, err := s.Trained(ctx, nil)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		out := supernetTrained{Net: r.Net.Config, Steps: r.Position.Step}
		for _, id := range r.Net.Trainable(r.Config.Train.Train, nil) {
			out.Learned += r.Net.Params()[id].Len()
		}
		if out.lossCurve, err = readLoss(r); err != nil {
			return nil, err
		}
		if out.ImagesPerSecond, err = imagesPerSecond(filepath.Join(r.Dir, train.MetricsName)); err != nil {
			return nil, err
		}
		archs := sample.of(r.Net)
		for _, a := range archs {
			out.Networks = append(out.Networks, r.Net.Space.Format(a))
		}
		if _, err := s.Scores(ctx, r, "", archs); err != nil {
			return nil, err
		}
		return out, s.oneShot(ctx, r, archs, images, &out)
	}
}

// oneShot measures the one-shot accuracy of each network.
func (s *Site) oneShot(ctx context.Context, r *run.Run, archs []supernet.Arch, images evaluated, out *supernetTrained) error {
	calibration, err := r.CalibrationImages(images.Calibration)
	if err != nil {
		return err
	}
	validation, err := r.HeldOutImages(images.Validation)
	if err != nil {
		return err
	}
	for i, a := range archs {
		if err := ctx.Err(); err != nil {
			return err
		}
		got, err := train.OneShot(r.Net, r.Device, r.Store, a, calibration, validation)
		if err != nil {
			return err
		}
		out.Accuracy, out.NLL = append(out.Accuracy, got.Top1), append(out.NLL, got.NLL)
		s.Report("evaluate", i+1, len(archs), "")
	}
	return nil
}

// imagesPerSecond returns the median speed of the steps in a metrics file.
func imagesPerSecond(path string) (float64, error) {
	f, err := wholefile.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var speeds []float64
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var line train.StepLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return 0, fmt.Errorf("%s: %w", path, err)
		}
		if line.Kind == "step" {
			speeds = append(speeds, line.Time.ImagesPerSecond)
		}
	}
	if err := lines.Err(); err != nil || len(speeds) == 0 {
		return 0, err
	}
	slices.Sort(speeds)
	return speeds[len(speeds)/2], nil
}

// trainingData is what tables and page are made of.
type trainingData struct {
	*Results
	cells  map[supernet.TrainSet][]supernetTrained // for each seed
	scores []string
	values map[string][][]float64 // by set and score, for each seed
	truth  []float64              // nil: no table
}

// oneShotAccuracy is the score of the supernet's own accuracy.
const oneShotAccuracy = "one-shot accuracy"

func readTraining(r *Results) (*trainingData, error) {
	composite, err := indicator.LookupComposite(r.Run.Objective.Composite)
	if err != nil {
		return nil, err
	}
	d := &trainingData{Results: r, cells: map[supernet.TrainSet][]supernetTrained{}, values: map[string][][]float64{}}
	d.scores = unique([]string{oneShotAccuracy, headScore(composite), gammaSum})
	for _, set := range sets {
		for _, seed := range r.seeds() {
			name := trainingCell(set, seed)
			of, err := Result[supernetTrained](r, name)
			if err != nil {
				return nil, err
			}
			d.cells[set] = append(d.cells[set], of)
			values, err := scoreValues(filepath.Join(r.Dir(name), runName), of.Networks, fairnessTerms(composite), composite)
			if err != nil {
				return nil, err
			}
			values[oneShotAccuracy] = of.Accuracy
			for score, v := range values {
				d.values[key(string(set), score)] = append(d.values[key(string(set), score)], v)
			}
		}
	}
	first := d.first()
	space, archs, err := networksOf(first.Net, first.Networks)
	if err != nil {
		return nil, err
	}
	d.truth, err = r.Truth.accuracies(space, archs)
	return d, err
}

func (d *trainingData) first() supernetTrained { return d.cells[supernet.AllBN][0] }

// speeds are the times of a step in milliseconds, for each seed.
func (d *trainingData) speeds(set supernet.TrainSet) (all []float64) {
	for _, c := range d.cells[set] {
		all = append(all, 1000*float64(d.Run.Train.Batch)/c.ImagesPerSecond)
	}
	return all
}
