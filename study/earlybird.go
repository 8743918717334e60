package study

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"bnas.example/indicator"
	"bnas.example/run"
	"bnas.example/supernet"
	"bnas.example/train"
)

// earlybird follows the ranking over training.
var earlybird = Study{
	Name:       "earlybird",
	Claim:      "The ranking of networks by the parameters of BatchNorm settles early in training, long before the loss.",
	QuickCells: 1,
	QuickTime:  "2 minutes", FullTime: "30 minutes",
	Base:  earlybirdBase,
	Cells: earlybirdCells,
	Show:  showEarlybird,
}

func earlybirdBase(quick bool) Settings {
	s := Settings{Run: run.Default(), Quick: quick, Seeds: 3, Networks: 256}
	s.Run.Train.RankEvery, s.Run.Train.Epochs = 0, 8
	if quick {
		s.Seeds, s.Networks = 2, 64
		s.Run.Train.Steps = 200
	}
	return s
}

// snapshots are the shares of training after which the networks are scored.
func snapshots(quick bool) []float64 {
	if quick {
		return []float64{0, .125, .25, .5, .75, 1}
	}
	return []float64{0, 1. / 32, 1. / 16, .125, .25, .375, .5, .625, .75, .875, 1}
}

// rates are the kinds of schedules of the learning rate that the study compares.
var rates = []string{"falling", "constant"}

func earlybirdCells(s Settings) ([]Cell, error) {
	composite, err := indicator.LookupComposite(s.Run.Objective.Composite)
	if err != nil {
		return nil, err
	}
	sample, shares := s.drawn(), snapshots(s.Quick)
	var cells []Cell
	for _, rate := range rates {
		for _, seed := range s.seeds() {
			cfg := s.Run
			cfg.SetSeed(seed)
			cfg.Score.Terms = fairnessTerms(composite)
			switch {
			case rate == "constant":
				cfg.Train.Schedule = train.Constant
			case cfg.Train.Schedule == train.Constant:
				cfg.Train.Schedule = train.Cosine
			}
			cells = append(cells, Cell{
				Name: fmt.Sprintf("%s-%d", rate, seed), Run: cfg,
				With:    map[string]any{"sample": sample, "snapshots": shares},
				Compute: computeEarlybird(sample, shares),
			})
		}
	}
	return cells, nil
}

// followed is the result of a cell. The scores of a snapshot are in a ledger of its own.
type followed struct {
	Net       supernet.Config `json:"net"`
	Snapshots []int           `json:"snapshots"` // their steps
	Networks  []string        `json:"networks"`
	lossCurve
}

func computeEarlybird(sample drawn, shares []float64) func(context.Context, *Site) (any, error) {
	return func(ctx context.Context, s *Site) (any, error) {
		var out followed
		r, err := s.Trained(ctx, func(r *run.Run, p train.Progress) error {
			if !slices.Contains(stepsOf(shares, p.Total), p.Step) {
				return nil
			}
			_, err := s.Scores(ctx, r, snapshotDir(s.Dir, p.Step), sample.of(r.Net))
			return err
		})
		if err != nil {
			return nil, err
		}
		defer r.Close()
		if out.lossCurve, err = readLoss(r); err != nil {
			return nil, err
		}
		out.Net, out.Snapshots = r.Net.Config, stepsOf(shares, r.Position.Step)
		for _, a := range sample.of(r.Net) {
			out.Networks = append(out.Networks, r.Net.Space.Format(a))
		}
		return out, nil
	}
}

// stepsOf returns the steps of snapshots in a training of so many steps, each once.
func stepsOf(shares []float64, total int) (steps []int) {
	for _, share := range shares {
		steps = append(steps, int(share*float64(total)+.5))
	}
	return slices.Compact(steps)
}

func snapshotDir(cell string, step int) string {
	return filepath.Join(cell, "snapshots", strconv.Itoa(step))
}

// earlybirdData is what tables and page are made of.
type earlybirdData struct {
	*Results
	first  followed
	steps  []int
	scores []string
	truth  []float64                                 // nil: no table
	values map[string]map[int]map[string][][]float64 // by rate, step and score: for each seed
	loss   map[string][]lossCurve                    // by rate, for each seed
}

func readEarlybird(r *Results) (*earlybirdData, error) {
	composite, err := indicator.LookupComposite(r.Run.Objective.Composite)
	if err != nil {
		return nil, err
	}
	terms := fairnessTerms(composite)
	d := &earlybirdData{Results: r, values: map[string]map[int]map[string][][]float64{}, loss: map[string][]lossCurve{}}
	d.scores = unique([]string{headScore(composite), gammaSum})
	for _, rate := range rates {
		d.values[rate] = map[int]map[string][][]float64{}
		for _, seed := range r.seeds() {
			name := fmt.Sprintf("%s-%d", rate, seed)
			of, err := Result[followed](r, name)
			if err != nil {
				return nil, err
			}
			if d.first.Networks == nil {
				d.first, d.steps = of, of.Snapshots
			}
			d.loss[rate] = append(d.loss[rate], of.lossCurve)
			for _, step := range of.Snapshots {
				values, err := scoreValues(snapshotDir(r.Dir(name), step), of.Networks, terms, composite)
				if err != nil {
					return nil, err
				}
				at := d.values[rate][step]
				if at == nil {
					at = map[string][][]float64{}
					d.values[rate][step] = at
				}
				for score, v := range values {
					at[score] = append(at[score], v)
				}
			}
		}
	}
	space, archs, err := networksOf(d.first.Net, d.first.Networks)
	if err != nil {
		return nil, err
	}
	d.truth, err = r.Truth.accuracies(space, archs)
	return d, err
}

// sizes are those of the samples: 16, 64, 256 and all networks, as far as there are so many.
func (d *earlybirdData) sizes() (all []int) {
	n := len(d.first.Networks)
	for _, size := range []int{16, 64, 256} {
		if size < n {
			all = append(all, size)
		}
	}
	return append(all, n)
}

// firstOf cuts lists of values to the first n networks.
func firstOf(n int, values [][]float64) (cut [][]float64) {
	for _, v := range values {
		cut = append(cut, v[:n])
	}
	return cut
}
