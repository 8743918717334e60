package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"bnas.example/indicator"
	"bnas.example/report"
	"bnas.example/supernet"
	"bnas.example/train"
)

// report draws the run as a page in its folder.
func (s *session) report(r runResult, found *searched, took time.Duration) error {
	config, err := yaml.Marshal(s.cfg)
	if err != nil {
		return err
	}
	d := report.Data{
		Title:   fmt.Sprintf("%s, BatchNorm %s", s.net.Space.Name(), s.cfg.Supernet.BN),
		Summary: fmt.Sprintf("%d networks ranked by %s after %d steps of training γ and β on %s.", r.Search.Evaluations, r.Search.Objective, r.Train.Step, s.set.Name()),
		Command: fmt.Sprintf("bnas run --config %s --out another-folder", filepath.Join(s.dir, configFile)),
		Config:  string(config),
		Facts:   s.facts(took),
		Score:   r.Search.Objective,
		Search: report.Search{
			Strategy: r.Search.Strategy, Evaluations: len(found.scored), Distinct: distinct(found.scored),
			Wall: time.Duration(r.Search.Seconds * float64(time.Second)),
		},
		Found: -1,
	}
	if d.Training, err = readTraining(filepath.Join(s.dir, train.MetricsName), s.cfg.Train, s.at.StepsPerEpoch); err != nil {
		return err
	}
	for _, g := range s.net.Space.Genes() {
		d.Genes = append(d.Genes, report.Gene(g))
	}
	for _, t := range indicator.Terms() {
		d.Terms = append(d.Terms, report.Term{Name: t.Name, Fused: slices.Contains(found.objective.Terms, t.Name)})
	}
	if err := s.reportArchs(&d, found); err != nil {
		return err
	}
	best := found.Best[0]
	if d.Graph, err = graphOf(s.net.Space, best.Choice); err != nil {
		return err
	}
	return report.Write(r.Report, d)
}

func (s *session) facts(took time.Duration) []report.Fact {
	return []report.Fact{
		{Name: "bnas", Value: version() + ", " + runtime.Version()},
		{Name: "device", Value: s.dev.Info().Name + ", " + s.dev.Info().Detail},
		{Name: "data", Value: fmt.Sprintf("%s, %d images train, %d are held back, sha256 %s", s.set.Name(), len(s.train), len(s.held), s.set.Hash())},
		{Name: "seed", Value: fmt.Sprint(s.cfg.Seed)},
		{Name: "finished", Value: time.Now().Format(time.RFC3339)},
		{Name: "time of the last command", Value: took.Round(time.Second).String()},
	}
}

// reportArchs lists every scored architecture and how the terms agree among the live ones.
func (s *session) reportArchs(d *report.Data, found *searched) error {
	front := map[string]bool{}
	for _, f := range found.Pareto {
		front[f.Scores.Arch] = true
	}
	var columns [][]float64
	for range len(d.Terms) + 1 {
		columns = append(columns, nil)
	}
	for _, sc := range found.scored {
		a, err := s.net.Space.Parse(sc.Arch)
		if err != nil {
			return err
		}
		cost := s.net.Space.Cost(a, s.net.Config)
		one := report.Arch{
			Text: sc.Arch, Canonical: sc.Canonical, Choice: a, Dead: sc.Dead, Score: found.objective.Of(sc), Values: sc.Values,
			MACs: cost.MACs, Params: cost.Params,
		}
		if sc.Arch == found.Best[0].Scores.Arch {
			d.Found = len(d.Archs)
		}
		if front[sc.Arch] {
			d.Search.Pareto = append(d.Search.Pareto, len(d.Archs))
		}
		d.Archs = append(d.Archs, one)
		if !sc.Dead {
			for i, v := range append(slices.Clone(sc.Values), one.Score) {
				columns[i] = append(columns[i], v)
			}
		}
	}
	names := append(indicator.TermNames(), d.Score)
	d.Agreement = report.NewMatrix(names, columns)
	return nil
}

func graphOf(space supernet.Space, a supernet.Arch) (report.Graph, error) {
	var genes, ops []string
	for i, g := range space.Genes() {
		genes = append(genes, g.Name)
		ops = append(ops, g.Options[a[i]])
	}
	return report.GraphOf(space.Format(a), genes, ops)
}

// readTraining reads the curves of a run's metrics.
func readTraining(path string, cfg train.Config, stepsPerEpoch int) (report.Training, error) {
	t := report.Training{Rate: report.Curve{Name: "learning rate"}, EarlyBird: report.Curve{Name: "τ-b with the snapshot before"}, StepsPerEpoch: stepsPerEpoch}
	if cfg.EarlyBird {
		t.EarlyBirdBound = cfg.Settled
	}
	loss, accuracy := report.Curve{Name: "training"}, report.Curve{Name: "training"}
	gamma := map[string]*report.Curve{}
	f, err := os.Open(path)
	if err != nil {
		return t, fmt.Errorf("metrics: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for n := 1; lines.Scan(); n++ {
		var kind struct{ Kind string }
		if err := json.Unmarshal(lines.Bytes(), &kind); err != nil {
			return t, fmt.Errorf("metrics: %s: line %d: %w", path, n, err)
		}
		switch kind.Kind {
		case "step":
			var l train.StepLine
			err = json.Unmarshal(lines.Bytes(), &l)
			point(&loss, l.Step, l.Loss)
			point(&accuracy, l.Step, l.Accuracy)
			point(&t.Rate, l.Step, l.LR)
		case "rank":
			var l train.RankLine
			if err = json.Unmarshal(lines.Bytes(), &l); l.Tau != nil {
				point(&t.EarlyBird, l.Step, *l.Tau)
			}
		case "gamma":
			var l train.GammaLine
			err = json.Unmarshal(lines.Bytes(), &l)
			for op, v := range meanByOperator(l.MeanAbsGamma) {
				if gamma[op] == nil {
					gamma[op] = &report.Curve{Name: op}
				}
				point(gamma[op], l.Step, v)
			}
		}
		if err != nil {
			return t, fmt.Errorf("metrics: %s: line %d: %w", path, n, err)
		}
	}
	t.Loss, t.Accuracy = []report.Curve{loss}, []report.Curve{accuracy}
	for _, op := range slices.Sorted(maps.Keys(gamma)) {
		t.Gamma = append(t.Gamma, *gamma[op])
	}
	return t, lines.Err()
}

func point(c *report.Curve, step int, y float64) {
	c.X = append(c.X, float64(step))
	c.Y = append(c.Y, y)
}

// meanByOperator averages mean |γ| over the genes that have the operator.
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

// distinct counts the networks among scored architectures: some have several forms.
func distinct(scores []indicator.Scores) int {
	seen := map[string]bool{}
	for _, s := range scores {
		seen[s.Canonical] = true
	}
	return len(seen)
}
