package serve

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"bnas.example/inventory"
	"bnas.example/report"
)

// list shows the runs of the folder, the last changed first.
func (s *site) list(*http.Request) (report.Document, error) {
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
	runs.Table = &report.Table{Head: []report.Header{
		{Text: "name", Left: true}, {Text: "state", Left: true}, {Text: "space", Left: true}, {Text: "steps"}, {Text: "best"}, {Text: "changed"}, {Text: "size"},
	}}
	for _, e := range all {
		if goesOn(e) {
			d.Refresh = live
		}
		name := report.Cell{Text: e.Name, Class: "left", URL: addressOf(e.Name)}
		if e.State != inventory.Unreadable {
			name.Choice = &report.Choice{Field: nameField, Value: e.Name}
		}
		runs.Table.Rows = append(runs.Table.Rows, report.Row{Cells: []report.Cell{
			name, {Text: e.State, Class: "left"}, {Text: e.Space, Class: "left"}, {Text: progress(e)}, {Text: best(e.Best)},
			{Text: s.ago(e.Changed)}, {Text: report.Count(e.Bytes) + "B"},
		}})
	}
	if len(all) > 1 {
		runs.Form = &report.Form{Action: comparePath, Button: "Compare the runs that are ticked"}
	}
	d.Sections = []report.Section{runs}
	return d, nil
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
