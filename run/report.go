package run

import (
	"fmt"
	"iter"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"bnas.example/indicator"
	"bnas.example/internal/amount"
	"bnas.example/report"
	"bnas.example/search"
	"bnas.example/supernet"
)

// Report writes a page about training and search to ReportName in the run folder and returns its path. The page shows
// command, which repeats the run, the version of the program, and the time that the run took.
func (r *Run) Report(found *Found, command, version string, took time.Duration) (path string, err error) {
	return r.ReportOver(nil, r.Dir, found, command, version, took)
}

// ReportOver is Report of a search over this run and others (SearchOver), in the folder dir of its result.
func (r *Run) ReportOver(others []*Run, dir string, found *Found, command, version string, took time.Duration) (path string, err error) {
	best := found.Best[found.Answer]
	d := report.Data{
		Title:   fmt.Sprintf("%s, BatchNorm %s", r.Net.Space.Name(), r.Config.Supernet.BN),
		Summary: fmt.Sprintf("Networks ranked by %s after %s of training %s on %s.", found.Result.Objective, amount.Of(r.Position.Step, "step"), learning[r.Config.Train.Train].parameters, r.Images.Name()),
		Command: command,
		Facts:   r.facts(version, took),
		Score:   found.Result.Objective,
		Search: report.Search{
			Strategy: found.Strategy, Cost: found.Cost, Wall: time.Duration(found.Seconds * float64(time.Second)),
		},
		Found: r.reportArch(found, best), Repeats: int(r.Config.Score.Repeats),
		Archs: r.reportArchs(found),
	}
	if found.LatencySetup != "" {
		d.Facts = append(d.Facts, report.Fact{Name: "latency", Value: "a forward pass on " + found.LatencySetup})
	}
	for _, f := range found.Pareto {
		d.Search.Pareto = append(d.Search.Pareto, *r.reportArch(found, f))
	}
	if b := found.BestOfSample; b != nil {
		d.Search.Better = r.reportArch(found, *b)
	}
	config, err := yaml.Marshal(r.Config)
	if err != nil {
		return "", err
	}
	d.Config = string(config)
	d.Finalists = finalistsOf(found.Result)
	for _, p := range found.Pruned {
		d.Pruned = append(d.Pruned, report.Pruned{Round: p.Round, Place: p.Place, Operator: p.Operator, Condition: p.Kappa, Regions: p.Regions})
	}
	if len(others) == 0 {
		d.Training, err = r.TrainingCurves()
	} else {
		err = addRuns(&d, append([]*Run{r}, others...))
	}
	if err != nil {
		return "", err
	}
	d.Training.Classes = r.Net.Config.Classes
	d.Training.EarlyBirdCount = len(r.rankedArchs())
	d.Places = PlacesOf(r.Net.Space)
	composite, err := r.composite()
	if err != nil {
		return "", err
	}
	for _, t := range indicator.Terms() {
		d.Terms = append(d.Terms, report.Term{
			Name: t.Name, Fused: slices.Contains(found.Objective.Terms, t.Name), Against: slices.Contains(composite.Against, t.Name),
		})
	}
	d.Linear = composite.Linear
	if err := r.addPerspectives(&d, composite, found); err != nil {
		return "", err
	}
	r.addWithoutCost(&d, composite, found)
	if err := agreement(&d, found); err != nil {
		return "", err
	}
	if d.Graph, err = GraphOf(r.Net.Space, best.Choice); err != nil {
		return "", err
	}
	path = filepath.Join(dir, ReportName)
	return path, report.Write(path, d)
}

// addRuns adds what the runs are over which the terms are averaged, and their curves.
func addRuns(d *report.Data, runs []*Run) error {
	d.Summary = fmt.Sprintf("Networks ranked by %s, whose terms are averages over %d runs with supernets of their own.", d.Score, len(runs))
	d.Facts = append(d.Facts, report.Fact{Name: "settings of the search and configuration", Value: "those of " + runs[0].Dir})
	for _, r := range runs {
		d.Runs = append(d.Runs, report.Run{Folder: r.Dir, Data: r.Images.Name(), Seeds: r.Config.seedText(), Steps: r.Position.Step})
		t, err := r.TrainingCurves()
		if err != nil {
			return err
		}
		for _, one := range []struct{ of, to *[]report.Curve }{{&t.Loss, &d.Training.Loss}, {&t.Accuracy, &d.Training.Accuracy}} {
			for _, c := range *one.of {
				c.Name = r.Dir
				*one.to = append(*one.to, c)
			}
		}
		if r == runs[0] {
			d.Training.Rate, d.Training.StepsPerEpoch, d.Training.Learns = t.Rate, t.StepsPerEpoch, t.Learns
		}
		if t.Learns != d.Training.Learns {
			d.Training.Learns = ""
		}
	}
	return nil
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
		{Name: "data", Value: fmt.Sprintf("%s, %s to train, %d held out, sha256 %s", r.Images.Name(), amount.Of(len(r.Training), "image"), len(r.HeldOut), r.Images.Hash())},
		{Name: "normalisation", Value: fmt.Sprintf("mean %.4g, deviation %.4g of 255, by channel", mean, std)},
		{Name: "seed", Value: r.Config.seedText()},
		{Name: "finished", Value: time.Now().Format(time.RFC3339)},
		{Name: "time of the last command", Value: took.Round(time.Second).String()},
	}
}

