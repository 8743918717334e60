package run

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bnas.example/indicator"
	"bnas.example/internal/setting"
	"bnas.example/internal/wholefile"
	"bnas.example/search"
	"bnas.example/train"
)

// These are the phases of a search in Progress.
const (
	Calibrating = "calibrate" // scores the sample that calibrates a composite of several terms
	Pruning     = "prune"     // measures networks with several operators at a place
	Searching   = "search"
	Finals      = "finalist" // trains the finalists, one after the other
)

// Progress is the state of a search.
type Progress struct {
	Phase       string
	Begin       bool          // of the phase, or of a finalist; Done is then the work of earlier calls
	Done, Total int           // architectures scored in this phase, mixtures measured, or training steps of the finalist; Total 0: unknown
	Reused      int           // of Done, taken in this phase from the ledger, or from the figures of mixtures that are kept
	Best        *search.Found // so far; nil before the first, and in other phases
	TooSlow     int           // networks that the search has left out because of their latency

	Finalist, Finalists int             // the finalist that is trained, from 1, and how many there are
	Step                *train.Progress // of its training; nil before the first step of this call
}

// Found is the result of a search.
type Found struct {
	*search.Result
	Objective search.Objective
	Sample    []indicator.Scores // the random sample that calibrates the objective; nil for an objective of one term
	Ledgers   []string           // the files of all scored architectures, one a run; empty: there is none

	averaged *search.Averaged // of several runs
	timed    *search.Timed    // nil: no latency was measured
	scores   search.Evaluator // what scores, without the ledger; nil: of several runs
}

// scored reads all scored architectures of the ledger, or those that all ledgers have, averaged; without a ledger they are those of
// the sample. The next ones change the slices of the scores.
func (f *Found) scored(repeats int) iter.Seq2[indicator.Scores, error] {
	switch len(f.Ledgers) {
	case 0:
		return func(yield func(indicator.Scores, error) bool) {
			for _, s := range f.Sample {
				if !yield(s, nil) {
					return
				}
			}
		}
	case 1:
		return indicator.EachScore(f.Ledgers[0])
	}
	return f.fused(repeats)
}

// fused reads the architectures that all ledgers have, in the order of the first, with the averages of their scores.
func (f *Found) fused(repeats int) iter.Seq2[indicator.Scores, error] {
	return func(yield func(indicator.Scores, error) bool) {
		each := make([]indicator.Scores, len(f.Ledgers))
		var others []*indicator.ScoreFile
		for _, path := range f.Ledgers[1:] {
			table, err := indicator.OpenScores(path, repeats)
			if err != nil {
				yield(indicator.Scores{}, err)
				return
			}
			defer table.Close()
			others = append(others, table)
		}
		for s, err := range indicator.EachScore(f.Ledgers[0]) {
			each[0] = s
			all := true
			for i, table := range others {
				var ok bool
				if err == nil {
					each[i+1], ok, err = table.Lookup(s.Arch)
					all = all && ok
				}
			}
			if err != nil {
				yield(indicator.Scores{}, err)
				return
			}
			if all && !yield(f.averaged.Fuse(each), nil) {
				return
			}
		}
	}
}

// composite returns the composite of a search. It is an error if the search does not fit the space or lacks a term.
func (r *Run) composite() (indicator.Composite, error) {
	composite, err := indicator.LookupComposite(r.Config.Objective.Composite)
	if err == nil {
		err = r.Config.Search.CheckSpace(r.Net.Space)
	}
	if err != nil {
		return composite, err
	}
	terms, err := r.ScoredTerms()
	for _, term := range composite.Terms {
		if err == nil && !slices.Contains(terms, term) {
			err = setting.Errorf("score.terms", "%s: %s of objective.composite %s is missing", strings.Join(terms, ","), term, r.Config.Objective.Composite)
		}
	}
	return composite, err
}

// Search calibrates the composite of the configuration, searches, and lets the finalists decide, if there are any. It writes the
// result to ResultName beside the ledger, if there is one (see Evaluator for dir). It calls progress, if not nil, at the start of
// each phase and each finalist, after each architecture, and after each step of a finalist. If the context ends, Search stops with
// search.ErrInterrupted; the same call goes on.
func (r *Run) Search(ctx context.Context, dir string, progress func(Progress)) (*Found, error) {
	if progress == nil {
		progress = func(Progress) {}
	}
	composite, err := r.composite()
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(r.canFinish(cmp.Or(dir, r.Dir)), r.checkPruning(1)); err != nil {
		return nil, err
	}
	e, err := r.Evaluator(dir)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	e.stop(ctx)
	if budget := r.Config.Search.Budget; budget > 0 {
		search.Bound(e.Evaluator, time.Now().Add(budget)) // the calibration too
	}
	out := &Found{scores: e.scores}
	if path := e.Path(); path != "" {
		out.Ledgers, dir = []string{path}, filepath.Dir(path)
	} else {
		dir = ""
	}
	if out.Objective, out.Sample, err = r.calibrate(ctx, e, composite, progress); err != nil {
		return nil, err
	}
	if err := r.searchIn(ctx, dir, e.Evaluator, e.rest, nil, out, progress); err != nil {
		return nil, err
	}
	return out, nil
}

