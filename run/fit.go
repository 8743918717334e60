package run

import (
	"fmt"
	"strings"

	"bnas.example/data"
	"bnas.example/indicator"
)

// fit lowers the settings that a small data set cannot fulfil, if the options allow it, and logs one line that lists them. Those of
// a run folder divide its images as its training did, unless the set is another one that is too small for them.
func fit(cfg *Config, set data.Set, o Options) {
	if o.Lower == nil {
		return
	}
	f := fitter{may: o.Lower}
	n := set.Len()
	least := max(cfg.Train.Batch, n/2)
	if o.opened {
		least = 1
	}
	if n-cfg.Data.Holdout < least {
		f.lower("data.holdout", &cfg.Data.Holdout, n/5)
	}
	training := n - cfg.Data.Holdout
	if !o.opened {
		f.lower("train.batch", &cfg.Train.Batch, max(2, training))
	}
	f.score(&cfg.Score, max(training, cfg.Data.Holdout))
	if len(f.changes) > 0 && o.Log != nil {
		o.Log.Info("defaults lowered for a small data set", "images", n, "settings", strings.Join(f.changes, ", "))
	}
}

// fitter lowers settings and keeps a list of the changes.
type fitter struct {
	may     func(setting string) bool
	changes []string
}

func (f *fitter) lower(setting string, field *int, value int) {
	if value < *field && f.may(setting) {
		f.changes = append(f.changes, fmt.Sprintf("%s %d→%d", setting, *field, value))
		*field = value
	}
}

// score divides have images among the parts of scoring, in the proportion of the settings. If that is not enough, because
// some of them may not be lowered, it lowers none.
func (f *fitter) score(c *indicator.Config, have int) {
	need := c.ImagesNeeded()
	if have >= need {
		return
	}
	before, trial := *c, fitter{may: f.may}
	for _, part := range []struct {
		setting string
		field   *int
	}{{"score.mc_batch", &c.MCBatch}, {"score.mc_queries", &c.MCQueries}, {"score.images", &c.Images}} {
		trial.lower(part.setting, part.field, max(2, *part.field*have/need))
	}
	trial.lower("score.ntk_batches", &c.NTKBatches, max(1, c.Images/2))
	trial.lower("score.ntk_images", &c.NTKImages, c.Images/c.NTKBatches)
	if c.ImagesNeeded() > have {
		*c = before
		return
	}
	f.changes = append(f.changes, trial.changes...)
}
