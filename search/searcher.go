package search

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"bnas.example/indicator"
	"bnas.example/internal/amount"
	"bnas.example/supernet"
)

// A strategy proposes architectures. It embeds the searcher and sees the scores of all architectures before.
type strategy interface {
	// next returns a new architecture within the limits, or the reason why there is none.
	next() (a supernet.Arch, done string)
	// foresees reports whether next depends on the score of none of the last n architectures that it has returned. The searcher's
	// is for a strategy that depends on no score.
	foresees(n int) bool
	// describe adds the strategy's own figures to p. The searcher's adds nothing.
	describe(p *Progress)
}

// strategies is the registry. A new strategy is a file and a row here.
var strategies = []struct {
	name    string
	bounded bool // it ends by itself: without MaxEvaluations there is no limit
	ordered bool // it needs a supernet.Ordered
	prunes  bool // it needs a supernet.Mixed and Problem.Mixtures
	begin   func(*searcher) strategy
}{
	{"exhaustive", true, true, false, func(s *searcher) strategy { return &exhaustive{searcher: s, space: s.Space.(supernet.Ordered)} }},
	{"random", false, false, false, func(s *searcher) strategy { return &random{searcher: s} }},
	{Evolution, false, false, false, newEvolution},
	{TwoObjectives, false, false, false, newNSGA2},
	{"regularised", false, false, false, func(s *searcher) strategy { return &regularised{searcher: s} }},
	{Pruning, true, false, true, newPruning},
}

// Evolution is the strategy of BN-NAS, and the default. It alone has mutants and crossovers of a number.
const Evolution = "evolution"

// TwoObjectives is the strategy that Config.Objectives needs.
const TwoObjectives = "nsga2"

// strategyIndex returns the place of a name in the registry, or −1.
func strategyIndex(name string) int {
	for i, s := range strategies {
		if s.name == name {
			return i
		}
	}
	return -1
}

// Reasons why a search ended: the values of Result.Stopped.
const (
	Complete  = "complete"    // the strategy came to its end
	Exhausted = "exhausted"   // no further new architecture within the limits was found
	Evaluated = "evaluations" // Config.MaxEvaluations
	TimedOut  = "budget"      // Config.Budget
)

// misses is the number of successive architectures, visited before or outside of the limits, after which a space counts as
// exhausted.
const misses = 10000

// searcher is the common part of all strategies: the limits, the visited networks and the found architectures.
type searcher struct {
	Problem
	ctx      context.Context // ends a strategy that looks for new architectures in vain
	cfg      Config
	limit    int // of evaluations; 0: none
	strategy strategy
	start    time.Time
	visited  *supernet.Set
	proposed int
	pending  []supernet.Arch // proposed and not yet evaluated, in order
	ended    string          // why the strategy has no more to propose
	reused   int
	failed   []Failed
	found    *record
	kept     []indicator.Scores // of found, if the evaluator has no ledger
	first    Found              // the best so far
	top      []int              // indices of found, best first, at most cfg.Parents
	stopped  string

	report  func(Progress)
	fault   error   // of a measurement
	slow    int     // networks over Config.MaxLatency
	fit     bool    // one was within it
	fastest float64 // of the slow ones, in ms
}

// newSearcher begins a search with a valid Config.
func newSearcher(ctx context.Context, p Problem, c Config) *searcher {
	if c.Budget > 0 {
		Bound(p.Evaluator, time.Now().Add(c.Budget))
	}
	s := &searcher{Problem: p, ctx: ctx, cfg: c, limit: c.evaluations(), start: time.Now(), visited: supernet.NewSet(p.Space, p.Space.Canonical), found: newRecord(p.Space)}
	s.strategy = strategies[strategyIndex(c.Strategy)].begin(s)
	return s
}

func (s *searcher) describe(*Progress) {}

func (s *searcher) foresees(int) bool { return true }

func (s *searcher) run(report func(Progress)) error {
	s.report = report
	for {
		if err := s.interrupted(); err != nil {
			return err
		}
		if s.stopped = s.spent(); s.stopped != "" {
			return nil
		}
		a, done, err := s.propose()
		if stopped := s.interrupted(); stopped != nil {
			return stopped // the strategy may have ended early
		}
		if err != nil {
			return err
		}
		if s.fault != nil {
			return s.fault
		}
		if done != "" {
			s.stopped = cmp.Or(s.spent(), done)
			if n := len(s.failed); s.found.len() == 0 && n > 0 {
				return fmt.Errorf("search: all of %s failed; the first: %s: %s", amount.Of(n, "architecture"), s.failed[0].Arch, s.failed[0].Error)
			}
			if s.found.len() == 0 {
				return fmt.Errorf("search: %s: no architecture within the limits (max_macs %d, max_params %d, max_latency %g)", s.Space.Name(), s.cfg.MaxMACs, s.cfg.MaxParams, s.cfg.MaxLatency)
			}
			return nil
		}
		if err := s.evaluate(a); err != nil {
			if stopped := s.interrupted(); stopped != nil && errors.Is(err, s.ctx.Err()) {
				return stopped // between two repeats
			}
			if errors.Is(err, ErrAbandoned) {
				return s.abandoned()
			}
			return err
		}
		if report != nil {
			report(s.progress())
		}
	}
}