// reportArchs reads every scored architecture.
func (r *Run) reportArchs(found *Found) iter.Seq2[report.Arch, error] {
	return func(yield func(report.Arch, error) bool) {
		for s, err := range found.scored(int(r.Config.Score.Repeats)) {
			var a supernet.Arch
			if err == nil {
				a, err = r.Net.Space.Parse(s.Arch)
			}
			if err != nil {
				yield(report.Arch{}, err)
				return
			}
			one := search.Found{Choice: a, Scores: s, Score: found.Objective.Of(s), Cost: r.Net.Space.Cost(a, r.Net.Config)}
			if found.timed != nil {
				one.Latency = found.timed.Known(s.Canonical)
			}
			if !yield(*r.reportArch(found, one), nil) {
				return
			}
		}
	}
}

// reportArch is a scored architecture for the page.
func (r *Run) reportArch(found *Found, f search.Found) *report.Arch {
	return &report.Arch{
		Text: f.Scores.Arch, Canonical: f.Scores.Canonical, Choice: r.Net.Space.Chosen(f.Choice), Dead: f.Scores.Dead, Score: f.Score,
		Values: f.Scores.Values, Spread: f.Scores.Spread, MACs: f.Cost.MACs, Params: f.Cost.Params, Latency: f.Latency,
	}
}

// agreement adds the rank correlation of the terms. The calibration sample is random; what an evolution visits is not, and
// would show its taste. An objective of one term has no sample: then the terms of all that were visited are in memory.
func agreement(d *report.Data, found *Found) error {
	columns := newColumns(append(indicator.TermNames(), d.Score))
	of, over := live(found.Sample), "random live architectures of the calibration sample"
	d.Calibration = len(of)
	for _, s := range of {
		columns.add(s.Values, found.Objective.Of(s))
	}
	if len(of) == 0 {
		over = "live architectures that the search has visited"
		for a, err := range d.Archs {
			if err != nil {
				return err
			}
			if !a.Dead {
				columns.add(a.Values, a.Score)
			}
		}
	}
	d.Agreement = columns.agreement()
	d.AgreementOver = fmt.Sprintf("the %d %s", columns.n, over)
	return nil
}

// columns are the terms and the score of some architectures. Terms that one of them lacks are left out.
type columns struct {
	names  []string
	values [][]float64
	lacks  []bool
	n      int // architectures
}

func newColumns(names []string) *columns {
	return &columns{names: names, values: make([][]float64, len(names)), lacks: make([]bool, len(names))}
}

// add adds an architecture.
func (c *columns) add(terms []float64, score float64) {
	c.n++
	for i := range c.names {
		v := score
		if i < len(terms) {
			v = terms[i]
		}
		if c.lacks[i] = c.lacks[i] || math.IsNaN(v); c.lacks[i] {
			c.values[i] = nil
			continue
		}
		c.values[i] = append(c.values[i], v)
	}
}

// agreement is the rank correlation of the columns.
func (c *columns) agreement() report.Matrix {
	var names []string
	var values [][]float64
	for i, name := range c.names {
		if !c.lacks[i] {
			names, values = append(names, name), append(values, c.values[i])
		}
	}
	return report.NewMatrix(names, values)
}

func live(scores []indicator.Scores) []indicator.Scores {
	return slices.DeleteFunc(slices.Clone(scores), func(s indicator.Scores) bool { return s.Dead })
}

// PlacesOf returns the places of a space's operators.
func PlacesOf(space supernet.Space) (all []report.Place) {
	for _, p := range space.Places() {
		all = append(all, report.Place(p))
	}
	return all
}

// GraphOf returns the drawing of an architecture.
func GraphOf(space supernet.Space, a supernet.Arch) (report.Graph, error) {
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
