package main

import (
	"os"
	"strings"
	"testing"

	"bnas.example/cuda/cost"
)

// documented are the counts of the documented steps, by the table of instructions.
func documented(t *testing.T) (counts []*cost.Count) {
	t.Helper()
	for _, d := range cost.DocumentedSteps() {
		p, params, err := d.Program()
		if err != nil {
			t.Fatal(err)
		}
		c, err := cost.CountStep(p, params, 256, d.Storage)
		if err != nil {
			t.Fatal(err)
		}
		counts = append(counts, c)
	}
	return counts
}

// The tables of the document are those of the kernels.
func TestDocsHaveTheCounts(t *testing.T) {
	text, err := os.ReadFile("../../" + docsFile)
	if err != nil {
		t.Fatal(err)
	}
	counts := documented(t)
	updated, err := updateDocs(string(text), counts)
	if err != nil {
		t.Fatal(err)
	}
	if updated != string(text) {
		t.Errorf("%s is not of these kernels: go run ./tools/instructions -write", docsFile)
	}
	without := strings.Replace(string(text), "| kernel | launches |", "| kernels |", 1)
	if _, err := updateDocs(without, counts); err == nil {
		t.Error("a document without the table is no error")
	}
	changed := strings.Replace(string(text), "| images |", "| pictures |", 1)
	changed = strings.Replace(changed, "`conv_bf16_gradient` |", "`conv` |", 1)
	if again, err := updateDocs(changed, counts); err != nil || again != string(text) {
		t.Errorf("a changed row stays (%v)", err)
	}
}
