package run

import (
	"math"
	"strings"
	"testing"

	"bnas.example/indicator"
	"bnas.example/report"
	"bnas.example/search"
	"bnas.example/supernet"
)

// TestAgreementIsOverTheRandomSample gives the sample and the visited architectures opposite orders.
func TestAgreementIsOverTheRandomSample(t *testing.T) {
	scores := func(arch string, first, second float64) indicator.Scores {
		values := make([]float64, len(indicator.TermNames()))
		values[0], values[1] = first, second
		return indicator.Scores{Arch: arch, Values: values}
	}
	dead := scores("dead", math.Inf(-1), math.Inf(-1))
	dead.Dead = true
	found := &Found{
		Objective: search.Objective{Of: func(s indicator.Scores) float64 { return s.Values[0] }},
		Sample:    []indicator.Scores{scores("a", 1, 1), scores("b", 2, 2), scores("c", 3, 3), dead},
	}
	visited := []indicator.Scores{scores("d", 1, 3), scores("e", 2, 2), scores("f", 3, 1), dead}
	for _, c := range []struct {
		tau   float64
		count int
		over  string
	}{{1, 3, "the 3 random live architectures"}, {-1, 0, "the 3 live architectures that the search has visited"}} {
		d := report.Data{Score: "s"}
		for _, name := range indicator.TermNames() {
			d.Terms = append(d.Terms, report.Term{Name: name})
		}
		for _, s := range visited {
			d.Archs = append(d.Archs, report.Arch{Dead: s.Dead, Score: s.Values[0], Values: s.Values})
		}
		agreement(&d, found)
		if got := d.Agreement.Kendall[0][1]; got != c.tau || d.Calibration != c.count || !strings.HasPrefix(d.AgreementOver, c.over) {
			t.Errorf("τ %v over %s, calibration %d; want %v over %s", got, d.AgreementOver, d.Calibration, c.tau, c.over)
		}
		found.Sample = nil // an objective of one term
	}
}

// TestReportHasTheBestOfTheSample: the better network of the calibration sample is in the page's data as the search names it.
func TestReportHasTheBestOfTheSample(t *testing.T) {
	net, err := supernet.New(supernet.Config{Space: "nas-bench-macro", Height: 8, Width: 8, Channels: 4})
	if err != nil {
		t.Fatal(err)
	}
	scored := []indicator.Scores{{Arch: "00000000", Values: []float64{1}}, {Arch: "22222222", Values: []float64{3}}, {Arch: "11111111", Values: []float64{2}}}
	found := &Found{
		Objective: search.Objective{Of: func(s indicator.Scores) float64 { return s.Values[0] }},
		Sample:    scored,
		Result:    &search.Result{Best: []search.Found{{Scores: scored[2], Score: 2}}},
	}
	r := &Run{Net: net}
	for _, better := range []*search.Found{nil, {Scores: scored[1], Score: 3}} {
		found.BestOfSample = better
		var d report.Data
		if err := r.reportArchs(&d, found); err != nil {
			t.Fatal(err)
		}
		if d.Found != 2 || (d.Search.Better != nil) != (better != nil) {
			t.Fatalf("found %d, better %v", d.Found, d.Search.Better)
		}
		if b := d.Search.Better; b != nil && (b.Text != "22222222" || b.Score != 3 || b.MACs == 0) {
			t.Errorf("better %+v", *b)
		}
	}
}
