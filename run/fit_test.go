package run

import (
	"testing"

	"bnas.example/data"
)

// sized is a set of n images that has nothing else.
type sized struct {
	data.Set
	n int
}

func (s sized) Len() int { return s.n }

func TestFit(t *testing.T) {
	all := func(string) bool { return true }
	for _, c := range []struct {
		name                       string
		images, holdout, batch     int
		o                          Options
		wantHoldout, wantBatchSize int
	}{
		{"large", 8000, 1000, 64, Options{Lower: all}, 1000, 64},
		{"small", 100, 1000, 64, Options{Lower: all}, 20, 64},
		{"smaller than a batch", 50, 1000, 64, Options{Lower: all}, 10, 40},
		{"asked for", 100, 60, 64, Options{Lower: func(string) bool { return false }}, 60, 64},
		{"nothing may be lowered", 100, 60, 64, Options{}, 60, 64},
		{"a run folder whose training held out most", 8000, 6000, 64, Options{Lower: all, opened: true}, 6000, 64},
		{"a run folder with a large batch", 100, 60, 64, Options{Lower: all, opened: true}, 60, 64},
		{"a run folder on a set too small for it", 100, 1000, 64, Options{Lower: all, opened: true}, 20, 64},
	} {
		cfg := Default()
		cfg.Data.Holdout, cfg.Train.Batch = c.holdout, c.batch
		fit(&cfg, sized{n: c.images}, c.o)
		if cfg.Data.Holdout != c.wantHoldout || cfg.Train.Batch != c.wantBatchSize {
			t.Errorf("%s: holdout %d and batch %d, want %d and %d", c.name, cfg.Data.Holdout, cfg.Train.Batch, c.wantHoldout, c.wantBatchSize)
		}
	}
}
