package study

import (
	"context"
	"fmt"
	"slices"

	"bnas.example/indicator"
	"bnas.example/report"
	"bnas.example/run"
	"bnas.example/supernet"
)

// fairness compares the placements of BatchNorm by the operators of the networks that a score prefers.
var fairness = Study{
	Name: "fairness",
	Claim: "Where only convolutions carry BatchNorm, a supernet that trains nothing else favours convolutions, because they have more learnable parameters than other operators. " +
		"A BatchNorm on every operator mends this. The favour shows at small FLOPs.",
	QuickCells: 2,
	QuickTime:  "2 minutes", FullTime: "1½ hours",
	Base:  fairnessBase,
	Cells: fairnessCells,
	Show:  showFairness,
}

func fairnessBase(quick bool) Settings {
	s := Settings{Run: run.Default(), Quick: quick, Seeds: 3, Networks: 5000}
	s.Run.Train.RankEvery, s.Run.Train.Epochs = 0, 8
	if quick {
		s.Seeds, s.Networks = 2, 150
		s.Run.Train.Steps, s.Run.Train.GammaEvery = 300, 20
	}
	return s
}

// placed is what distinguishes the cells of a kind.
type placed struct {
	name  string // of the kind
	bn    supernet.Placement
	train supernet.TrainSet // "": that of the settings
}

// kinds lists the kinds of cells for a space. Where operators have different numbers of BatchNorms in the fair placement too, there is
// a kind that trains the last of each alone.
func kinds(net supernet.Config) ([]placed, error) {
	all := []placed{{name: "standard", bn: supernet.Standard}, {name: "fair", bn: supernet.Fair}}
	net.BN = supernet.Fair
	fair, err := supernet.New(net)
	if err != nil {
		return nil, err
	}
	var counts []float64
	for _, o := range batchNorms(fair, supernet.AllBN) {
		if o.Norms > 0 {
			counts = append(counts, o.Norms)
		}
	}
	if len(counts) > 0 && slices.Min(counts) != slices.Max(counts) {
		all = append(all, placed{"equal", supernet.Fair, supernet.LastBN})
	}
	return all, nil
}

// drawn is the sample of networks that the cells score.
type drawn struct {
	Networks int    `yaml:"networks"`
	Seed     uint64 `yaml:"networks_seed"`
}

func (s Settings) drawn() drawn { return drawn{s.Networks, s.Run.Seed} }

func (d drawn) of(net *supernet.Net) []supernet.Arch {
	return run.LiveSample(net, d.Networks, d.Seed, "study networks")
}

func fairnessCells(s Settings) ([]Cell, error) {
	composite, err := indicator.LookupComposite(s.Run.Objective.Composite)
	if err != nil {
		return nil, err
	}
	all, err := kinds(s.Run.Supernet)
	if err != nil {
		return nil, err
	}
	sample := s.drawn()
	var cells []Cell
	for _, kind := range all {
		for _, seed := range s.seeds() {
			cfg := s.Run
			cfg.SetSeed(seed)
			cfg.Supernet.BN = kind.bn
			if kind.train != "" {
				cfg.Train.Train = kind.train
			}
			cfg.Score.Terms = fairnessTerms(composite)
			cells = append(cells, Cell{Name: fmt.Sprintf("%s-%d", kind.name, seed), Run: cfg, With: sample, Compute: computeFairness(sample)})
		}
	}
	return cells, nil
}

// gammaSum is the term of BN-NAS's indicator.
const gammaSum = "gamma_sum"

func fairnessTerms(c indicator.Composite) []string {
	return indicator.Expand(append(slices.Clone(c.Terms), gammaSum))
}

// trainedFairly is the result of a cell. The scores of the networks are in the ledger of its run.
type trainedFairly struct {
	Net       supernet.Config `json:"net"`
	Steps     int             `json:"steps"`
	Gamma     []gammaCurve    `json:"gamma"`
	Operators []operatorNorms `json:"operators"`
	Networks  []string        `json:"networks"`
}

// gammaCurve is the mean |γ| of an operator over training.
type gammaCurve struct {
	Operator string    `json:"operator"`
	Steps    []float64 `json:"steps"`
	Mean     []float64 `json:"mean"`
}

// operatorNorms counts what an operator has at a place that can choose it: the mean over these places.
type operatorNorms struct {
	Operator  string  `json:"operator"`
	Norms     float64 `json:"batch_norms"` // with trained parameters
	Learnable float64 `json:"learnable"`   // γ and β that are trained
}

func computeFairness(sample drawn) func(context.Context, *Site) (any, error) {
	return func(ctx context.Context, s *Site) (any, error) {
		r, err := s.Trained(ctx, nil)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		curves, err := r.TrainingCurves()
		if err != nil {
			return nil, err
		}
		out := trainedFairly{Net: r.Net.Config, Steps: r.Position.Step, Gamma: gammaCurves(curves), Operators: batchNorms(r.Net, r.Config.Train.Train)}
		scores, err := s.Scores(ctx, r, "", sample.of(r.Net))
		for _, of := range scores {
			out.Networks = append(out.Networks, of.Arch)
		}
		return out, err
	}
}

func gammaCurves(t report.Training) (all []gammaCurve) {
	for _, c := range t.Gamma {
		all = append(all, gammaCurve{c.Name, c.X, c.Y})
	}
	return all
}

// batchNorms counts the BatchNorms of each operator, in the order of the places.
func batchNorms(net *supernet.Net, set supernet.TrainSet) []operatorNorms {
	trained := map[int]bool{}
	for _, id := range net.Trainable(set, nil) {
		trained[int(id)] = true
	}
	places := net.Space.Places()
	counts := supernet.ByOperator[operatorNorms](places)
	params := net.Params()
	for _, b := range net.BNs() {
		if b.Place >= 0 && trained[int(b.Gamma)] {
			counts[b.Place][b.Operator].Norms++
			counts[b.Place][b.Operator].Learnable += float64(params[b.Gamma].Len() + params[b.Beta].Len())
		}
	}
	var out []operatorNorms
	for _, name := range operatorNames(places) {
		sum, n := operatorNorms{Operator: name}, 0.0
		for i, p := range places {
			if o := slices.Index(p.Operators, name); o >= 0 {
				sum.Norms, sum.Learnable, n = sum.Norms+counts[i][o].Norms, sum.Learnable+counts[i][o].Learnable, n+1
			}
		}
		out = append(out, operatorNorms{name, sum.Norms / n, sum.Learnable / n})
	}
	return out
}

// operatorNames lists the operators of all places, each once.
func operatorNames(places []supernet.Place) (names []string) {
	for _, p := range places {
		for _, o := range p.Operators {
			if !slices.Contains(names, o) {
				names = append(names, o)
			}
		}
	}
	return names
}
