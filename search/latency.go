package search

import (
	"fmt"

	"bnas.example/supernet"
)

// Timed gives latencies. Each network is measured once, and its figure kept: architectures that are the same network have one.
type Timed struct {
	Space   supernet.Space
	Figures *Figures // of one column, ms, with CheckLatency
	// Measure returns the milliseconds of a forward pass of each architecture.
	Measure func(archs []supernet.Arch) ([]float64, error)
}

// CheckLatency returns an error if the figures of a network are no latency.
func CheckLatency(values []float64) error {
	if !(values[0] > 0) {
		return fmt.Errorf("a latency of %v ms", values[0])
	}
	return nil
}

// Latency returns the milliseconds of a forward pass of each architecture. Those without a figure are measured together. A dead
// network has 0.
func (t *Timed) Latency(archs []supernet.Arch) ([]float64, error) {
	var missing []supernet.Arch
	asked := map[string]bool{}
	for _, a := range archs {
		name := t.Space.Canonical(a)
		if _, known := t.Figures.Lookup(name); known || asked[name] || !t.Space.Alive(a) {
			continue
		}
		asked[name] = true
		missing = append(missing, a)
	}
	if len(missing) > 0 {
		ms, err := t.Measure(missing)
		if err != nil {
			return nil, fmt.Errorf("search: latency: %w", err)
		}
		for i, a := range missing {
			if err := t.Figures.Add(t.Space.Canonical(a), ms[i]); err != nil {
				return nil, err
			}
		}
	}
	all := make([]float64, len(archs))
	for i, a := range archs {
		all[i] = t.Known(t.Space.Canonical(a))
	}
	return all, nil
}

// Known returns the figure of a network by its canonical form; 0: it has none.
func (t *Timed) Known(canonical string) float64 {
	if ms, ok := t.Figures.Lookup(canonical); ok {
		return ms[0]
	}
	return 0
}

// tooSlow is the number of networks over Config.MaxLatency, with none within it, after which a search gives up: each costs a
// measurement.
const tooSlow = 1000

// fast reports whether the latency of a network is within its limit.
func (s *searcher) fast(a supernet.Arch) bool {
	if s.cfg.MaxLatency == 0 || !s.Space.Alive(a) {
		return true
	}
	if s.ctx.Err() != nil || s.fault != nil || s.spent() != "" {
		return false
	}
	ms, err := s.Latency([]supernet.Arch{a})
	if err != nil {
		s.fault = err
		return false
	}
	if ms[0] <= s.cfg.MaxLatency {
		s.fit = true
		return true
	}
	if s.slow++; s.slow == 1 || ms[0] < s.fastest {
		s.fastest = ms[0]
	}
	if s.slow == tooSlow && !s.fit {
		s.fault = fmt.Errorf("search: %s: the fastest of %d networks takes %.4g ms, more than max_latency %g", s.Space.Name(), tooSlow, s.fastest, s.cfg.MaxLatency)
	}
	if s.report != nil {
		s.report(s.progress())
	}
	return false
}

// measured begins the architectures that are pending. Their latencies are measured before: nothing else works then.
func (s *searcher) measured() error {
	if _, err := s.Latency(s.pending); err != nil {
		return err
	}
	for _, a := range s.pending {
		if err := begin(s.Evaluator, a); err != nil {
			return err
		}
	}
	return nil
}

// latencyOf is the latency of an architecture that is measured; 0 in a search without latencies.
func (s *searcher) latencyOf(a supernet.Arch) (float64, error) {
	if s.Latency == nil {
		return 0, nil
	}
	ms, err := s.Latency([]supernet.Arch{a})
	if err != nil {
		return 0, err
	}
	return ms[0], nil
}