// abandoned ends a search that nobody scores for any more, when its time is over.
func (s *searcher) abandoned() error {
	if s.found.len() == 0 {
		return ErrAbandoned
	}
	s.stopped = TimedOut
	return nil
}

// propose returns the next architecture, or the reason why there is none. It begins those after it, as far as the evaluator works
// ahead, the strategy foresees them and the number of evaluations allows. With latencies it does so when all that had begun are scored.
func (s *searcher) propose() (a supernet.Arch, done string, err error) {
	more := s.Latency == nil || len(s.pending) == 0
	for more && s.ended == "" && len(s.pending) < width(s.Evaluator) && (s.limit == 0 || s.found.len()+len(s.pending) < s.limit) &&
		(len(s.pending) == 0 || s.strategy.foresees(len(s.pending))) {
		a, s.ended = s.strategy.next()
		if s.ended != "" || s.ctx.Err() != nil || s.fault != nil {
			break
		}
		if s.Latency == nil {
			if err := begin(s.Evaluator, a); err != nil {
				return nil, "", err
			}
		}
		s.pending = append(s.pending, a)
	}
	if more && s.Latency != nil && s.ctx.Err() == nil {
		if err := s.measured(); err != nil {
			return nil, "", err
		}
	}
	if len(s.pending) == 0 {
		return nil, s.ended, nil
	}
	a, s.pending = s.pending[0], s.pending[1:]
	return a, "", nil
}

// interrupted returns ErrInterrupted if the context has ended.
func (s *searcher) interrupted() error {
	if err := s.ctx.Err(); err != nil {
		return &stopError{fmt.Sprintf("after %d evaluations", s.found.len()), err}
	}
	return nil
}

// costOf returns the cost of a found architecture that Config.Cost names.
func (s *searcher) costOf(i int) float64 {
	switch s.cfg.Cost() {
	case Params:
		return float64(s.Space.Cost(s.found.archs.At(i), s.Sizes).Params)
	case Latency:
		return s.found.ms(i)
	}
	return float64(s.found.macs[i])
}

// spent returns the limit that the search has reached, if any. At least one architecture is always scored.
func (s *searcher) spent() string {
	switch n := s.found.len(); {
	case n == 0:
		return ""
	case s.limit > 0 && n >= s.limit:
		return Evaluated
	case s.late():
		return TimedOut
	}
	return ""
}

// late reports whether the budget is over.
func (s *searcher) late() bool { return s.cfg.Budget > 0 && time.Since(s.start) >= s.cfg.Budget }

// accept reports whether a is within the limits and a network not visited before, and marks it visited.
func (s *searcher) accept(a supernet.Arch) bool {
	s.proposed++
	if (s.cfg.MaxMACs > 0 || s.cfg.MaxParams > 0) && !s.cfg.Within(s.Space.Cost(a, s.Sizes)) {
		return false
	}
	return s.visited.Add(a) && s.fast(a)
}

func (s *searcher) evaluate(a supernet.Arch) error {
	scores, known, err := s.score(a)
	if failed := (*FailedError)(nil); errors.As(err, &failed) {
		s.failed = append(s.failed, Failed{failed.Arch, failed.Tries, failed.Err.Error()})
		return nil
	}
	if err != nil {
		return fmt.Errorf("search: %s: %w", s.Space.Format(a), err)
	}
	if known {
		s.reused++
	}
	ms, err := s.latencyOf(a)
	if err != nil {
		return err
	}
	f := Found{Choice: slices.Clone(a), Scores: scores, Score: s.Objective.Of(scores), Cost: s.Space.Cost(a, s.Sizes), Latency: ms}
	if scores.Dead {
		f.Score = math.Inf(-1)
	}
	if math.IsNaN(f.Score) {
		return fmt.Errorf("search: objective %s has no value for %s: not all of its terms were computed", s.Objective.Name, scores.Arch)
	}
	s.found.add(f)
	last := s.found.len() - 1
	if s.place(last); s.top[0] == last {
		s.first = f
	}
	return nil
}

// score returns the scores of a. known says that they are from the ledger. Without a ledger they are kept for the result.
func (s *searcher) score(a supernet.Arch) (scores indicator.Scores, known bool, err error) {
	if r, ok := s.Evaluator.(recorded); ok {
		return r.score(a)
	}
	if scores, err = s.Evaluator.Score(a); err == nil {
		s.kept = append(s.kept, scores)
	}
	return scores, false, err
}

// place inserts a found architecture into the list of the best.
func (s *searcher) place(i int) {
	at, _ := slices.BinarySearchFunc(s.top, i, s.found.compare)
	if at < s.cfg.Parents {
		s.top = slices.Insert(s.top, at, i)
		s.top = s.top[:min(len(s.top), s.cfg.Parents)]
	}
}

// best lists the k best so far.
func (s *searcher) best(k int) []supernet.Arch {
	var out []supernet.Arch
	for _, i := range s.top[:min(k, len(s.top))] {
		out = append(out, s.found.archs.At(i))
	}
	return out
}

func (s *searcher) progress() Progress {
	p := Progress{Evaluations: s.found.len(), Reused: s.reused, Total: s.limit, Best: s.first, TooSlow: s.slow}
	s.strategy.describe(&p)
	return p
}
