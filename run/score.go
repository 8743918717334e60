package run

import (
	"context"
	"fmt"
	"os"

	"bnas.example/indicator"
	"bnas.example/search"
	"bnas.example/supernet"
)

// Scorer returns a scorer of the indicator's terms. It uses images that were held out from training, or training images
// if too few were held out. If there are too few of both, the error is an *ImagesError.
func (r *Run) Scorer() (*indicator.Scorer, error) { return r.scorer(r.Config.Score) }

func (r *Run) scorer(cfg indicator.Config) (*indicator.Scorer, error) {
	batch, err := r.UnseenImages(cfg.ImagesNeeded(), cfg.Seed, "score images")
	if err != nil {
		return nil, err
	}
	return indicator.NewScorer(r.Net, r.Device, r.Store, indicator.Inputs{Images: batch.Images, Labels: batch.Labels}, cfg)
}

// Evaluator scores architectures. With a folder it keeps the scores in a ledger, and does not compute a score in the
// ledger again.
type Evaluator struct {
	search.Evaluator
	ledger *search.Ledger
}

// Evaluator opens the scorer and the ledger in dir, or in the run's folder if dir is "". An untrained network without dir
// has no ledger. Scores of another setup in the folder are kept aside (search.OpenLedger).
func (r *Run) Evaluator(dir string) (*Evaluator, error) {
	scorer, err := r.Scorer()
	if err != nil {
		return nil, err
	}
	if dir == "" {
		dir = r.Dir
	}
	if dir == "" {
		return &Evaluator{Evaluator: scorer}, nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	if err := r.lock(dir); err != nil {
		return nil, err
	}
	key, err := r.Key()
	if err != nil {
		return nil, err
	}
	ledger, err := search.OpenLedger(dir, key)
	if err != nil {
		return nil, err
	}
	return &Evaluator{
		Evaluator: &search.Recorded{Space: r.Net.Space, Evaluator: scorer, Ledger: ledger},
		ledger:    ledger,
	}, nil
}

// ScoreAll scores architectures in order, until the context ends. After each one it calls progress, if not nil, with the
// number of scored architectures.
func (e *Evaluator) ScoreAll(ctx context.Context, archs []supernet.Arch, progress func(done int)) ([]indicator.Scores, error) {
	scores := make([]indicator.Scores, len(archs))
	for i, a := range archs {
		err := ctx.Err()
		if err == nil {
			scores[i], err = e.Score(a)
		}
		if err != nil {
			return nil, err
		}
		if progress != nil {
			progress(i + 1)
		}
	}
	return scores, e.Flush()
}

// Path returns the path of the ledger, or "" if there is none.
func (e *Evaluator) Path() string {
	if e.ledger == nil {
		return ""
	}
	return e.ledger.Path()
}

// Flush writes all scores to the disk.
func (e *Evaluator) Flush() error {
	if e.ledger == nil {
		return nil
	}
	return e.ledger.Flush()
}

// Close flushes and closes the ledger.
func (e *Evaluator) Close() error {
	if e.ledger == nil {
		return nil
	}
	return e.ledger.Close()
}
