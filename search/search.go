// Package search finds the architectures of a space that an indicator ranks highest: exhaustively, at random, or by
// evolution, within limits of cost, time and evaluations.
//
// Every random draw is a function of the seed and of a generation, iteration or index. A score is written to the ledger
// before it is used. A search that was killed and is started again therefore makes the same decisions, takes known scores
// from the ledger, and ends with the same result.
package search

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"bnas.example/indicator"
	"bnas.example/internal/setting"
	"bnas.example/supernet"
)

// ErrInterrupted is wrapped by the error of a search whose context ended. The ledger is then synced, and the same search
// continues from it.
var ErrInterrupted = errors.New("search interrupted")

// stopError is an ErrInterrupted that says when. It wraps the error of the context, whose text says nothing to a reader.
type stopError struct {
	when  string
	cause error
}

func (e *stopError) Error() string   { return ErrInterrupted.Error() + " " + e.when }
func (e *stopError) Unwrap() []error { return []error{ErrInterrupted, e.cause} }

// Evaluator scores one architecture. *indicator.Scorer is one.
type Evaluator interface {
	Score(a supernet.Arch) (indicator.Scores, error)
}

// Problem is a space, an evaluator of its architectures, and the objective to maximise.
type Problem struct {
	Space     supernet.Space
	Sizes     supernet.Config // network sizes for the costs that the limits bound
	Evaluator Evaluator       // *Recorded makes the search resumable
	Objective Objective
	// Latency returns the milliseconds of a forward pass of each architecture, as Timed does: always the same for one network. A search
	// needs it if Config.NeedsLatency; nil: none is measured.
	Latency func(archs []supernet.Arch) ([]float64, error)
	// Mixtures measures networks with several operators at a place. The strategy Pruning needs it.
	Mixtures *Mixtures
	// Sample has scores of the same evaluator that the strategy does not see, such as those that calibrate the objective. One of
	// them may score higher than all that the strategy finds: Result.BestOfSample.
	Sample []indicator.Scores
}

// Strategies returns the names of the strategies.
func Strategies() []string {
	names := make([]string, len(strategies))
	for i, s := range strategies {
		names[i] = s.name
	}
	return names
}

// Config holds the settings of a search. Zero fields take the defaults (in brackets); Mutants and Crossovers only if both are zero.
type Config struct {
	Strategy string `yaml:"strategy"` // one of Strategies (evolution)
	Seed     uint64 `yaml:"seed"`

	// Objectives of nsga2: score, and a cost that is to be low, one of Costs (score, macs). Result.Pareto is over this cost.
	Objectives []string `yaml:"objectives,omitempty"`

	MaxMACs        int64         `yaml:"max_macs" range:"[0,inf)"`                 // 0: no limit
	MaxParams      int64         `yaml:"max_params" range:"[0,inf)"`               // 0: no limit
	MaxLatency     float64       `yaml:"max_latency,omitempty" range:"[0,inf)"`    // ms of a forward pass of LatencyBatch images; 0: no limit
	LatencyBatch   int           `yaml:"latency_batch,omitempty" range:"[0,1024]"` // 0: 1
	Budget         time.Duration `yaml:"budget" range:"[0,inf)"`                   // wall time of this call; 0: no limit
	MaxEvaluations int           `yaml:"max_evaluations" range:"[0,1000000000]"`   // architectures scored, those from the ledger too; 0: all for exhaustive, Generations × Population for the others
	Top            int           `yaml:"top" range:"[1,1000000]"`                  // best architectures to return (10)

	Generations int     `yaml:"generations" range:"[1,1000000]"` // evolution and nsga2 (20)
	Population  int     `yaml:"population" range:"[1,1000000]"`  // evolution, nsga2 and regularised (50)
	Parents     int     `yaml:"parents" range:"[1,1000000]"`     // evolution: the best so far, from which children come (10)
	Mutants     int     `yaml:"mutants" range:"[0,1000000]"`     // evolution, each generation (25)
	Crossovers  int     `yaml:"crossovers" range:"[0,1000000]"`  // evolution, each generation (25)
	Mutation    float64 `yaml:"mutation" range:"(0,1]"`          // evolution and nsga2: probability that a gene is drawn anew (.1)
	Tournament  int     `yaml:"tournament" range:"[1,1000000]"`  // regularised: how many of the population compete to be the parent (10)
	Prune       int     `yaml:"prune,omitempty" range:"[0,64]"`  // pruning: operators that each place loses in a round; 0: 1
}

