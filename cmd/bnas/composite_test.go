package main

import "testing"

// TestObjectiveText: a score is explained as its composite is fused.
func TestObjectiveText(t *testing.T) {
	for name, want := range map[string]string{
		"naswot":       "the term naswot",
		"naswot-depth": "naswot-depth = naswot − depth, in log quantiles of the calibration sample; at most 0",
		"te-nas":       "te-nas = te_ntk + te_regions, in quantiles of the calibration sample; at most 2",
	} {
		if got := objectiveText(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
