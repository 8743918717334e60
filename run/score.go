package run

import (
	"context"
	"errors"
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
	return indicator.NewScorer(net, r.Device, store, indicator.Inputs{Images: batch.Images, Labels: batch.Labels, Start: r.Start}, cfg)
}

// Evaluator scores architectures. With a folder it keeps the scores in a ledger, and does not compute a score in the
// ledger again.
type Evaluator struct {
	search.Evaluator
	Terms  []string         // that it computes
	scores search.Evaluator // without the ledger
	stop   func(context.Context)
	end    func() error
	ledger *search.Ledger
	// unkept is the provenance of the scores if there is no ledger.
	unkept func() (search.Provenance, error)
}

// Evaluator opens the scorer, or the workers of the run, and the ledger in dir, or in the run's folder if dir is "". An untrained
// network without dir has no ledger. Scores of another setup in the folder are kept aside (search.OpenLedger). A ledger of more
// terms goes on with these.
func (r *Run) Evaluator(dir string) (*Evaluator, error) {
	c, err := r.scoring()
	if err != nil {
		return nil, err
	}
	if dir == "" {
		dir = r.Dir
	}
	if dir == "" {
		scores, stop, end, err := r.scores(c, nil, "")
		unkept := func() (search.Provenance, error) {
			key, err := r.key(c)
			return search.Provenance{Key: key, Made: []search.Made{r.made()}}, err
		}
		return &Evaluator{Evaluator: scores, Terms: termsOf(c), scores: scores, stop: stop, end: end, unkept: unkept}, err
	}
	if _, err := r.unseen(c.ImagesNeeded()); err != nil {
		return nil, err // before there is a folder
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, unwritable(fmt.Errorf("ledger: %w", err))
	}
	if err := r.lock(dir); err != nil {
		return nil, unwritable(err)
	}
	c, key, err := r.setup(dir, c)
	if err != nil {
		return nil, err
	}
	scores, stop, end, err := r.scores(c, key, dir)
	if err != nil {
		return nil, err
	}
	ledger, err := search.OpenLedger(dir, key, int(r.Config.Score.Repeats), r.made())
	if err != nil {
		return nil, errors.Join(unwritable(err), end())
	}
	return &Evaluator{
		Evaluator: &search.Recorded{Space: r.Net.Space, Evaluator: scores, Ledger: ledger},
		Terms:     termsOf(c),
		scores:    scores,
		stop:      stop,
		end:       end,
		ledger:    ledger,
	}, nil
}

// scores returns what scores architectures with given settings: the workers of the run, or this process. stop makes it end soon
// after a context has ended; end ends it. key is that of the settings; nil: it is not known yet. dir has the ledger, if there is one.
func (r *Run) scores(c indicator.Config, key search.Key, dir string) (e search.Evaluator, stop func(context.Context), end func() error, err error) {
	if r.Workers == nil {
		several, end, err := r.here(c)
		if err != nil {
			return nil, nil, nil, err
		}
		return several, func(ctx context.Context) { several.StopWith(ctx.Err) }, end, nil
	}
	if key == nil {
		if key, err = r.key(c); err != nil {
			return nil, nil, nil, err
		}
	}
	share, err := r.share(c, key, dir)
	if err != nil {
		return nil, nil, nil, err
	}
	workers, err := r.Workers(share)
	if err != nil {
		return nil, nil, nil, err
	}
	return workers, workers.Until, nothing, nil
}

func nothing() error { return nil }

// ScoreAll scores architectures in order, until the context ends. It calls each, if not nil, with each index and its scores,
// and ends with its error. If some architectures failed in all tries, it scores the others; its error is then that of the first
// that failed, a *search.FailedError.
func (e *Evaluator) ScoreAll(ctx context.Context, archs *supernet.List, each func(i int, s indicator.Scores) error) error {
	e.stop(ctx)
	if each == nil {
		each = func(int, indicator.Scores) error { return nil }
	}
	var failed *search.FailedError
	err := search.InOrder(ctx, e.Evaluator, archs.Len(), archs.At, each, func(one *search.FailedError) {
		if failed == nil {
			failed = one
		}
	})
	if err == nil {
		err = e.Flush()
	}
	if err == nil && failed != nil {
		return failed
	}
	return err
}

// Reused returns how many of the scores so far were taken from the ledger.
func (e *Evaluator) Reused() int {
	if e.ledger == nil {
		return 0
	}
	return e.ledger.Taken()
}

// Path returns the path of the ledger, or "" if there is none.
func (e *Evaluator) Path() string {
	if e.ledger == nil {
		return ""
	}
	return e.ledger.Path()
}

// Provenance says where the scores come from: all of the ledger, if there is one.
func (e *Evaluator) Provenance() (search.Provenance, error) {
	if e.ledger == nil {
		return e.unkept()
	}
	return e.ledger.Provenance(), nil
}

// Flush writes all scores to the disk.
func (e *Evaluator) Flush() error {
	if e.ledger == nil {
		return nil
	}
	return e.ledger.Flush()
}

// Close ends what is being scored, and flushes and closes the ledger.
func (e *Evaluator) Close() error {
	err := e.rest()
	if e.ledger != nil {
		err = errors.Join(e.ledger.Close(), err)
	}
	return err
}

// rest ends what scores beside this process's device. The ledger stays open.
func (e *Evaluator) rest() error {
	end := e.end
	e.end = nothing
	return end()
}
