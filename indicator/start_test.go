package indicator

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bnas.example/supernet"
)

// TestStart: after a step of training, the terms of training are measured again, with their new values, and those of the untrained
// network are not: by the same scorer after a Reset, and by a later one with its Start. Scorers of other settings do not know them.
func TestStart(t *testing.T) {
	b := newBench(t, supernet.Fair, true)
	start := NewStart()
	b.in.Start = start
	measured := 0 // Stop is asked before each measurement
	score := func(s *Scorer) (scores Scores, n int) {
		t.Helper()
		before := measured
		s.Stop = func() error { measured++; return nil }
		return b.must(t, s, mixed), measured - before
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
	cfg.Seed++
	if _, n := score(b.scorer(t, cfg)); n != all {
		t.Errorf("with other settings: %d measurements, want %d", n, all)
	}
}
