package main

import (
	"strings"
	"testing"
)

func TestSelectionEntries(t *testing.T) {
	for _, c := range []struct{ text, wrong string }{
		{"sets:\n- {space: nas-bench-macro, scores: runs/macro, table: macro.csv, accuracy_column: mean, arch_columns: [a, b], weight: 2}", ""},
		{"sets:\n- {space: darts, scores: s, table: t}\n- {space: darts, scores: s, table: t}", ""},
		{"", "no sets"},
		{"sets: []", "no sets"},
		{"sets: 3", "list"},
		{"set: []", `there is no setting "set"`},
		{"sets:\n- {space: darts, scores: s, tables: t}", `there is no setting "sets[0].tables"`},
		{"sets:\n- {space: darts, scores: s, table: t}\n- {space: darts, table: t}", "sets[1].scores is missing"},
		{"sets:\n- {space: darts, scores: s, table: t, weight: -1}", "sets[0].weight"},
		{"sets:\n- {space: darts, scores: s, table: t, weight: 0}", "sets[0].weight 0: must be above 0"},
		{"sets:\n- &a {space: darts, scores: s, table: t}\n- {<<: *a, weight: 0}", "sets[1]."},
		{"sets:\n- {space: darts, scores: s, table: t, weight: much}", "weight"},
	} {
		got, err := selectionEntries([]byte(c.text))
		if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%q: error %v, want %q in it", c.text, err, c.wrong)
		}
		for _, e := range got {
			if e.Weight <= 0 || e.Space == "" || e.Scores == "" || e.Table == "" {
				t.Errorf("%q: %+v", c.text, e)
			}
		}
	}
}

// FuzzSelectionEntries: no text panics, and what is accepted is complete.
func FuzzSelectionEntries(f *testing.F) {
	f.Add([]byte("sets:\n- {space: darts, scores: s, table: t, arch_columns: [a], weight: 2}"))
	f.Add([]byte("sets: {}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, err := selectionEntries(text)
		if err != nil {
			return
		}
		for _, e := range entries {
			if !(e.Weight > 0) || e.Space == "" || e.Scores == "" || e.Table == "" {
				t.Errorf("%q: %+v", text, e)
			}
		}
	})
}