// WithDefaults returns c with its zero fields filled by the settings of BN-NAS's search (Chen et al., ICCV 2021).
func (c Config) WithDefaults() Config {
	if c.Strategy == "" {
		c.Strategy = Evolution
	}
	for _, f := range []struct {
		field *int
		value int
	}{
		{&c.Top, 10}, {&c.Generations, 20}, {&c.Population, 50}, {&c.Parents, 10},
		{&c.Tournament, 10},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	if c.Mutants == 0 && c.Crossovers == 0 { // one of them may be 0
		c.Mutants, c.Crossovers = 25, 25
	}
	if c.Mutation == 0 {
		c.Mutation = 0.1
	}
	return c
}

// These are the costs that can be the second of Config.Objectives.
const (
	MACs    = "macs"
	Params  = "params"
	Latency = "latency" // measured: Problem.Latency
)

// Costs lists them.
func Costs() []string { return []string{MACs, Params, Latency} }

// Within reports whether a network is within the limits of MACs and parameters.
func (c Config) Within(cost supernet.Cost) bool {
	return (c.MaxMACs == 0 || cost.MACs <= c.MaxMACs) && (c.MaxParams == 0 || cost.Params <= c.MaxParams)
}

// NeedsLatency reports whether the search measures the latency of networks.
func (c Config) NeedsLatency() bool { return c.MaxLatency > 0 || c.Cost() == Latency }

// Cost returns the cost of the Pareto front: the second objective, or MACs.
func (c Config) Cost() string {
	if len(c.Objectives) == 2 {
		return c.Objectives[1]
	}
	return MACs
}

// evaluations is the largest number of architectures to score; 0: no limit.
func (c Config) evaluations() int {
	if i := strategyIndex(c.Strategy); c.MaxEvaluations == 0 && i >= 0 && !strategies[i].bounded {
		return c.Generations * c.Population
	}
	return c.MaxEvaluations
}

// Validate returns an error that lists every invalid setting (setting.Errors). It expects a Config whose defaults are filled
// in.
func (c Config) Validate() error {
	errs := setting.Ranges("search", c)
	errs.Check(strategyIndex(c.Strategy) >= 0, "search.strategy", "%q: there are %s", c.Strategy, strings.Join(Strategies(), ", "))
	two := len(c.Objectives) == 2 && c.Objectives[0] == "score" && slices.Contains(Costs(), c.Cost())
	errs.Check(len(c.Objectives) == 0 || two, "search.objectives", "%s: there is score,macs, score,params and score,latency", strings.Join(c.Objectives, ","))
	errs.Check(len(c.Objectives) == 0 || c.Strategy == TwoObjectives, "search.objectives", "%s: only the strategy %s has two objectives", strings.Join(c.Objectives, ","), TwoObjectives)
	if c.Strategy == Pruning {
		for _, limit := range []struct {
			name string
			set  bool
		}{{"max_macs", c.MaxMACs > 0}, {"max_params", c.MaxParams > 0}, {"max_latency", c.MaxLatency > 0}, {"budget", c.Budget > 0}} {
			errs.Check(!limit.set, "search."+limit.name, "bounds no search by pruning: it ends with one network, whatever that costs")
		}
	}
	if len(errs) == 0 && c.Strategy == Evolution {
		errs.Check(c.Mutants+c.Crossovers > 0, "search.mutants", "0, and crossovers too: a generation needs children; set one of them above 0")
		errs.Check(c.Mutants+c.Crossovers <= c.Population, "search.population",
			"%d: must be at least %d, for %d mutants and %d crossovers a generation; a file of --config can have fewer (search: mutants, crossovers)",
			c.Population, c.Mutants+c.Crossovers, c.Mutants, c.Crossovers)
	}
	return errs.Or()
}

// CheckSpace returns an error if the strategy cannot search the space.
func (c Config) CheckSpace(s supernet.Space) error {
	i := strategyIndex(c.Strategy)
	if _, ordered := s.(supernet.Ordered); i >= 0 && strategies[i].ordered && !ordered {
		return setting.Errorf("search.strategy", "%s: %s has %v architectures; choose another strategy", c.Strategy, s.Name(), s.Count())
	}
	if _, ok := s.(supernet.Mixed); i >= 0 && strategies[i].prunes && !ok {
		return setting.Errorf("search.strategy", "%s: %s has no network with several operators at a place; choose another strategy", c.Strategy, s.Name())
	}
	return nil
}

// Progress is the state of a search after an evaluation.
type Progress struct {
	Evaluations int   // scored so far, those from the ledger too
	Reused      int   // of them, taken from the ledger
	Total       int   // how many there will be at most; 0: unknown
	Generation  int   // of an evolution, from 1
	Best        Found // so far; without Scores before the first
	TooSlow     int   // networks over Config.MaxLatency so far
	// Mixtures of a pruning have been measured so far, of AllMixtures. The figures of KeptMixtures of them were kept by an earlier search.
	Mixtures, KeptMixtures, AllMixtures int
}

// Run searches and returns the result. It calls report, if not nil, after every evaluation, and after every network that is over
// Config.MaxLatency. A search that reached its
// budget or its number of evaluations has a result too; Result.Stopped holds the reason. It is an error if no architecture
// is within the limits.
func Run(ctx context.Context, p Problem, c Config, report func(Progress)) (*Result, error) {
	c = c.WithDefaults()
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if err := c.CheckSpace(p.Space); err != nil {
		return nil, err
	}
	if c.NeedsLatency() && p.Latency == nil {
		return nil, errors.New("search: nothing measures latencies")
	}
	if c.Strategy == Pruning && p.Mixtures == nil {
		return nil, errors.New("search: nothing measures mixtures of operators")
	}
	s := newSearcher(ctx, p, c)
	err := s.run(report)
	if f, ok := p.Evaluator.(interface{ Flush() error }); ok {
		if failed := f.Flush(); failed != nil && (err == nil || !strings.Contains(err.Error(), failed.Error())) { // said once
			err = errors.Join(err, failed)
		}
	}
	if err != nil {
		return nil, err
	}
	return s.result()
}
