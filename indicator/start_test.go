package indicator

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bnas.example/supernet"
)

// TestStart: after a step of training, the terms of training are measured again, with their new values, and those of the untrained
// network are not: by the same scorer after a Reset, and by later ones with its Start, also of a supernet with BatchNorms at other
// places. Scorers of other settings, images or weights do not know them.
func TestStart(t *testing.T) {
	b := newBench(t, supernet.Fair, true)
	start := NewStart()
	b.in.Start = start
	measured := 0 // Stop is asked before each measurement
	score := func(s *Scorer) (Scores, int) {
		t.Helper()
		before := measured
		s.Stop = func() error { measured++; return nil }
		scores, err := s.Score(b.arch(t, mixed))
		if err != nil {
			t.Fatal(err)
		}
		return scores, measured - before
	}
	cfg := small
	cfg.Terms = []string{"bn_noise", "standard_isometry", "standard_least", "synflow", "live_macs"}
	s := b.scorer(t, cfg)
	first, all := score(s)

	gamma := b.read(t, b.net.BNs()[0].Gamma, 0)
	for i := range gamma {
		gamma[i] *= float32(2 + i)
	}
	b.write(t, b.net.BNs()[0].Gamma, gamma)
	s.Reset()
	reset, few := score(s)
	later, also := score(b.scorer(t, cfg))
	if few >= all || also != few {
		t.Errorf("%d measurements at first, %d after a reset, %d by a later scorer", all, few, also)
	}
	if !cmp.Equal(reset.Values, later.Values, cmpopts.EquateNaNs()) {
		t.Errorf("by a later scorer: %s", cmp.Diff(reset.Values, later.Values, cmpopts.EquateNaNs()))
	}
	for i, term := range terms {
		if same := reset.Values[i] == first.Values[i]; same == (term.Name == "bn_noise") && s.want[i] {
			t.Errorf("%s: %v before the step, %v after it", term.Name, first.Values[i], reset.Values[i])
		}
	}
	b.in.Start = nil
	if alone, n := score(b.scorer(t, cfg)); n != all || !cmp.Equal(alone.Values, later.Values, cmpopts.EquateNaNs()) {
		t.Errorf("without what is known: %d measurements, %s", n, cmp.Diff(alone.Values, later.Values, cmpopts.EquateNaNs()))
	}
	b.in.Start = start
	standard := newBench(t, supernet.Standard, true)
	standard.in.Start = start
	known, n := score(standard.scorer(t, cfg))
	if standard.in.Start = nil; n != few {
		t.Errorf("in the standard placement: %d measurements, want %d", n, few)
	}
	if alone, _ := score(standard.scorer(t, cfg)); !cmp.Equal(alone, known, cmpopts.EquateNaNs()) {
		t.Errorf("in the standard placement: %s", cmp.Diff(alone, known, cmpopts.EquateNaNs()))
	}
	other := cfg
	other.Seed++
	if _, n := score(b.scorer(t, other)); n != all {
		t.Errorf("with other settings: %d measurements, want %d", n, all)
	}
	b.in.Images = slices.Clone(b.in.Images)
	b.in.Images[5]++
	if _, n := score(b.scorer(t, cfg)); n != all {
		t.Errorf("with another image: %d measurements, want %d", n, all)
	}
	weights := benchOf(t, supernet.Config{Space: "nas-bench-201", BN: supernet.Fair, Seed: 4, Classes: 4, Height: 8, Width: 8, Channels: 4, Cells: 1}, true)
	weights.in.Start = start
	if _, n := score(weights.scorer(t, cfg)); n != all {
		t.Errorf("with other weights: %d measurements, want %d", n, all)
	}
}
