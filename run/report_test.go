package run

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bnas.example/indicator"
	"bnas.example/report"
	"bnas.example/search"
	"bnas.example/supernet"
	"bnas.example/train"
)

// TestLearning: the page says of each training which parameters learn.
func TestLearning(t *testing.T) {
	path := filepath.Join(t.TempDir(), train.MetricsName)
	if err := os.WriteFile(path, []byte(`{"kind":"step","step":1,"loss":2,"accuracy":0.5}`+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, set := range supernet.TrainSets() {
		curves, err := readTraining(path, train.Config{Train: set}, 1)
		if err != nil {
			t.Fatal(err)
		}
		lead := report.TrainingSection(curves, nil).Lead
		if all := set == supernet.All; strings.HasPrefix(lead, "Convolutions stay ") == all || strings.HasPrefix(lead, "All weights learn") != all || learning[set].parameters == "" {
			t.Errorf("%s: %q, %q", set, lead, learning[set].parameters)
		}
	}
}

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
		d.Archs = func(yield func(report.Arch, error) bool) {
			for _, s := range visited {
				if !yield(report.Arch{Dead: s.Dead, Score: s.Values[0], Values: s.Values}, nil) {
					return
				}
			}
		}
		if err := agreement(&d, found); err != nil {
			t.Fatal(err)
		}
		if got := d.Agreement.Kendall[0][1]; got != c.tau || d.Calibration != c.count || !strings.HasPrefix(d.AgreementOver, c.over) {
			t.Errorf("τ %v over %s, calibration %d; want %v over %s", got, d.AgreementOver, d.Calibration, c.tau, c.over)
		}
		found.Sample = nil // an objective of one term
	}
}
