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

// TestFitScore: settings of scoring that may be lowered make room for those that are asked for; a few images are enough for the fewest of each
// part.
func TestFitScore(t *testing.T) {
	for _, c := range []struct {
		name                    string
		images, asked           int // of the set; --images, 0: the default
		want, queries, mcImages int
	}{
		{"all are lowered alike", 64, 0, 23, 5, 8},
		{"fewer images are asked for", 64, 16, 16, 7, 10},
		{"fewer images are asked for, on a smaller set", 32, 16, 16, 2, 3},
		{"the fewest of each part, and one more", 13, 0, 2, 2, 2},
		{"too few for what is asked for", 25, 16, 16, 16, 24},
		{"too few for anything", 11, 0, 64, 16, 24},
	} {
		f := fitter{may: func(setting string) bool { return setting != "score.images" || c.asked == 0 }}
		score := Default().Score
		if score.NTKImages = 4; c.asked > 0 {
			score.Images = c.asked
		}
		if f.score(&score, c.images); score.Images != c.want || score.MCQueries != c.queries || score.MCBatch != c.mcImages {
			t.Errorf("%s: images %d, mc_queries %d, mc_batch %d, want %d, %d and %d", c.name, score.Images, score.MCQueries, score.MCBatch, c.want, c.queries, c.mcImages)
		}
		if lowered := len(f.changes) > 0; lowered != (score.ImagesNeeded() <= c.images) {
			t.Errorf("%s: %d images are needed of %d, and the changes are %q", c.name, score.ImagesNeeded(), c.images, f.changes)
		}
	}
}
