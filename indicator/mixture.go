package indicator

import (
	"errors"
	"fmt"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// MixtureFigures are those by which TE-NAS judges a network with several operators at a place.
type MixtureFigures struct {
	LogCondition float64 // log κ: see the term te_ntk
	Regions      int     // see the term te_regions
}

// Mixture measures a mixture of a supernet.Mixed space as te_ntk and te_regions measure an architecture.
func (s *Scorer) Mixture(m supernet.Mixture) (MixtureFigures, error) {
	e := &evidence{Scorer: s}
	if err := e.takeMixture(m); err != nil {
		return MixtureFigures{}, fmt.Errorf("indicator: a mixture of operators: %w", err)
	}
	return MixtureFigures{e.weightCondition, e.regions}, nil
}

func (e *evidence) takeMixture(m supernet.Mixture) error {
	if err := e.twin.make(e.net, e.store); err != nil {
		return err
	}
	p, weights, err := e.twin.net.MixtureProgram(m)
	if err != nil {
		return err
	}
	n := e.cfg.NTKImages
	exec, err := e.dev.Compile(p, e.twin.store, n)
	if err != nil {
		return err
	}
	defer kernels.Release(exec)
	kernels.StopWith(exec, e.stopped)
	if err := setFactors(exec, weights, n); err != nil {
		return err
	}
	e.standard = standard{p, exec, e.twin.store}
	if err := e.takeWeightKernel(); err != nil {
		return err
	}
	thin, err := e.thin()
	if err != nil {
		return err
	}
	if p, weights, err = thin.MixtureProgram(m); err != nil {
		return err
	}
	return e.takeRegionsOf(thin, p, weights)
}

// Mixtures measures each mixture in each repeat, one after the other.
func (r *Repeated) Mixtures(ms []supernet.Mixture) (all [][]MixtureFigures, err error) {
	for _, m := range ms {
		one, err := r.mixture(m)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// Mixtures measures several mixtures at a time.
func (l *Lanes) Mixtures(ms []supernet.Mixture) ([][]MixtureFigures, error) {
	if len(ms) == 1 {
		return l.lead.Mixtures(ms)
	}
	all, errs := make([][]MixtureFigures, len(ms)), make([]error, len(ms))
	for i, m := range ms {
		l.going.Go(func() {
			errs[i] = l.onFree(func(r *Repeated) (err error) {
				all[i], err = r.mixture(m)
				return err
			})
		})
	}
	l.going.Wait()
	for i, err := range errs {
		if errors.Is(err, errNoLane) {
			all[i], err = l.lead.mixture(ms[i])
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (r *Repeated) mixture(m supernet.Mixture) ([]MixtureFigures, error) {
	var all []MixtureFigures
	for _, s := range r.scorers {
		s.Stop = r.Stop
		one, err := s.Mixture(m)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// setFactors sets the factors of the terms of a Program, each the same for all of n images.
func setFactors(exec kernels.Exec, factors []float32, n int) error {
	if len(factors) == 0 {
		return nil
	}
	rows := make([]float32, 0, len(factors)*n)
	for _, f := range factors {
		for range n {
			rows = append(rows, f)
		}
	}
	return exec.SetFactors(rows)
}
