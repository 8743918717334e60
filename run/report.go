package run

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"bnas.example/indicator"
	"bnas.example/report"
	"bnas.example/search"
	"bnas.example/supernet"
)

// Report writes a page about training and search to ReportName in the run folder and returns its path. The page shows
// command, which repeats the run, the version of the program, and the time that the run took.
func (r *Run) Report(found *Found, command, version string, took time.Duration) (path string, err error) {
	d := report.Data{
		Title:   fmt.Sprintf("%s, BatchNorm %s", r.Net.Space.Name(), r.Config.Supernet.BN),
		Summary: fmt.Sprintf("Networks ranked by %s after %d steps of training γ and β on %s.", found.Result.Objective, r.Position.Step, r.Images.Name()),
		Command: command,
		Facts:   r.facts(version, took),
		Score:   found.Result.Objective,
		Search: report.Search{
			Strategy: found.Strategy, Wall: time.Duration(found.Seconds * float64(time.Second)),
		},
		Found: -1, Repeats: int(r.Config.Score.Repeats),
	}
	config, err := yaml.Marshal(r.Config)
	if err != nil {
		return "", err
	}
	d.Config = string(config)
	d.Finalists = finalistsOf(found.Result)
	if d.Training, err = r.TrainingCurves(); err != nil {
		return "", err
	}
	d.Training.Classes = r.Net.Config.Classes
	d.Training.EarlyBirdCount = len(r.rankedArchs())
	for _, p := range r.Net.Space.Places() {
		d.Places = append(d.Places, report.Place(p))
	}
	for _, t := range indicator.Terms() {
		d.Terms = append(d.Terms, report.Term{Name: t.Name, Fused: slices.Contains(found.Objective.Terms, t.Name)})
	}
	if err := r.reportArchs(&d, found); err != nil {
		return "", err
	}
	composite, err := r.composite()
	if err != nil {
		return "", err
	}
	if err := addPerspectives(&d, composite, found); err != nil {
		return "", err
	}
	agreement(&d, found)
	if d.Graph, err = graphOf(r.Net.Space, found.Best[found.Answer].Choice); err != nil {
		return "", err
	}
	path = filepath.Join(r.Dir, ReportName)
	return path, report.Write(path, d)
}

// finalistsOf returns the finalists of a search, by score.
func finalistsOf(found *search.Result) (all []report.Finalist) {
	for _, f := range found.Finalists {
		all = append(all, report.Finalist{
			Text: f.Arch, Score: f.Score, Accuracy: f.Accuracy, NLL: f.NLL, Images: f.Images, Recipe: f.Recipe, Epochs: f.Epochs,
			Took: time.Duration(f.Seconds * float64(time.Second)), Answer: f.Place == found.Answer,
		})
	}
	return all
}

func (r *Run) facts(version string, took time.Duration) []report.Fact {
	mean, std := r.Images.Normal()
	return []report.Fact{
		{Name: "bnas", Value: version + ", " + runtime.Version()},
		{Name: "device", Value: r.Device.Info().Name + ", " + r.Device.Info().Detail},
		{Name: "data", Value: fmt.Sprintf("%s, %d images train, %d are held out, sha256 %s", r.Images.Name(), len(r.Training), len(r.HeldOut), r.Images.Hash())},
		{Name: "normalisation", Value: fmt.Sprintf("mean %.4g, deviation %.4g of 255, by channel", mean, std)},
		{Name: "seed", Value: r.Config.seedText()},
		{Name: "finished", Value: time.Now().Format(time.RFC3339)},
		{Name: "time of the last command", Value: took.Round(time.Second).String()},
	}
}

// reportArchs adds every scored architecture, and their numbers.
func (r *Run) reportArchs(d *report.Data, found *Found) error {
	front := map[string]bool{}
	for _, f := range found.Pareto {
		front[f.Scores.Arch] = true
	}
	networks := map[string]bool{}
	for sc, err := range found.scored(int(r.Config.Score.Repeats)) {
		if err != nil {
			return err
		}
		a, err := r.Net.Space.Parse(sc.Arch)
		if err != nil {
			return err
		}
		networks[sc.Canonical] = true
		cost := r.Net.Space.Cost(a, r.Net.Config)
		one := report.Arch{
			Text: sc.Arch, Canonical: sc.Canonical, Choice: r.Net.Space.Chosen(a), Dead: sc.Dead, Score: found.Objective.Of(sc), Values: sc.Values, Spread: sc.Spread,
			MACs: cost.MACs, Params: cost.Params,
		}
		if sc.Arch == found.Best[found.Answer].Scores.Arch {
			d.Found = len(d.Archs)
		}
		if b := found.BestOfSample; b != nil && sc.Arch == b.Scores.Arch {
			d.Search.Better = &one
		}
		if front[sc.Arch] {
			d.Search.Pareto = append(d.Search.Pareto, len(d.Archs))
		}
		d.Archs = append(d.Archs, one)
	}
	d.Search.Scored, d.Search.Distinct = len(d.Archs), len(networks) // several architectures may be one network
	return nil
}

// agreement adds the rank correlation of the terms. The calibration sample is random; what an evolution visits is not, and
// would show its taste. An objective of one term has no sample.
func agreement(d *report.Data, found *Found) {
	columns := make([][]float64, len(d.Terms)+1)
	add := func(values []float64, score float64) {
		for i, v := range values {
			columns[i] = append(columns[i], v)
		}
		columns[len(values)] = append(columns[len(values)], score)
	}
	of, over := live(found.Sample), "random live architectures of the calibration sample"
	d.Calibration = len(of)
	for _, s := range of {
		add(s.Values, found.Objective.Of(s))
	}
	if len(of) == 0 {
		over = "live architectures that the search has visited"
		for _, a := range d.Archs {
			if !a.Dead {
				add(a.Values, a.Score)
			}
		}
	}
	d.Agreement = report.NewMatrix(append(indicator.TermNames(), d.Score), columns)
	d.AgreementOver = fmt.Sprintf("the %d %s", len(columns[0]), over)
}

func live(scores []indicator.Scores) []indicator.Scores {
	return slices.DeleteFunc(slices.Clone(scores), func(s indicator.Scores) bool { return s.Dead })
}

func graphOf(space supernet.Space, a supernet.Arch) (report.Graph, error) {
	if wired, ok := space.(supernet.Wired); ok {
		return wiredGraph(wired, a), nil
	}
	var places, ops []string
	chosen := space.Chosen(a)
	for i, p := range space.Places() {
		if o := chosen[i]; o >= 0 {
			places, ops = append(places, p.Name), append(ops, p.Operators[o])
		}
	}
	return report.GraphOf(space.Format(a), places, ops)
}

// wiredGraph returns the graph of an architecture that chooses its wiring: its input, its places and its output.
func wiredGraph(space supernet.Wired, a supernet.Arch) report.Graph {
	g := report.Graph{Title: space.Format(a), Nodes: []report.Node{{Name: "in"}}}
	places, chosen := space.Places(), space.Chosen(a)
	at := make([]int, len(places)+2) // of the node in the graph
	for i, o := range chosen {
		if o >= 0 {
			at[i+1] = len(g.Nodes)
			g.Nodes = append(g.Nodes, report.Node{Name: places[i].Name, Op: places[i].Operators[o], Detail: places[i].Name})
		}
	}
	at[len(places)+1] = len(g.Nodes)
	g.Nodes = append(g.Nodes, report.Node{Name: "out"})
	for _, e := range space.Wiring(a) {
		g.Edges = append(g.Edges, report.Edge{From: at[e[0]], To: at[e[1]]})
	}
	return g
}
