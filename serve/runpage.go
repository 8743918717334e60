package serve

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strconv"

	"bnas.example/internal/amount"
	"bnas.example/inventory"
	"bnas.example/report"
	"bnas.example/run"
	"bnas.example/search"
	"bnas.example/supernet"
)

// mostRows of a ranking are shown.
const mostRows = 20

// run shows one run: how far it is, its curves, and what its search has found.
func (s *site) run(r *http.Request) (report.Document, error) {
	e, err := s.entry(r.PathValue("name"))
	if err != nil {
		return report.Document{}, err
	}
	d := report.Document{Title: e.Name, Summary: "A run in " + s.dir + ".", Links: []report.Link{{URL: listPath, Text: "all runs"}}}
	if e.Networks {
		d.Summary = "Networks that are trained on their own, in " + s.dir + "."
	}
	if goesOn(e) {
		d.Refresh = live
	}
	if e.Has(run.ReportName) {
		d.Links = append(d.Links, report.Link{URL: addressOf(e.Name) + "/" + run.ReportName, Text: "the report of the search"})
	}
	d.Sections = []report.Section{s.state(e)}
	if e.State == inventory.Unreadable {
		return d, nil
	}
	if e.Networks {
		trained, err := trainedSection(e)
		d.Sections = append(d.Sections, trained)
		return d, err
	}
	cfg, err := run.ReadConfig(e.Dir)
	if err != nil {
		return d, err
	}
	space, err := cfg.Supernet.Lookup()
	if err != nil {
		return d, err
	}
	found, err := run.ReadResult(e.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d, err
	}
	if found != nil && found.Taken() != nil {
		d.Sections = append(d.Sections, foundSection(space, found), rankingSection(found))
	}
	curves, err := s.curves.of(e.Dir, cfg)
	if err != nil {
		d.Sections = append(d.Sections, report.Section{ID: "training", Title: "Training", Lead: "It cannot be read: " + err.Error()})
		return d, nil
	}
	if training := report.TrainingSection(curves, run.PlacesOf(space)); len(training.Groups) > 0 {
		d.Sections = append(d.Sections, training)
	}
	return d, nil
}

// state says how far a run is.
func (s *site) state(e inventory.Entry) report.Section {
	one := report.Section{ID: "state", Title: "State", Tiles: []report.Fact{
		{Name: "state", Value: e.State}, {Name: "steps", Value: progress(e)}, {Name: "best", Value: best(e.Best)}, {Name: "changed", Value: s.ago(e.Changed)},
	}}
	if e.Problem != "" {
		one.Lead = "It cannot be read: " + e.Problem
	}
	one.Facts = []report.Fact{{Name: "space", Value: cmp.Or(e.Space, "–")}, {Name: "folder", Value: e.Dir}, {Name: "size", Value: report.Count(e.Bytes) + "B"}}
	return one
}

// foundSection shows what a search has found. A search in another space may have written into the folder: its networks cannot be drawn.
func foundSection(space supernet.Space, r *run.Saved) report.Section {
	answer := r.Taken()
	s := report.Section{ID: "found", Title: "The architecture found", Arch: answer.Arch, Tiles: []report.Fact{
		{Name: "score, " + r.Objective, Value: scoreText(answer.Score)}, {Name: "MACs an image", Value: report.Count(answer.MACs)},
		{Name: "parameters", Value: report.Count(answer.Params)}, {Name: "networks scored, " + r.Strategy, Value: strconv.Itoa(r.Evaluations)},
	}}
	if answer.Latency > 0 {
		s.Tiles = append(s.Tiles, report.Fact{Name: "latency, ms", Value: strconv.FormatFloat(answer.Latency, 'g', 4, 64)})
	}
	s.Groups = []report.Group{drawn(space, answer.Arch)}
	return s
}

// drawn is the drawing of an architecture, or the reason why there is none.
func drawn(space supernet.Space, text string) report.Group {
	drawing, err := drawingOf(space, text)
	if err != nil {
		return report.Group{Note: "It cannot be drawn: " + err.Error()}
	}
	return report.Group{Class: "graph", Figures: []report.Figure{drawing}}
}

