package run

import (
	"slices"
	"testing"

	"bnas.example/indicator"
	"bnas.example/search"
)

// Key is the key of the scores of the configuration.
func (r *Run) Key() (search.Key, error) {
	c, err := r.scoring()
	if err != nil {
		return nil, err
	}
	return r.key(c)
}

// evaluatorOf opens an untrained network and the evaluator of a folder, scores the first architecture, and returns the terms
// that were computed.
func evaluatorOf(t *testing.T, dir, composite string, terms ...string) (computed []string) {
	t.Helper()
	cfg := tiny()
	cfg.Score.Terms = terms
	cfg.Objective.Composite = composite
	r, err := Untrained(cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	e, err := r.Evaluator(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	s, err := e.Score(LiveSample(r.Net, 1, 0, "scored terms")[0])
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range s.Values {
		if v == v {
			computed = append(computed, indicator.TermNames()[i])
		}
	}
	if !slices.Equal(computed, e.Terms) {
		t.Errorf("computed %v, the evaluator says %v", computed, e.Terms)
	}
	return computed
}

func TestScoredTerms(t *testing.T) {
	for _, test := range []struct {
		composite string
		terms     []string
		with      []string
		without   []string
	}{
		{"bnas", nil, []string{"standard_spectrum", "standard_least", "bn_corr", "identity_gain", "standard_fisher_dim", "standard_jacobian_corr", "az_expressivity", "az_trainability", "one_shot_nll", "live_macs"}, []string{"naswot", "mc_mi", "cell_spectrum", "bn_spectrum", "bn_snip", "ntk", "isometry", "fisher_dim"}},
		{"quick", nil, []string{"naswot", "cell_spectrum", "isometry", "bn_noise", "firing_entropy", "one_shot_nll", "live_macs"}, []string{"ntk", "mc_mi", "bn_spectrum", "bn_snip", "identity_gain"}},
		{"naswot-depth", nil, []string{"naswot", "depth"}, []string{"isometry"}},
		{"etu", nil, []string{"naswot", "ntk_gauge", "mc_mi"}, []string{"isometry", "bn_noise"}},
		{"macs", nil, []string{"macs", "gamma_sum"}, []string{"naswot", "bn_entropy"}},
		{"bnas", []string{"mc_mi"}, []string{"mc_mi"}, []string{"naswot", "macs"}},
		{"bnas", []string{indicator.AllTerms}, indicator.TermNames(), nil},
		{"bnas", []string{indicator.OurTerms}, []string{"naswot", "mc_mi", "isometry", "live_macs"}, []string{"gamma_sum", "one_shot_nll", "snip", "az_expressivity"}},
		{"naswot", []string{indicator.BaselineTerms, "naswot"}, []string{"naswot", "snip", "gamma_sum", "live_macs"}, []string{"isometry", "bn_noise"}},
	} {
		got := evaluatorOf(t, "", test.composite, test.terms...)
		for _, name := range test.with {
			if !slices.Contains(got, name) {
				t.Errorf("%s, %v: no %s in %v", test.composite, test.terms, name, got)
			}
		}
		for _, name := range test.without {
			if slices.Contains(got, name) {
				t.Errorf("%s, %v: %s was computed", test.composite, test.terms, name)
			}
		}
	}
}

// TestLedgerOfMoreTerms: a ledger that has more terms than are needed goes on with its terms. One that lacks a term is set aside.
func TestLedgerOfMoreTerms(t *testing.T) {
	dir := t.TempDir()
	some := evaluatorOf(t, dir, "bnas")
	if len(some) >= len(indicator.TermNames()) {
		t.Fatalf("the composite needs %v", some)
	}
	for _, terms := range [][]string{{indicator.AllTerms}, nil, {"macs"}} {
		if got := evaluatorOf(t, dir, "bnas", terms...); !slices.Equal(got, indicator.TermNames()) {
			t.Errorf("%v: %v, want all", terms, got)
		}
	}
	if others, err := search.Kept(dir); err != nil || len(others) != 1 {
		t.Errorf("set aside: %v, %v; want one ledger", others, err)
	}
}
