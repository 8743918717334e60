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

// fewest is the least number of images of a part of scoring.
const fewest = 2

// score divides have images among the parts of scoring, in the proportion of the settings. Where that is too much, because some parts
// may not be lowered, or because a part would have fewer than fewest images, what the others leave above their fewest is divided. If not
// even that is enough, it lowers none.
func (f *fitter) score(c *indicator.Config, have int) {
	need := c.ImagesNeeded()
	if have >= need {
		return
	}
	given := *c
	least := given
	fitter{may: f.may}.scoreParts(&least, func(int) int { return fewest })
	spare, lowered := have-least.ImagesNeeded(), need-least.ImagesNeeded()
	for _, share := range []func(n int) int{
		func(n int) int { return max(fewest, n*have/need) },
		func(n int) int { return fewest + (n-fewest)*max(spare, 0)/max(lowered, 1) },
	} {
		trial := fitter{may: f.may}
		*c = given
		if trial = trial.scoreParts(c, share); c.ImagesNeeded() <= have {
			f.changes = append(f.changes, trial.changes...)
			return
		}
	}
	*c = given
}

// scoreParts lowers the parts of scoring to their shares, and the images of the tangent kernels to those that there are.
func (f fitter) scoreParts(c *indicator.Config, share func(n int) int) fitter {
	f.lower("score.mc_batch", &c.MCBatch, share(c.MCBatch))
	f.lower("score.mc_queries", &c.MCQueries, share(c.MCQueries))
	f.lower("score.images", &c.Images, share(c.Images))
	f.lower("score.ntk_batches", &c.NTKBatches, max(1, c.Images/2))
	f.lower("score.ntk_images", &c.NTKImages, c.Images/c.NTKBatches)
	return f
}