// drawingOf draws an architecture.
func drawingOf(space supernet.Space, text string) (report.Figure, error) {
	a, err := space.Parse(text)
	if err != nil {
		return report.Figure{}, err
	}
	graph, err := run.GraphOf(space, a)
	if err != nil {
		return report.Figure{}, err
	}
	return report.Drawing(graph, run.PlacesOf(space)), nil
}

// rankingSection shows the best networks, and the front of score and cost.
func rankingSection(r *run.Saved) report.Section {
	s := report.Section{ID: "ranking", Title: "Ranking", Lead: fmt.Sprintf("The best %d of %s by %s.", min(mostRows, len(r.Best)), amount.Of(r.Evaluations, "network"), r.Objective)}
	name, axis, few, costOf := "MACs", "million MACs an image", "as few MACs", func(n run.SavedNetwork) float64 { return float64(n.MACs) / 1e6 }
	switch r.Cost {
	case search.Params:
		name, axis, few, costOf = "parameters", "million parameters", "as few parameters", func(n run.SavedNetwork) float64 { return float64(n.Params) / 1e6 }
	case search.Latency:
		name, axis, few, costOf = "latency", "latency, ms", "as low a latency", func(n run.SavedNetwork) float64 { return n.Latency }
	}
	points := func(networks []run.SavedNetwork) (x, y []float64) {
		for _, n := range networks {
			if n.Score != nil {
				x, y = append(x, costOf(n)), append(y, *n.Score)
			}
		}
		return x, y
	}
	x, y := points(slices.Concat(r.Best, r.Pareto))
	frontX, frontY := points(r.Pareto)
	if len(x) > 1 {
		f := report.Front("Score against "+name, axis, x, y, frontX, frontY)
		f.Caption = "The best networks, and the front: each network of it scores higher than all with " + few + "."
		s.Groups = []report.Group{{Class: report.WideFigures, Figures: []report.Figure{f}}}
	}
	s.Table = &report.Table{Head: []report.Header{{Text: "#"}, {Text: "architecture", Left: true}, {Text: r.Objective}, {Text: "MACs"}, {Text: "params"}}}
	for i, n := range r.Best[:min(mostRows, len(r.Best))] {
		row := report.Row{Cells: []report.Cell{
			{Text: strconv.Itoa(i + 1)}, {Text: n.Arch, Class: "left text"}, {Text: scoreText(n.Score)}, {Text: report.Count(n.MACs)}, {Text: report.Count(n.Params)},
		}}
		if i == r.Answer {
			row.Mark, row.Cells[1].Note = "chosen", "found"
		}
		s.Table.Rows = append(s.Table.Rows, row)
	}
	return s
}

func scoreText(v *float64) string {
	if v == nil {
		return "–"
	}
	return report.Number(*v)
}

// trainedSection shows networks that are trained on their own, and the results of those that are done.
func trainedSection(e inventory.Entry) (report.Section, error) {
	s := report.Section{ID: "networks", Title: "Networks", Lead: "In the order in which they were given."}
	all, err := run.OpenRetraining(e.Dir)
	if err != nil {
		return s, err
	}
	s.Table = &report.Table{Head: []report.Header{{Text: "#"}, {Text: "architecture", Left: true}, {Text: "test accuracy"}, {Text: "validation accuracy"}, {Text: "MACs"}, {Text: "params"}}}
	for i, arch := range all.Archs {
		cells := []report.Cell{{Text: strconv.Itoa(i + 1)}, {Text: arch, Class: "left text"}}
		done, err := all.Result(i + 1)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			cells[1].Note = "not yet"
			cells = append(cells, report.Cell{Text: "–"}, report.Cell{Text: "–"}, report.Cell{Text: "–"}, report.Cell{Text: "–"})
		case err != nil:
			return s, err
		default:
			test, validation := "–", "–"
			if done.Test != nil {
				test = report.Percent(done.Test.Accuracy)
			}
			if done.Validation != nil {
				validation = report.Percent(done.Validation.Accuracy)
			}
			cells = append(cells, report.Cell{Text: test}, report.Cell{Text: validation}, report.Cell{Text: report.Count(done.MACs)}, report.Cell{Text: report.Count(done.Params)})
		}
		s.Table.Rows = append(s.Table.Rows, report.Row{Cells: cells})
	}
	return s, nil
}
