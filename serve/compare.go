package serve

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"bnas.example/inventory"
	"bnas.example/report"
	"bnas.example/run"
)

// compare shows runs beside each other: the settings that differ, the curves, and what was found.
func (s *site) compare(r *http.Request) (report.Document, error) {
	var names []string
	for _, name := range r.URL.Query()[nameField] {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) < 2 {
		return report.Document{}, problem{http.StatusBadRequest, fmt.Errorf("a comparison takes two runs or more: tick them in the list")}
	}
	var all []inventory.Entry
	var dirs []string
	d := report.Document{Title: strings.Join(names, " and "), Summary: "Runs in " + s.dir + ", compared.", Links: []report.Link{{URL: listPath, Text: "all runs"}}}
	for _, name := range names {
		e, err := s.entry(name)
		if err != nil {
			return d, err
		}
		if e.State == inventory.Unreadable {
			return d, fmt.Errorf("%s cannot be read: %s", name, e.Problem)
		}
		if goesOn(e) {
			d.Refresh = live
		}
		all, dirs = append(all, e), append(dirs, e.Dir)
		d.Links = append(d.Links, report.Link{URL: addressOf(name), Text: name})
	}
	settings, err := inventory.Differences(dirs)
	if err != nil {
		return d, err
	}
	curves, err := curvesSection(&s.curves, all)
	if err != nil {
		return d, err
	}
	found, err := networksSection(all)
	if err != nil {
		return d, err
	}
	d.Sections = []report.Section{settingsSection(names, settings), s.resultsSection(all)}
	for _, more := range []report.Section{curves, found} {
		if len(more.Groups) > 0 || more.Lead != "" {
			d.Sections = append(d.Sections, more)
		}
	}
	return d, nil
}

// beside is the head of a table with a column for each run.
func beside(first string, names []string) []report.Header {
	head := []report.Header{{Text: first, Left: true}}
	for _, n := range names {
		head = append(head, report.Header{Text: n})
	}
	return head
}

func settingsSection(names []string, differences []inventory.Difference) report.Section {
	s := report.Section{ID: "settings", Title: "Settings that differ"}
	if len(differences) == 0 {
		s.Lead = "None."
		return s
	}
	s.Table = &report.Table{Head: beside("setting", names)}
	for _, d := range differences {
		row := report.Row{Cells: []report.Cell{{Text: d.Setting, Class: "left"}}}
		for _, v := range d.Values {
			text := "–"
			if v != nil {
				text = fmt.Sprint(v)
			}
			row.Cells = append(row.Cells, report.Cell{Text: text})
		}
		s.Table.Rows = append(s.Table.Rows, row)
	}
	return s
}

func (s *site) resultsSection(all []inventory.Entry) report.Section {
	var names []string
	for _, e := range all {
		names = append(names, e.Name)
	}
	results := report.Section{ID: "results", Title: "Results", Table: &report.Table{Head: beside("", names)}}
	for _, line := range []struct {
		name string
		of   func(inventory.Entry) string
	}{
		{"state", func(e inventory.Entry) string { return e.State }},
		{"steps", progress},
		{"best", func(e inventory.Entry) string { return best(e.Best) }},
		{"changed", func(e inventory.Entry) string { return s.ago(e.Changed) }},
	} {
		row := report.Row{Cells: []report.Cell{{Text: line.name, Class: "left"}}}
		for _, e := range all {
			row.Cells = append(row.Cells, report.Cell{Text: line.of(e)})
		}
		results.Table.Rows = append(results.Table.Rows, row)
	}
	return results
}

// curvesSection shows the curves of the runs in the same axes.
func curvesSection(kept *curves, all []inventory.Entry) (report.Section, error) {
	s := report.Section{ID: "training", Title: "Training"}
	var names []string
	var loss, accuracy, agreement []report.Curve
	for _, e := range all {
		if e.Networks {
			continue // each of its networks has curves of its own
		}
		cfg, err := run.ReadConfig(e.Dir)
		if err != nil {
			return s, err
		}
		t, err := kept.of(e.Dir, cfg)
		if err != nil {
			s.Lead += e.Name + " cannot be read: " + err.Error() + ". "
			continue
		}
		if len(t.Loss) == 0 {
			continue
		}
		names = append(names, e.Name)
		of := func(c report.Curve) report.Curve {
			c.Name = e.Name
			return c
		}
		loss, accuracy, agreement = append(loss, of(t.Loss[0])), append(accuracy, of(t.Accuracy[0])), append(agreement, of(t.EarlyBird))
	}
	hueOf := report.Palette(names)
	g := report.Group{Class: report.WideFigures, Legend: report.Legends(names, hueOf)}
	for _, c := range []struct {
		title  string
		curves []report.Curve
	}{{"Loss", loss}, {"Accuracy of the sampled paths", accuracy}, {"Early bird", agreement}} {
		if f := report.Lines(c.title, "step", c.curves, hueOf); f.SVG != "" {
			g.Figures = append(g.Figures, f)
		}
	}
	if len(g.Figures) > 0 {
		s.Groups = []report.Group{g}
	}
	return s, nil
}

// networksSection draws what the searches have found.
func networksSection(all []inventory.Entry) (report.Section, error) {
	s := report.Section{ID: "found", Title: "The architectures found"}
	for _, e := range all {
		if e.Best == nil || e.Best.Arch == "" {
			continue
		}
		cfg, err := inventory.ConfigOf(e.Dir)
		if err != nil {
			return s, err
		}
		space, err := cfg.Supernet.Lookup()
		if err != nil {
			return s, err
		}
		g := drawn(space, e.Best.Arch)
		g.Lead = e.Name + ": " + best(e.Best)
		s.Groups = append(s.Groups, g)
	}
	return s, nil
}
