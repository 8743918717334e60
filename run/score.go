package run

import (
	"context"
	"fmt"
	"os"

	"bnas.example/indicator"
	"bnas.example/kernels"
	"bnas.example/search"
	"bnas.example/supernet"
)

// Scorer returns a scorer of the terms of ScoredTerms, averaged over the repeats of the configuration. It uses images that were
// held out from training, or training images if too few were held out. If there are too few of both, the error is an
// *ImagesError.
//
// Repeat 0 is the scoring without repeats. Another repeat draws other images and other random directions and probes. If the
// run has no folder, its network is untrained: the repeat then also has other initial parameters. Those of a trained network
// are the same in all repeats, because γ and β were learned with the frozen weights.
func (r *Run) Scorer() (*indicator.Repeated, error) {
	c, err := r.scoring()
	if err != nil {
		return nil, err
	}
	return r.repeated(c)
}

// repeated is Scorer with given settings.
func (r *Run) repeated(c indicator.Config) (*indicator.Repeated, error) {
	var scorers []*indicator.Scorer
	for repeat := range max(int(c.Repeats), 1) {
		net, store := r.Net, r.Store
		var err error
		if repeat > 0 && r.Dir == "" {
			if net, store, err = r.redrawn(repeat); err != nil {
				return nil, err
			}
		}
		s, err := r.scorer(net, store, c.Repeat(repeat))
		if err != nil {
			return nil, err
		}
		scorers = append(scorers, s)
	}
	return indicator.NewRepeated(scorers...), nil
}

// redrawn returns the untrained network of a repeat: the same supernet with the initial parameters of another seed.
func (r *Run) redrawn(repeat int) (*supernet.Net, kernels.Store, error) {
	cfg := r.Net.Config
	cfg.Seed = indicator.RepeatSeed(cfg.Seed, repeat)
	net, err := supernet.New(cfg)
	if err != nil {
		return nil, nil, err
	}
	store, err := net.NewStore(r.Device)
	return net, store, err
}

// scorer returns the scorer of one repeat.
func (r *Run) scorer(net *supernet.Net, store kernels.Store, cfg indicator.Config) (*indicator.Scorer, error) {
	batch, err := r.UnseenImages(cfg.ImagesNeeded(), cfg.SeedOfImages(), "score images")
	if err != nil {
		return nil, err
	}
	return indicator.NewScorer(net, r.Device, store, indicator.Inputs{Images: batch.Images, Labels: batch.Labels}, cfg)
}

// Evaluator scores architectures. With a folder it keeps the scores in a ledger, and does not compute a score in the
// ledger again.
type Evaluator struct {
	search.Evaluator
	Terms  []string // that it computes
	scorer *indicator.Repeated
	ledger *search.Ledger
}

// stopWith makes scoring end between two passes when the context ends.
func (e *Evaluator) stopWith(ctx context.Context) { e.scorer.Stop = ctx.Err }

// Evaluator opens the scorer and the ledger in dir, or in the run's folder if dir is "". An untrained network without dir
// has no ledger. Scores of another setup in the folder are kept aside (search.OpenLedger). A ledger of more terms goes on with
// these.
func (r *Run) Evaluator(dir string) (*Evaluator, error) {
	c, err := r.scoring()
	if err != nil {
		return nil, err
	}
	if dir == "" {
		dir = r.Dir
	}
	if dir == "" {
		scorer, err := r.repeated(c)
		return &Evaluator{Evaluator: scorer, Terms: termsOf(c), scorer: scorer}, err
	}
	if _, err := r.unseen(c.ImagesNeeded()); err != nil {
		return nil, err // before there is a folder
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	if err := r.lock(dir); err != nil {
		return nil, err
	}
	c, key, err := r.setup(dir, c)
	if err != nil {
		return nil, err
	}
	scorer, err := r.repeated(c)
	if err != nil {
		return nil, err
	}
	ledger, err := search.OpenLedger(dir, key, int(r.Config.Score.Repeats))
	if err != nil {
		return nil, err
	}
	return &Evaluator{
		Evaluator: &search.Recorded{Space: r.Net.Space, Evaluator: scorer, Ledger: ledger},
		Terms:     termsOf(c),
		scorer:    scorer,
		ledger:    ledger,
	}, nil
}

// ScoreAll scores architectures in order, until the context ends. It calls each, if not nil, with each index and its scores,
// and ends with its error.
func (e *Evaluator) ScoreAll(ctx context.Context, archs *supernet.List, each func(i int, s indicator.Scores) error) error {
	e.stopWith(ctx)
	for i := range archs.Len() {
		if err := ctx.Err(); err != nil {
			return err
		}
		s, err := e.Score(archs.At(i))
		if err == nil && each != nil {
			err = each(i, s)
		}
		if err != nil {
			return err
		}
	}
	return e.Flush()
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
