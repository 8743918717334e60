package run

import (
	"testing"

	"bnas.example/report"
	"bnas.example/supernet"

	"github.com/google/go-cmp/cmp"
)

// TestWiredGraph: the picture of a cell of NAS-Bench-101 has the edges of its matrix.
func TestWiredGraph(t *testing.T) {
	space, err := supernet.Lookup("nas-bench-101")
	if err != nil {
		t.Fatal(err)
	}
	a, err := space.Parse("111|01|1|3m")
	if err != nil {
		t.Fatal(err)
	}
	got, err := GraphOf(space, a)
	if err != nil {
		t.Fatal(err)
	}
	want := report.Graph{
		Title: "111|01|1|3m",
		Nodes: []report.Node{{Name: "in"}, {Name: "vertex 1", Op: "conv3x3-bn-relu", Detail: "vertex 1"}, {Name: "vertex 2", Op: "maxpool3x3", Detail: "vertex 2"}, {Name: "out"}},
		Edges: []report.Edge{{From: 0, To: 1}, {From: 0, To: 2}, {From: 0, To: 3}, {From: 1, To: 3}, {From: 2, To: 3}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
