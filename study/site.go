package study

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"bnas.example/indicator"
	"bnas.example/run"
	"bnas.example/supernet"
	"bnas.example/train"
)

// Site is where a cell computes: its folder, and what it tells about its progress.
type Site struct {
	Dir     string     // of the cell
	Run     run.Config // of the cell
	Options run.Options
	Truth   *Truth // nil: no table

	report func(phase string, done, total int, note string)
	start  *indicator.Start // of all cells of this process
	made   Made
}

// RunDir is the folder of the run of Trained.
func (s *Site) RunDir() string { return filepath.Join(s.Dir, runName) }

// Report tells how much of a phase is done.
func (s *Site) Report(phase string, done, total int, note string) { s.report(phase, done, total, note) }

// Trained trains the run of the cell, or what is left of it, and returns it. each, if not nil, is called after each step with the run,
// whose store has the parameters of that step; an error of it ends the training. A step is repeated if the study is interrupted
// before a checkpoint.
func (s *Site) Trained(ctx context.Context, each func(*run.Run, train.Progress) error) (*run.Run, error) {
	r, err := s.open()
	if err != nil {
		return nil, err
	}
	s.opened(r)
	r.Stepwise = each != nil
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	_, err = r.Train(ctx, func(p train.Progress) {
		s.report("train", p.Step, p.Total, fmt.Sprintf("loss %.3f", p.Loss))
		if each == nil || ctx.Err() != nil {
			return
		}
		if err := each(r, p); err != nil {
			cancel(err)
		}
	})
	// A training that is complete returns no error of a context that has ended in its last call of each.
	if own := context.Cause(ctx); own != nil && (each != nil || !errors.Is(own, context.Canceled)) {
		err = own
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// open makes the run of the cell, or opens what is there.
func (s *Site) open() (*run.Run, error) {
	cfg, err := run.ReadConfig(s.RunDir())
	var none *run.NoRunError
	if errors.As(err, &none) {
		return run.Create(s.RunDir(), s.Run, s.Options)
	}
	if err != nil {
		return nil, err
	}
	cfg.Device, cfg.GPU, cfg.Threads, cfg.Data.Dir = s.Run.Device, s.Run.GPU, s.Run.Threads, s.Run.Data.Dir
	return run.Resume(s.RunDir(), cfg, s.Options)
}

// Untrained opens the network of the cell with its initial parameters.
func (s *Site) Untrained() (*run.Run, error) {
	r, err := run.Untrained(s.Run, s.Options)
	if err == nil {
		s.opened(r)
	}
	return r, err
}

// opened notes what makes the result.
func (s *Site) opened(r *run.Run) {
	r.Start = s.start
	info := r.Device.Info()
	s.made.Device, s.made.Arithmetic, s.made.Threads = info.Name, info.Arithmetic, info.Threads
	s.made.Data, s.made.DataHash = r.Images.Name(), r.Images.Hash()
}

// Scores scores networks by the terms of the run's configuration, in their order. A ledger in dir keeps the scores; "" is that of the run
// folder.
func (s *Site) Scores(ctx context.Context, r *run.Run, dir string, archs []supernet.Arch) ([]indicator.Scores, error) {
	e, err := r.Evaluator(dir)
	if err != nil {
		return nil, err
	}
	list := supernet.NewList(r.Net.Space)
	for _, a := range archs {
		list.Append(a)
	}
	scores := make([]indicator.Scores, len(archs))
	err = e.ScoreAll(ctx, list, func(i int, of indicator.Scores) error {
		scores[i] = of
		s.report("score", i+1, len(archs), "")
		return nil
	})
	return scores, errors.Join(err, e.Close())
}
