package indicator

import (
	"testing"

	"bnas.example/supernet"
)

// The terms of the start are those of an untrained standard supernet, whatever supernet is scored. Tests of those have their formulas.
func TestAtStart(t *testing.T) {
	want := newBench(t, supernet.Standard, false).score(t, mixed)
	trained := newBench(t, supernet.Fair, true).score(t, mixed)
	for term, of := range map[string]string{
		"az_trainability": "isometry", "standard_isometry": "isometry", "standard_isometry_even": "isometry_even",
		"standard_jacobian_corr": "jacobian_corr", "standard_fisher_dim": "fisher_dim",
	} {
		if got := trained[term]; got != want[of] || got == 0 || got == trained[of] {
			t.Errorf("%s: %v, want %v; trained %v", term, got, want[of], trained[of])
		}
	}
}
