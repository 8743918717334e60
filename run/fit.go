package run

import (
	"fmt"
	"strings"

	"bnas.example/data"
)

// fit lowers the settings that a small data set cannot fulfil, if the options allow it, and logs one line that lists them.
func fit(cfg *Config, set data.Set, o Options) {
	if o.Lower == nil {
		return
	}
	var changes []string
	lower := func(setting string, field *int, value int) {
		if value < *field && o.Lower(setting) {
			changes = append(changes, fmt.Sprintf("%s %d→%d", setting, *field, value))
			*field = value
		}
	}
	n := set.Len()
	if n-cfg.Data.Holdout < max(cfg.Train.Batch, n/2) {
		lower("data.holdout", &cfg.Data.Holdout, n/5)
	}
	training := n - cfg.Data.Holdout
	lower("train.batch", &cfg.Train.Batch, max(2, training))
	fitScore(cfg, max(training, cfg.Data.Holdout), lower)
	if len(changes) > 0 && o.Log != nil {
		o.Log.Info("defaults lowered for a small data set", "images", n, "settings", strings.Join(changes, ", "))
	}
}

// fitScore divides have images among the parts of scoring, in the proportion of the settings.
func fitScore(cfg *Config, have int, lower func(setting string, field *int, value int)) {
	s := &cfg.Score
	need := s.ImagesNeeded()
	if have >= need {
		return
	}
	share := func(of int) int { return max(2, of*have/need) }
	lower("score.mc_batch", &s.MCBatch, share(s.MCBatch))
	lower("score.mc_queries", &s.MCQueries, share(s.MCQueries))
	lower("score.images", &s.Images, share(s.Images))
	if s.Images < 2*s.NTKBatches {
		lower("score.ntk_batches", &s.NTKBatches, 1)
	}
	lower("score.ntk_images", &s.NTKImages, s.Images/s.NTKBatches)
}
