package study

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"bnas.example/report"
)

// section is a part of the page.
type section = report.Section

// page writes the page of a study.
func (s Study) page(path string, r *Results, o *Outcome, options Options) error {
	config, err := yaml.Marshal(r.Settings)
	if err != nil {
		return err
	}
	d := report.Document{Title: "Study: " + s.Name, Summary: fmt.Sprintf("Shown on %s with %s, by one command.", r.Run.Supernet.Space, r.Run.Data.Name)}
	d.Sections = append(d.Sections, section{ID: "claim", Title: "The claim", Lead: s.Claim, Groups: []report.Group{{Lead: "Here: " + o.Says}}})
	done := section{ID: "done", Title: "What was done", Tiles: r.tiles()}
	for _, p := range o.Done {
		done.Groups = append(done.Groups, report.Group{Lead: p})
	}
	d.Sections = append(append(d.Sections, done), o.Sections...)
	limits := section{ID: "limits", Title: "What it does not show"}
	for _, p := range o.Limits {
		limits.Groups = append(limits.Groups, report.Group{Lead: p})
	}
	files := section{ID: "files", Title: "The same again", Command: options.Command, Config: string(config)}
	files.Lead = fmt.Sprintf("The figures are in the CSV tables beside this page: %s. What is computed is kept in the folder cells: the command again computes what is missing there.",
		strings.Join(names(o.Tables), ", "))
	d.Sections = append(d.Sections, limits, files, section{ID: "provenance", Title: "Provenance", Facts: r.provenance(options.Version)})
	return report.WriteDocument(path, d)
}

func names(tables []*Table) []string {
	var all []string
	for _, t := range tables {
		all = append(all, t.Name+".csv")
	}
	return all
}

// tiles says in large type how much was computed.
func (r *Results) tiles() []report.Fact {
	seconds := 0.0
	for _, c := range r.Cells {
		seconds += r.Made(c.Name).Seconds
	}
	form := "full"
	if r.Quick {
		form = "quick"
	}
	return []report.Fact{
		{Name: "form", Value: form},
		{Name: "cells computed", Value: fmt.Sprint(len(r.Cells))},
		{Name: "seeds", Value: fmt.Sprint(r.Seeds)},
		{Name: "computing, all cells", Value: time.Duration(seconds * float64(time.Second)).Round(time.Second).String()},
	}
}

// provenance says what made the results.
func (r *Results) provenance(version string) []report.Fact {
	of := func(get func(Made) string) string {
		var all []string
		for _, c := range r.Cells {
			if v := get(r.Made(c.Name)); !slices.Contains(all, v) {
				all = append(all, v)
			}
		}
		return strings.Join(all, "; ")
	}
	var last time.Time
	for _, c := range r.Cells {
		if at := r.Made(c.Name).Finished; at.After(last) {
			last = at
		}
	}
	facts := []report.Fact{
		{Name: "cells made by bnas", Value: of(func(m Made) string { return m.Version })},
		{Name: "page made by bnas", Value: version},
		{Name: "device", Value: of(func(m Made) string { return m.Device })},
		{Name: "arithmetic", Value: of(func(m Made) string { return m.Arithmetic })},
		{Name: "threads", Value: of(func(m Made) string { return fmt.Sprint(m.Threads) }) + " (the bits are the same for any number)"},
		{Name: "seeds", Value: of(func(m Made) string { return fmt.Sprint(m.Seed) })},
		{Name: "data", Value: of(func(m Made) string { return m.Data + ", sha256 " + m.DataHash })},
		{Name: "last cell", Value: last.Format(time.RFC3339)},
	}
	if r.Truth != nil {
		facts = append(facts, report.Fact{Name: "table of accuracies", Value: fmt.Sprintf("%s, sha256 %s, %d rows", r.Truth.Name, r.Truth.Hash, r.Truth.Len())})
	}
	return facts
}

// withInterval writes an estimate for a table of the page.
func withInterval(e estimate) string {
	if math.IsNaN(e.mean) {
		return "–"
	}
	if math.IsNaN(e.Low) {
		return minus(fmt.Sprintf("%.2f", e.mean))
	}
	return minus(fmt.Sprintf("%.2f (%.2f … %.2f)", e.mean, e.Low, e.High))
}

// minus replaces hyphens by the typographical minus sign.
func minus(text string) string { return strings.ReplaceAll(text, "-", "−") }

// listed writes "a, b and c".
func listed(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