// searchIn searches with an evaluator by the objective of out, and adds the result. It writes the result to dir, unless that is "".
// runs are the folders of several supernets. rest is called when all is scored: finalists need the memory of a GPU.
func (r *Run) searchIn(ctx context.Context, dir string, e search.Evaluator, rest func() error, runs []string, out *Found, progress func(Progress)) (err error) {
	problem := search.Problem{Space: r.Net.Space, Sizes: r.Net.Config, Evaluator: e, Objective: out.Objective, Sample: out.Sample}
	var device string
	if out.timed, device, err = r.latencies(ctx, dir); err != nil {
		return err
	}
	if out.timed != nil {
		defer func() { err = errors.Join(err, out.timed.Figures.Close()) }()
		problem.Latency = out.timed.Latency
	}
	if problem.Mixtures, err = r.mixtures(out.scores, dir); err != nil {
		return err
	}
	if problem.Mixtures != nil {
		defer func() { err = errors.Join(err, problem.Mixtures.Figures.Close()) }()
	}
	settings := r.Config.Search
	settings.Top = max(settings.Top, r.Config.Finalists.Number)
	if out.Result, err = search.Run(ctx, problem, settings, r.searched(progress)); err != nil {
		return err
	}
	if err := rest(); err != nil {
		return err
	}
	out.Result.TrainingSteps, out.Result.Runs, out.Result.LatencySetup = r.Position.Step, runs, device
	if dir == "" {
		return nil
	}
	if err := r.finish(ctx, dir, out.Result, progress); err != nil {
		return err
	}
	composite, err := r.composite()
	if err != nil {
		return err
	}
	if out.WithoutCost, err = r.withoutCost(composite, out); err != nil {
		return err
	}
	if err := writePareto(dir, out.Result); err != nil {
		return err
	}
	if err := wholefile.WriteJSON(filepath.Join(dir, ResultName), out.Result); err != nil {
		return err
	}
	showNetwork(dir)
	return nil
}

// searched begins the first phase of a search, and returns what shows its progress.
func (r *Run) searched(progress func(Progress)) func(search.Progress) {
	first := Progress{Phase: Searching, Begin: true, Total: r.Config.Search.MaxEvaluations}
	if r.Config.Search.Strategy == search.Pruning {
		first.Phase = Pruning
	}
	progress(first)
	return func(p search.Progress) {
		if first.Phase == Pruning && p.Evaluations == 0 {
			progress(Progress{Phase: Pruning, Done: p.Mixtures, Total: p.AllMixtures, Reused: p.KeptMixtures})
			return
		}
		now := Progress{Phase: Searching, Begin: first.Phase == Pruning, Done: p.Evaluations, Total: p.Total, Reused: p.Reused, TooSlow: p.TooSlow}
		if p.Evaluations > 0 {
			now.Best = &p.Best
		}
		progress(now)
	}
}

// ResultSteps returns the training steps of the supernet that gave the search result in the run folder. ok is false if the
// folder has no result that says it.
func (r *Run) ResultSteps() (steps int, ok bool) {
	result, err := ReadResult(r.Dir)
	if err != nil || result.Steps == nil {
		return 0, false
	}
	return *result.Steps, true
}

// calibrate scores the sample that calibrates a composite of several terms, and returns the objective and the sample.
func (r *Run) calibrate(ctx context.Context, e *Evaluator, composite indicator.Composite, progress func(Progress)) (search.Objective, []indicator.Scores, error) {
	if len(composite.Terms) == 1 {
		objective, err := search.Fused(composite, nil)
		return objective, nil, err
	}
	n := r.Config.Objective.Calibration
	progress(Progress{Phase: Calibrating, Begin: true, Total: n})
	sample, err := search.Sample(ctx, r.Net.Space, e.Evaluator, n, r.Config.Search.Seed, func(done, _ int) {
		progress(Progress{Phase: Calibrating, Done: done, Total: n, Reused: e.Reused()})
	})
	if err != nil {
		return search.Objective{}, nil, err
	}
	calibration, err := indicator.NewCalibration(sample)
	if err != nil {
		return search.Objective{}, nil, err
	}
	objective, err := search.Fused(composite, calibration)
	return objective, sample, err
}
