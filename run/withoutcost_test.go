package run

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bnas.example/indicator"
	"bnas.example/search"
)

// TestWithoutCost ranks the network f among a, b and c.
func TestWithoutCost(t *testing.T) {
	terms := map[string][]float64{"naswot": {3, 4, 2, 1}, "ntk": {3, 4, 1, 2}, "bn_noise": {1, 1, 1, 0}, "macs": {4, 1, 3, 2}, "depth": {1, 4, 2, 3}}
	var scores []indicator.Scores
	for i, name := range []string{"f", "a", "b", "c"} {
		values := map[string]float64{}
		for term, of := range terms {
			values[term] = of[i]
		}
		s := scoresOf(values)
		s.Arch, s.Canonical = name, name
		scores = append(scores, s)
	}
	again := scores[1]
	again.Arch = "a, another form"
	dead := indicator.Scores{Arch: "dead", Canonical: "#", Dead: true, Values: scoresOf(nil).Values}
	path := scoreFileOf(t, append([]indicator.Scores{dead, again}, scores...))
	calibration, err := indicator.NewCalibration(scores)
	if err != nil {
		t.Fatal(err)
	}
	f := func(rank, equal int) search.Ranked { return search.Ranked{Rank: rank, Equal: equal, First: "f"} }
	a := func(rank int) search.Ranked { return search.Ranked{Rank: rank, First: "a, another form"} }
	for _, c := range []struct {
		composite string
		want      *search.WithoutCost
	}{
		{"naswot+ntk+macs", &search.WithoutCost{Terms: []string{"macs"}, Networks: 4, With: f(1, 0), Without: a(2)}},
		{"naswot+macs", &search.WithoutCost{Terms: []string{"macs"}, Networks: 4, With: f(1, 0), Without: a(2)}},
		{"macs-depth+bn_noise", &search.WithoutCost{Terms: []string{"macs", "depth"}, Networks: 4, With: f(1, 0), Without: f(1, 2)}},
		{"naswot+ntk", nil},
		{"macs-depth", nil},
	} {
		composite, err := indicator.ParseComposite(c.composite)
		if err != nil {
			t.Fatal(err)
		}
		objective, err := search.Fused(composite, calibration)
		if err != nil {
			t.Fatal(err)
		}
		found := &Found{Result: &search.Result{Best: []search.Found{{Scores: scores[0]}}}, Objective: objective, Sample: scores, Ledgers: []string{path}}
		if got, err := (&Run{}).withoutCost(composite, found); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, %v, want %+v", c.composite, got, err, c.want)
		}
		found.Ledgers = nil
		if got, err := (&Run{}).withoutCost(composite, found); err != nil || got != nil {
			t.Errorf("%s without a ledger: %+v, %v", c.composite, got, err)
		}
	}
}

// scoreFileOf writes a score file.
func scoreFileOf(t *testing.T, scores []indicator.Scores) (path string) {
	t.Helper()
	var text bytes.Buffer
	out, err := indicator.NewScoreWriter(&text, 1)
	for _, s := range scores {
		if err == nil {
			err = out.Write(s)
		}
	}
	if err == nil {
		err = out.Flush()
	}
	path = filepath.Join(t.TempDir(), "scores.csv")
	if err == nil {
		err = os.WriteFile(path, text.Bytes(), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestResultWithoutCost: the result and the page have the ranks of the found network among all live networks of the ledger that are
// within the limits.
func TestResultWithoutCost(t *testing.T) {
	cfg := tiny()
	cfg.Train.Steps, cfg.Train.RankEvery, cfg.Objective.Composite = 2, 0, "naswot+bn_noise+live_macs"
	cfg.Objective.Calibration, cfg.Search.MaxEvaluations = 12, 8
	r := trained(t, cfg)
	whole, err := r.Search(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	check := func(found *Found, limit string) {
		t.Helper()
		var kept search.Result
		readJSON(t, filepath.Join(r.Dir, ResultName), &struct {
			Without **search.WithoutCost `json:"without_cost"`
		}{&kept.WithoutCost})
		if kept.WithoutCost == nil || !reflect.DeepEqual(kept.WithoutCost, found.WithoutCost) {
			t.Fatalf("%+v, kept %+v", found.WithoutCost, kept.WithoutCost)
		}
		w := *kept.WithoutCost
		networks, with, without := rankedByHand(t, r, found)
		if w.Networks != networks || w.With.Rank != with || w.Without.Rank != without || !slices.Equal(w.Terms, []string{"live_macs"}) {
			t.Errorf("%+v, want ranks %d and %d of %d", w, with, without, networks)
		}
		page, err := r.Report(found, "command", "version", 0)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(page)
		if want := fmt.Sprintf("no.\u00a0%d of %d scored networks%s.", without, networks, limit); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("the page does not say %q (%v)", want, err)
		}
	}
	check(whole, "")
	r.Config.Search.MaxMACs = whole.Best[len(whole.Best)/2].Cost.MACs
	limited, err := r.Search(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	check(limited, " within the limits")
	if most := whole.WithoutCost.Networks; limited.WithoutCost.Networks >= most {
		t.Errorf("%d networks are within the limits, of %d", limited.WithoutCost.Networks, most)
	}
	r.Config.Objective.Composite = "naswot+bn_noise-live_macs"
	against, err := r.Search(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	page, err := r.Report(against, "command", "version", 0)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	if want := "in every term but live_macs, where lower is"; err != nil || !strings.Contains(string(text), want) {
		t.Errorf("the page does not say %q (%v)", want, err)
	}
}

// rankedByHand ranks the found network among the live ones of the ledger within the limit of MACs, with terms of cost and without.
func rankedByHand(t *testing.T, r *Run, found *Found) (networks, with, without int) {
	t.Helper()
	calibration, err := indicator.NewCalibration(found.Sample)
	if err != nil {
		t.Fatal(err)
	}
	best := found.Best[found.Answer].Scores
	rest := indicator.Composite{Terms: []string{"naswot", "bn_noise"}}
	seen := map[string]bool{best.Canonical: true}
	networks, with, without = 1, 1, 1
	for s, err := range indicator.EachScore(found.Ledgers[0]) {
		if err != nil {
			t.Fatal(err)
		}
		a, err := r.Net.Space.Parse(s.Arch)
		if err != nil {
			t.Fatal(err)
		}
		limit := r.Config.Search.MaxMACs
		if s.Dead || seen[s.Canonical] || limit > 0 && r.Net.Space.Cost(a, r.Net.Config).MACs > limit {
			continue
		}
		seen[s.Canonical] = true
		networks++
		if found.Objective.Of(s) > found.Objective.Of(best) {
			with++
		}
		if rest.Fuse(calibration, s) > rest.Fuse(calibration, best) {
			without++
		}
	}
	return networks, with, without
}
