package run

import (
	"math"
	"slices"
	"testing"

	"bnas.example/indicator"
	"bnas.example/report"
	"bnas.example/search"
)

// scoresOf returns scores with the given terms; the others are NaN.
func scoresOf(values map[string]float64) indicator.Scores {
	s := indicator.Scores{Values: slices.Repeat([]float64{math.NaN()}, len(indicator.TermNames()))}
	for i, name := range indicator.TermNames() {
		if v, ok := values[name]; ok {
			s.Values[i] = v
		}
	}
	return s
}

func TestPerspectives(t *testing.T) {
	composite := indicator.Composite{Name: "mine", Terms: []string{"naswot", "bn_spectrum", "ntk", "depth"}, Against: []string{"depth"}}
	var sample []indicator.Scores
	for i := range 4 {
		x := float64(i)
		sample = append(sample, scoresOf(map[string]float64{"naswot": x, "bn_spectrum": x, "ntk": -x, "depth": x}))
	}
	sample = append(sample, indicator.Scores{Dead: true, Values: make([]float64, len(indicator.TermNames()))})
	// Above three of the four in both terms of expressivity, as good as the second in trainability, the least deep.
	best := scoresOf(map[string]float64{"naswot": 2.5, "bn_spectrum": 2.5, "ntk": -2, "depth": -1})
	found := &Found{Result: &search.Result{Best: []search.Found{{Scores: best}}}, Sample: sample}
	var d report.Data
	if err := addPerspectives(&d, composite, found); err != nil {
		t.Fatal(err)
	}
	want := []struct {
		name  string
		terms []string
		share float64
	}{{"expressivity", []string{"naswot", "bn_spectrum"}, .75}, {"trainability", []string{"ntk"}, .375}, {"cost", []string{"depth"}, 1}}
	if len(d.Perspectives) != len(want) {
		t.Fatalf("%+v", d.Perspectives)
	}
	for i, w := range want {
		if got := d.Perspectives[i]; got.Name != w.name || !slices.Equal(got.Terms, w.terms) || got.Share != w.share || got.Asks == "" {
			t.Errorf("%+v, want %+v", got, w)
		}
	}
	for _, none := range []*Found{
		{Result: found.Result},
		{Result: &search.Result{Best: []search.Found{{Scores: indicator.Scores{Dead: true}}}}, Sample: sample},
	} {
		var d report.Data
		if err := addPerspectives(&d, composite, none); err != nil || d.Perspectives != nil {
			t.Errorf("%v, %v", d.Perspectives, err)
		}
	}
}
