package study

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"bnas.example/indicator"
	"bnas.example/internal/amount"
	"bnas.example/run"
	"bnas.example/supernet"
)

// placement compares the terms in both placements of BatchNorm, over the length of training.
var placement = Study{
	Name: "placement",
	Claim: "Both help an indicator to rank networks: a BatchNorm on every operator, and the training of its γ and β. " +
		"No published work separates the two.",
	QuickCells: 2,
	QuickTime:  "2 minutes", FullTime: "5 hours",
	Base:  placementBase,
	Cells: placementCells,
	Show:  showPlacement,
}

func placementBase(quick bool) Settings {
	s := Settings{Run: run.Default(), Quick: quick, Seeds: 3, Networks: 1000}
	s.Run.Train.RankEvery, s.Run.Train.Epochs = 0, 16
	if quick {
		s.Seeds, s.Networks = 2, 100
		s.Run.Train.Epochs = 1
	}
	return s
}

// trained is a length of training.
type trained struct {
	length int
	unit   string // "epoch", "step"
}

func (t trained) String() string {
	if t.length == 0 {
		return "untrained"
	}
	return amount.Of(t.length, t.unit)
}

// lengths are those of a study: none, and 1, 2, 4, … epochs up to the settings'; of a number of steps, none and all.
func lengths(s Settings) []trained {
	if n := s.Run.Train.Steps; n > 0 {
		return []trained{{0, "step"}, {n, "step"}}
	}
	all := []trained{{0, "epoch"}}
	for n := 1; n < s.Run.Train.Epochs; n *= 2 {
		all = append(all, trained{n, "epoch"})
	}
	return append(all, trained{s.Run.Train.Epochs, "epoch"})
}

// bothPlacements are the placements that studies compare.
var bothPlacements = []supernet.Placement{supernet.Standard, supernet.Fair}

func placementCell(bn supernet.Placement, t trained, seed uint64) string {
	return fmt.Sprintf("%s-%d%ss-%d", bn, t.length, t.unit, seed)
}

func placementCells(s Settings) ([]Cell, error) {
	terms, err := placementTerms(s)
	if err != nil {
		return nil, err
	}
	sample := s.drawn()
	var cells []Cell
	for _, t := range lengths(s) {
		for _, bn := range bothPlacements {
			for _, seed := range s.seeds() {
				cfg := s.Run
				cfg.SetSeed(seed)
				cfg.Supernet.BN, cfg.Score.Terms = bn, terms
				if t.unit == "epoch" {
					cfg.Train.Epochs = max(t.length, 1) // the untrained do not depend on it
				}
				cells = append(cells, Cell{
					Name: placementCell(bn, t, seed), Run: cfg,
					With:    map[string]any{"sample": sample, "length": t.String()},
					Compute: computePlacement(sample, t),
				})
			}
		}
	}
	return cells, nil
}

// trainedBaselines are the baselines that depend on γ and β.
var trainedBaselines = []string{gammaSum, "gamma_node", "gamma_ratio", "bn_snip", "one_shot_nll", "one_shot_accuracy"}

// placementTerms are the terms that depend on placement and training: in the quick form those of the composite and the γ-sum.
func placementTerms(s Settings) ([]string, error) {
	composite, err := indicator.LookupComposite(s.Run.Objective.Composite)
	if err != nil {
		return nil, err
	}
	if s.Quick {
		return fairnessTerms(composite), nil
	}
	names := slices.Concat(composite.Terms, trainedBaselines)
	for _, t := range indicator.Terms() {
		if t.Perspective != indicator.Baseline && t.Perspective != indicator.Size {
			names = append(names, t.Name)
		}
	}
	return indicator.Expand(names), nil
}

// scoredNetworks is the result of a cell whose scores are in a ledger.
type scoredNetworks struct {
	Net      supernet.Config `json:"net"`
	Steps    int             `json:"steps"`
	Networks []string        `json:"networks"`
}

func computePlacement(sample drawn, t trained) func(context.Context, *Site) (any, error) {
	return func(ctx context.Context, s *Site) (any, error) {
		var r *run.Run
		var err error
		if t.length == 0 {
			r, err = s.Untrained()
		} else {
			r, err = s.Trained(ctx, nil)
		}
		if err != nil {
			return nil, err
		}
		defer r.Close()
		scores, err := s.Scores(ctx, r, ledgerOf(s.Dir), sample.of(r.Net))
		out := scoredNetworks{Net: r.Net.Config, Steps: r.Position.Step}
		for _, of := range scores {
			out.Networks = append(out.Networks, of.Arch)
		}
		return out, err
	}
}

// ledgerOf is the folder of the ledger of a cell that may be untrained.
func ledgerOf(dir string) string { return filepath.Join(dir, "scores") }

// placementData is what tables and page are made of.
type placementData struct {
	*Results
	lengths []trained
	scores  []string
	truth   []float64              // nil: no table
	values  map[string][][]float64 // by setup and score, for each seed
	first   scoredNetworks
}

// setup names placement, length and score.
func setup(bn supernet.Placement, t trained, score string) string {
	return fmt.Sprintf("%s %v %s", bn, t, score)
}

func readPlacement(r *Results) (*placementData, error) {
	composite, err := indicator.LookupComposite(r.Run.Objective.Composite)
	if err != nil {
		return nil, err
	}
	terms, err := placementTerms(r.Settings)
	if err != nil {
		return nil, err
	}
	d := &placementData{Results: r, lengths: lengths(r.Settings), values: map[string][][]float64{}, scores: unique(slices.Concat(fusedName(composite), composite.Terms[:1], terms))}
	for _, t := range d.lengths {
		for _, bn := range bothPlacements {
			for _, seed := range r.seeds() {
				name := placementCell(bn, t, seed)
				of, err := Result[scoredNetworks](r, name)
				if err != nil {
					return nil, err
				}
				if d.first.Networks == nil {
					d.first = of
				}
				values, err := scoreValues(ledgerOf(r.Dir(name)), of.Networks, terms, composite)
				if err != nil {
					return nil, err
				}
				for score, v := range values {
					key := setup(bn, t, score)
					d.values[key] = append(d.values[key], v)
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
