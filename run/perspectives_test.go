package run

import (
	"math"
	"slices"
	"strconv"
	"strings"
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
		s := scoresOf(map[string]float64{"naswot": x, "bn_spectrum": x, "ntk": -x, "depth": x})
		s.Arch = strconv.Itoa(i)
		sample = append(sample, s)
	}
	sample = append(sample, indicator.Scores{Dead: true, Values: make([]float64, len(indicator.TermNames()))})
	// Above three of the four in both terms of expressivity, as good as the second in trainability, the least deep.
	best := scoresOf(map[string]float64{"naswot": 2.5, "bn_spectrum": 2.5, "ntk": -2, "depth": -1})
	best.Arch = "best"
	sample = append(sample, best) // it is not compared with itself
	found := &Found{Result: &search.Result{Best: []search.Found{{Scores: best}}}, Sample: sample}
	r := &Run{}
	var d report.Data
	if err := r.addPerspectives(&d, composite, found); err != nil {
		t.Fatal(err)
	}
	three, middle, all := report.Standing{Below: 3, Above: 1}, report.Standing{Below: 1, Equal: 1, Above: 2}, report.Standing{Below: 4}
	want := []struct {
		name     string
		terms    []string
		standing report.Standing
		compared report.Comparison
	}{
		{"expressivity", []string{"naswot", "bn_spectrum"}, three, goodness},
		{"trainability", []string{"ntk"}, middle, goodness},
		{"cost", []string{"depth"}, all, thrift},
	}
	if len(d.Perspectives) != len(want) || d.Others != "random networks" {
		t.Fatalf("%+v", d)
	}
	for i, w := range want {
		got := d.Perspectives[i]
		if got.Name != w.name || got.Standing != w.standing || got.Asks == "" || got.Compared != w.compared || len(got.Terms) != len(w.terms) {
			t.Errorf("%+v, want %+v", got, w)
		}
		for k, term := range got.Terms {
			if value, _ := best.Term(term.Name); term.Name != w.terms[k] || term.Standing != w.standing || term.Value != value || !strings.HasPrefix(term.Asks, "how ") || strings.Contains(term.Asks, "(less") {
				t.Errorf("%s: %+v", w.name, term)
			}
		}
	}

	var none report.Data
	dead := &Found{Result: &search.Result{Best: []search.Found{{Scores: indicator.Scores{Dead: true}}}}, Sample: sample}
	if err := r.addPerspectives(&none, composite, dead); err != nil || none.Perspectives != nil {
		t.Errorf("of a dead network: %v, %v", none.Perspectives, err)
	}
}

// A composite of one term has no sample; the found network is compared with the other scored ones, each once.
func TestPerspectiveOfOneTerm(t *testing.T) {
	var scored []indicator.Scores
	for name, x := range map[string]float64{"low": 1, "same": 2, "high": 3, "undefined": math.Inf(-1), "not measured": math.NaN()} {
		s := scoresOf(map[string]float64{"mc_mi": x})
		s.Arch, s.Canonical = name, name
		scored = append(scored, s)
		s.Arch += ", another form"
		scored = append(scored, s)
	}
	best := scoresOf(map[string]float64{"mc_mi": 2})
	best.Arch = "best"
	found := &Found{Result: &search.Result{Best: []search.Found{{Scores: best}}}, Sample: append(scored, best)}
	var d report.Data
	if err := (&Run{}).addPerspectives(&d, indicator.Composite{Name: "mc_mi", Terms: []string{"mc_mi"}}, found); err != nil {
		t.Fatal(err)
	}
	want := report.Standing{Below: 2, Equal: 1, Above: 1}
	if d.Others != "scored networks" || len(d.Perspectives) != 1 || d.Perspectives[0].Standing != want || d.Perspectives[0].Terms[0].Standing != want {
		t.Errorf("%+v", d.Perspectives)
	}
}

func TestComparison(t *testing.T) {
	for _, c := range []struct {
		text string
		of   indicator.Perspective
		want report.Comparison
	}{
		{"ntk-bn_noise", indicator.Uncertainty, goodness}, {"ntk+macs+depth", indicator.Size, size},
		{"ntk-macs-depth", indicator.Size, thrift}, {"ntk+macs-depth", indicator.Size, goodness},
	} {
		composite, err := indicator.ParseComposite(c.text)
		if err != nil {
			t.Fatal(err)
		}
		_, part := composite.Without(c.of)
		if got := comparison(c.of, part); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.text, got, c.want)
		}
	}
}

// Every term but the baselines has words.
func TestTermWords(t *testing.T) {
	for _, term := range indicator.Terms() {
		if words := termWords[term.Name]; term.Perspective != indicator.Baseline && !strings.HasPrefix(words, "how ") {
			t.Errorf("%s: %q, want words that begin with how (run/termwords.go)", term.Name, words)
		}
	}
	for name := range termWords {
		if !slices.Contains(indicator.TermNames(), name) {
			t.Errorf("words of %s, which is no term", name)
		}
	}
}
