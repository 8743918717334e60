package serve

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"time"

	"bnas.example/inventory"
	"bnas.example/report"
)

// list shows the runs of the folder, the last changed first.
func (s *site) list(r *http.Request) (report.Document, error) {
	all, err := s.entries()
	if err != nil {
		return report.Document{}, err
	}
	slices.SortStableFunc(all, func(a, b inventory.Entry) int { return b.Changed.Compare(a.Changed) })
	d := report.Document{Title: "bnas", Summary: "The runs in " + s.dir + "."}
	runs := report.Section{ID: "runs", Title: "Runs"}
	if len(all) == 0 {
		runs.Lead = "There are none yet. bnas run makes one."
		d.Sections = []report.Section{runs}
		return d, nil
	}
	ticked := slices.DeleteFunc(r.URL.Query()[nameField], func(name string) bool {
		return !slices.ContainsFunc(all, func(e inventory.Entry) bool { return e.Name == name && readable(e) })
	})
	runs.Table = &report.Table{Cards: true, Head: []report.Header{
		{Text: "name", Left: true}, {Text: "state", Left: true}, {Text: "space", Left: true}, {Text: "steps"}, {Text: "best"}, {Text: "changed"}, {Text: "size"},
	}}
	for _, e := range all {
		if goesOn(e) {
			d.Refresh = live
		}
		name := report.Cell{Text: e.Name, Class: "left", URL: addressOf(e.Name)}
		if readable(e) && len(all) > 1 {
			name.Choice = choice(e.Name, ticked)
		}
		runs.Table.Rows = append(runs.Table.Rows, report.Row{Cells: []report.Cell{
			name, {Text: e.State, Class: "left"}, {Text: e.Space, Class: "left"}, {Text: progress(e)}, {Text: best(e.Best)},
			{Text: s.ago(e.Changed)}, {Text: report.Count(e.Bytes) + "B"},
		}})
	}
	switch {
	case len(ticked) > 1:
		runs.Button = &report.Link{URL: withRuns(comparePath, ticked), Text: "Compare the runs that are ticked"}
	case len(all) > 1:
		runs.TableLead = "Tick two or more to compare them."
	}
	d.Sections = []report.Section{runs}
	return d, nil
}

// readable reports whether a run can be compared with others.
func readable(e inventory.Entry) bool { return e.State != inventory.Unreadable }

// choice is the box of a run in the list, given the runs that are ticked.
func choice(name string, ticked []string) *report.Choice {
	c := &report.Choice{ID: url.QueryEscape(name), Name: name, Ticked: slices.Contains(ticked, name)}
	others := slices.DeleteFunc(slices.Clone(ticked), func(one string) bool { return one == name })
	if !c.Ticked {
		others = append(others, name)
	}
	c.URL = withRuns(listPath, others)
	return c
}

// withRuns is the address of a page about runs.
func withRuns(path string, names []string) string {
	if len(names) == 0 {
		return path
	}
	return path + "?" + url.Values{nameField: names}.Encode()
}

// goesOn reports whether a process works on a run.
func goesOn(e inventory.Entry) bool {
	return e.State == inventory.Training || e.State == inventory.Searching
}

func progress(e inventory.Entry) string { return cmp.Or(e.Progress(), "–") }

func best(b *inventory.Best) string {
	if b == nil || b.Score == nil {
		return "–"
	}
	return report.Number(*b.Score) + " " + b.By
}

// ago says how long ago something was.
func (s *site) ago(t time.Time) string { return inventory.Age(max(0, s.now().Sub(t))) + " ago" }
