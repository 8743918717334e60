package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocument writes a page of all that a section can have, and wants every text in it, escaped, and every drawing whole.
func TestDocument(t *testing.T) {
	hueOf := Palette([]string{"standard", "fair"})
	path := filepath.Join(t.TempDir(), "page.html")
	err := WriteDocument(path, Document{Title: "a <title>", Summary: "the summary", Sections: []Section{{
		ID: "one", Title: "First", Lead: "the lead", Tiles: []Fact{{"cells", "12"}},
		Groups: []Group{{
			Class: WideFigures, Lead: "the figures", Note: "the note", Legend: Legends([]string{"standard", "fair"}, hueOf),
			Figures: []Figure{
				Lines("lines", "step", []Curve{{Name: "fair", X: []float64{1, 2}, Y: []float64{3, 4}, Low: []float64{2, 3}, High: []float64{4, 5}}}, hueOf, Level{3, "a level"}),
				Scatter("points", "x", []float64{1, 2}, []float64{3, 4}),
				Stacks("stacks", []string{"standard", "fair"}, []Stack{{"a row", []float64{.25, .75}}}, hueOf),
				Intervals("intervals", "τ-b", []Estimate{{"naswot", "fair", .5, .4, .6}, {"naswot", "standard", .3, .2, .4}}, hueOf),
			},
			Table: &Table{Head: []Header{{"name", true}}, Rows: []Row{{Cells: []Cell{{Text: "a cell"}}}}},
		}},
		Command: "bnas study x", Config: "seeds: 3",
	}}})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	svgs := svgElement.FindAllString(page, -1)
	if len(svgs) != 4 {
		t.Errorf("%d drawings, want 4", len(svgs))
	}
	for _, s := range svgs {
		checkSVG(t, s)
	}
	for _, want := range []string{
		"<h1>a &lt;title&gt;</h1>", "the summary", `<section id="one">`, "the lead", "<b>12</b>", "the figures", "the note", "a cell", "a level", "a row = fair: 75.0 %",
		"naswot: 0.5000, 0.4000 to 0.6000", `class="band s1"`, `<div class="figures wide">`, "bnas study x", "seeds: 3",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if n := strings.Count(page, ">naswot<"); n != 1 {
		t.Errorf("the name of two estimates stands %d times", n)
	}
}
