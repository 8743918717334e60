package run

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"bnas.example/data"
	"bnas.example/indicator"
	"bnas.example/supernet"
	"bnas.example/train"
)

// rankedSample is how many architectures the early bird ranks.
const rankedSample = 16

// TrainResult is what a call of Train came to.
type TrainResult struct {
	Step, Total int
	Settled     bool           // ended early because the ranking had settled
	Last        train.Progress // after the last step of this call; its Step is 0 if there was none
	Took        time.Duration  // 0 if there was no step
}

// Train trains from the folder's checkpoint, if there is one, to the last step, and then restores the run from the
// checkpoint. The context and the time budget stop it after a step with train.ErrInterrupted and train.ErrBudget, the
// checkpoint written. progress, if not nil, is called at the start, with the step from which training goes on, and
// after each step.
func (r *Run) Train(ctx context.Context, progress func(train.Progress)) (TrainResult, error) {
	if err := r.lock(r.Dir); err != nil {
		return TrainResult{}, err
	}
	loader, err := data.NewLoader(r.Images, r.Training, r.Config.Train.Batch, r.Config.Data.Augment, r.Config.Train.Seed)
	if err != nil {
		return TrainResult{}, err
	}
	t, err := train.New(r.Net, r.Device, r.Store, loader, r.Config.Train, r.Dir)
	if err != nil {
		return TrainResult{}, err
	}
	if r.Config.Train.RankEvery > 0 {
		if t.Ranker, err = r.ranker(); err != nil {
			return TrainResult{}, err
		}
	}
	if err := t.Resume(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return TrainResult{}, err
	}
	if progress == nil {
		progress = func(train.Progress) {}
	}
	var out TrainResult
	start := time.Now()
	progress(train.Progress{Step: t.Step(), Total: t.Total()})
	err = t.Run(ctx, func(p train.Progress) {
		out.Last = p
		progress(p)
	})
	out.Step, out.Total, out.Settled = t.Step(), t.Total(), t.Settled()
	if out.Last.Step > 0 {
		out.Took = time.Since(start)
	}
	if err != nil {
		return out, err
	}
	return out, r.restore()
}

// ranker scores a fixed random sample of architectures by the composite of the search, ranks fused within the sample.
func (r *Run) ranker() (func() ([]float64, error), error) {
	composite, err := indicator.LookupComposite(r.Config.Objective.Composite)
	if err != nil {
		return nil, err
	}
	cfg := r.Config.Score
	cfg.Terms = composite.Terms
	scorer, err := r.scorer(cfg)
	if err != nil {
		return nil, err
	}
	sample := LiveSample(r.Net, rankedSample, cfg.Seed, "early bird")
	return func() ([]float64, error) { return rankSample(scorer, composite, sample) }, nil
}

func rankSample(scorer *indicator.Scorer, composite indicator.Composite, sample []supernet.Arch) ([]float64, error) {
	scorer.Reset()
	scores := make([]indicator.Scores, len(sample))
	for i, a := range sample {
		var err error
		if scores[i], err = scorer.Score(a); err != nil {
			return nil, err
		}
	}
	return composite.LogRank(scores)
}
