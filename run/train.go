package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"bnas.example/data"
	"bnas.example/indicator"
	"bnas.example/internal/amount"
	"bnas.example/internal/setting"
	"bnas.example/supernet"
	"bnas.example/train"
)

// rankedSample is the number of architectures that the early bird ranks.
const rankedSample = 16

// TrainResult is the result of a call of Train.
type TrainResult struct {
	Step, Total int
	Settled     bool           // training ended early because the ranking no longer changed
	Last        train.Progress // after the last step of this call; its Step is 0 if there was none
	Took        time.Duration  // 0 if there was no step
}

// Train trains to the last step and then restores the run from the checkpoint. It starts from the folder's checkpoint, if
// there is one. If the context ends or the time budget is spent, it writes a checkpoint after the current step and
// returns train.ErrInterrupted or train.ErrBudget. It calls progress, if not nil, at the start, with the step of the
// checkpoint, and after each step.
func (r *Run) Train(ctx context.Context, progress func(train.Progress)) (TrainResult, error) {
	if err := r.lock(r.Dir); err != nil {
		return TrainResult{}, err
	}
	t, err := r.prepare()
	if err != nil {
		return TrainResult{}, err
	}
	r.trainer = nil // it trains once
	t.Stepwise = r.Stepwise
	if err := t.Resume(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return TrainResult{}, err
	}
	if err := r.saveChanged(); err != nil {
		return TrainResult{}, err
	}
	if progress == nil {
		progress = func(train.Progress) {}
	}
	var out TrainResult
	start := time.Now()
	progress(train.Progress{Step: t.Step(), Total: t.Total()})
	var events *liveEvents
	if r.TensorBoard && !r.together.follows() {
		events = &liveEvents{dir: r.Dir}
	}
	err = t.Run(ctx, func(p train.Progress) {
		out.Last = p
		progress(p)
		events.follow()
	})
	if err == nil {
		events.follow() // of a run that was done before
	}
	events.close()
	out.Step, out.Total, out.Settled = t.Step(), t.Total(), t.Settled()
	if out.Last.Step > 0 {
		out.Took = time.Since(start)
	}
	if err != nil {
		return out, err
	}
	if r.together.follows() {
		return out, nil // the folder is the other process's: its last checkpoint may not be there yet
	}
	return out, r.restore()
}

// prepare returns a trainer that can start.
func (r *Run) prepare() (*train.Trainer, error) {
	if r.trainer != nil {
		return r.trainer, nil
	}
	loader, err := r.Loader()
	if err != nil {
		return nil, err
	}
	t, err := train.New(r.Net, r.Device, r.Store, loader, r.Config.Train, r.Dir)
	if err != nil {
		return nil, err
	}
	t.Lanes = r.Config.Threads
	if r.together != nil {
		if err := t.Join(r.together.Exchange); err != nil {
			return nil, err
		}
	}
	if r.Config.Train.RankEvery > 0 && !r.together.follows() {
		if t.Ranker, err = r.ranker(); err != nil {
			return nil, err
		}
	}
	if r.Config.Train.TestEvery > 0 {
		if t.Test, err = r.eachTestImage(r.Config.Train.TestImages); err != nil {
			return nil, err
		}
	}
	r.trainer = t
	return t, nil
}

// Loader returns the batches of training.
func (r *Run) Loader() (*data.Loader, error) {
	if n := len(r.Training); n < r.Config.Train.Batch {
		return nil, setting.Errorf("train.batch", "%d: %s has only %s to train on", r.Config.Train.Batch, r.Images.Name(), amount.Of(n, "image"))
	}
	return data.NewLoader(r.Images, r.Training, r.Config.Train.Batch, r.Config.Data.Augment, r.Config.Train.Seed)
}

// saveChanged writes into the configuration of the folder what a run that goes on may change: a larger number of steps, and the place
// of its images.
func (r *Run) saveChanged() error {
	if r.together.follows() {
		return nil
	}
	kept, err := ReadConfig(r.Dir)
	if err != nil {
		return err
	}
	if kept.Train.Steps == r.Config.Train.Steps && kept.Train.Epochs == r.Config.Train.Epochs && kept.Data.Dir == r.Config.Data.Dir {
		return nil
	}
	kept.Train.Steps, kept.Train.Epochs, kept.Data.Dir = r.Config.Train.Steps, r.Config.Train.Epochs, r.Config.Data.Dir
	if err := writeConfig(r.Dir, kept); err != nil {
		return fmt.Errorf("run folder: %w", err)
	}
	return nil
}

// ranker returns a function that scores a fixed random sample of architectures by the composite of the search. The
// composite is calibrated on the same sample. All rankings have the draws of repeat 0: what changes between them is the
// training alone.
func (r *Run) ranker() (func(context.Context) ([]float64, error), error) {
	composite, err := indicator.LookupComposite(r.Config.Objective.Composite)
	if err != nil {
		return nil, err
	}
	cfg := r.Config.Score
	cfg.Terms = composite.Terms
	scorer, err := r.scorer(r.Net, r.Store, cfg)
	if err != nil {
		return nil, err
	}
	sample := r.rankedArchs()
	return func(ctx context.Context) ([]float64, error) {
		return rankSample(ctx, scorer, composite, sample, r.Ranking)
	}, nil
}

// rankedArchs returns the architectures whose ranking the early bird compares.
func (r *Run) rankedArchs() []supernet.Arch {
	return LiveSample(r.Net, rankedSample, r.Config.Score.Seed, "early bird")
}

// rankSample scores the architectures and ranks them. It ends between two passes when the context has ended. It calls report,
// if not nil, before the first and after each.
func rankSample(ctx context.Context, scorer *indicator.Scorer, composite indicator.Composite, sample []supernet.Arch, report func(done, total int)) ([]float64, error) {
	scorer.Reset()
	scorer.Stop = ctx.Err
	if report == nil {
		report = func(int, int) {}
	}
	report(0, len(sample))
	scores := make([]indicator.Scores, len(sample))
	for i, a := range sample {
		err := ctx.Err()
		if err == nil {
			scores[i], err = scorer.Score(a)
		}
		if err != nil {
			return nil, err
		}
		report(i+1, len(sample))
	}
	return composite.Ranks(scores)
}
