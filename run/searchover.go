package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	"bnas.example/indicator"
	"bnas.example/internal/setting"
	"bnas.example/search"
	"bnas.example/supernet"
)

// SearchOver is Search over this run and others of the same space and sizes, such as those of other seeds: a term is the mean over the
// runs of its quantile in the calibration sample (search.Averaged). Each run keeps its scores in its own ledger. The settings of the
// search and of the finalists are those of this run. The result is written to the folder dir; "": nowhere.
func (r *Run) SearchOver(ctx context.Context, others []*Run, dir string, progress func(Progress)) (*Found, error) {
	if progress == nil {
		progress = func(Progress) {}
	}
	composite, err := r.composite()
	if err != nil {
		return nil, err
	}
	runs := append([]*Run{r}, others...)
	folders, err := foldersOf(runs, dir)
	if err != nil {
		return nil, err
	}
	if err := cmp.Or(r.canFinish(dir), r.checkPruning(len(runs))); err != nil {
		return nil, err
	}
	out := &Found{}
	var evaluators []*Evaluator
	for _, one := range runs {
		one.Config.Objective = r.Config.Objective // it chooses the terms
		if _, err := one.composite(); err != nil {
			return nil, err
		}
		e, err := one.Evaluator("")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", one.Dir, err)
		}
		defer e.Close()
		e.stop(ctx)
		evaluators, out.Ledgers = append(evaluators, e), append(out.Ledgers, e.Path())
	}
	if err := r.takeFolder(dir); err != nil {
		return nil, err
	}
	if out.averaged, out.Sample, err = r.calibrateOver(ctx, evaluators, progress); err != nil {
		return nil, err
	}
	if out.Objective, err = out.averaged.Objective(composite, out.Sample); err != nil {
		return nil, err
	}
	rest := func() error {
		var errs []error
		for _, e := range evaluators {
			errs = append(errs, e.rest())
		}
		return errors.Join(errs...)
	}
	if err := r.searchIn(ctx, dir, out.averaged, rest, folders, out, progress); err != nil {
		return nil, err
	}
	return out, nil
}

// takeFolder makes the folder of a result, unless it is "", and locks it.
func (r *Run) takeFolder(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("result: %w", err)
	}
	return r.lock(dir)
}

// calibrateOver scores the sample that calibrates a composite by each run, and returns the average of the runs and that of the sample.
func (r *Run) calibrateOver(ctx context.Context, evaluators []*Evaluator, progress func(Progress)) (*search.Averaged, []indicator.Scores, error) {
	n := r.Config.Objective.Calibration
	total := n * len(evaluators)
	progress(Progress{Phase: Calibrating, Begin: true, Total: total})
	var samples [][]indicator.Scores
	var scores []search.Evaluator
	reused := 0 // in the runs before
	for i, e := range evaluators {
		sample, err := search.Sample(ctx, r.Net.Space, e.Evaluator, n, r.Config.Search.Seed, func(done, _ int) {
			progress(Progress{Phase: Calibrating, Done: i*n + done, Total: total, Reused: reused + e.Reused()})
		})
		if err != nil {
			return nil, nil, err
		}
		samples, scores, reused = append(samples, sample), append(scores, e.Evaluator), reused+e.Reused()
	}
	return search.NewAveraged(r.Net.Space, scores, samples)
}

// foldersOf returns the folders of runs whose scores can be averaged, with the result in dir.
func foldersOf(runs []*Run, dir string) (folders []string, err error) {
	known := map[string]bool{}
	for _, one := range runs {
		path, err := filepath.Abs(one.Dir)
		if err != nil {
			return nil, err
		}
		if known[path] {
			return nil, fmt.Errorf("%s is given twice: its scores would count twice", one.Dir)
		}
		if field, was, is := otherNetwork(runs[0].Net.Config, one.Net.Config); field != "" {
			return nil, fmt.Errorf("the scores of %s and %s cannot be averaged: supernet.%s is %v in the first and %v in the second", runs[0].Dir, one.Dir, field, was, is)
		}
		known[path], folders = true, append(folders, one.Dir)
	}
	path, err := filepath.Abs(dir)
	if err == nil && dir != "" && known[path] {
		err = fmt.Errorf("%s has the scores of one run: the result of several needs another folder", dir)
	}
	return folders, err
}

// otherNetwork returns the first setting in which two supernets have other networks, or "". They may start with other parameters.
func otherNetwork(a, b supernet.Config) (field string, was, is any) {
	b.Seed, b.Gamma = a.Seed, a.Gamma
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range x.NumField() {
		if was, is = x.Field(i).Interface(), y.Field(i).Interface(); was != is {
			return setting.Key(x.Type().Field(i)), was, is
		}
	}
	return "", nil, nil
}
