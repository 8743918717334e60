package search

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"bnas.example/indicator"
	"bnas.example/supernet"
)

func mustRun(t testing.TB, p Problem, c Config) *Result {
	t.Helper()
	r, err := Run(context.Background(), p, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestExhaustiveFindsTheOptimum(t *testing.T) {
	space := fakeSpace{4, 3}
	e := newFake(space, 5)
	r := mustRun(t, Problem{Space: space, Evaluator: e, Objective: firstTerm(t)}, Config{Strategy: "exhaustive", Top: 100})
	distinct := map[string]bool{}
	best, dead := math.Inf(-1), 0
	for i := range space.Size() {
		a := space.At(i)
		if distinct[space.Canonical(a)] {
			continue
		}
		distinct[space.Canonical(a)] = true
		if !space.Alive(a) {
			dead++
			continue
		}
		best = max(best, e.value(a))
	}
	if r.Best[0].Score != best || r.Stopped != Complete {
		t.Errorf("best %v, want %v; stopped: %s", r.Best[0].Score, best, r.Stopped)
	}
	if r.Evaluations != len(distinct) || r.Proposed != space.Size() || r.Dead != dead || dead != 1 {
		t.Errorf("%d evaluations of %d proposed, %d dead; want %d of %d, %d", r.Evaluations, r.Proposed, r.Dead, len(distinct), space.Size(), dead)
	}
	if e.total() != len(distinct) {
		t.Errorf("%d calls for %d networks", e.total(), len(distinct))
	}
	if last := r.Best[len(r.Best)-1]; !last.Scores.Dead || !math.IsInf(last.Score, -1) {
		t.Errorf("the dead network is not last but %v", last)
	}
	for i := range r.Best[1:] {
		if compare(r.Best[i], r.Best[i+1]) >= 0 {
			t.Errorf("best %d and %d are out of order", i, i+1)
		}
	}
}

// A dead network ranks below a live one, even if its objective is higher.
func TestDeadIsNeverTheBest(t *testing.T) {
	space := fakeSpace{3, 2}
	o := Objective{Name: "fewest", Of: func(s indicator.Scores) float64 { return -float64(len(strings.Trim(s.Arch, "0-"))) }}
	for _, strategy := range sampling() {
		r := mustRun(t, Problem{Space: space, Evaluator: newFake(space, 1), Objective: o}, Config{Strategy: strategy, Population: 4, Mutants: 2, Crossovers: 2})
		if r.Best[0].Scores.Dead {
			t.Errorf("%s: the best is dead", strategy)
		}
		for _, f := range r.Best {
			if f.Scores.Dead != math.IsInf(f.Score, -1) {
				t.Errorf("%s: %s has the score %v", strategy, f.Scores.Arch, f.Score)
			}
		}
		for _, f := range r.Pareto {
			if f.Scores.Dead {
				t.Errorf("%s: the Pareto front has a dead network", strategy)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	space, err := supernet.Lookup("nas-bench-201")
	if err != nil {
		t.Fatal(err)
	}
	cfg := space.Defaults()
	e := evaluatorFunc(func(a supernet.Arch) (indicator.Scores, error) {
		values := make([]float64, len(indicator.TermNames()))
		for i := range values {
			values[i] = float64(space.Cost(a, cfg).MACs) // the network with the most MACs is the best
		}
		return indicator.Scores{Arch: space.Format(a), Canonical: space.Canonical(a), Dead: !space.Alive(a), Values: values}, nil
	})
	const maxMACs, maxParams = 80_000_000, 500_000
	for _, strategy := range sampling() {
		p := Problem{Space: space, Sizes: cfg, Evaluator: e, Objective: firstTerm(t)}
		r := mustRun(t, p, Config{Strategy: strategy, MaxMACs: maxMACs, MaxParams: maxParams, MaxEvaluations: 300, Top: 300})
		if len(r.Best) != 300 || r.Stopped != Evaluated {
			t.Errorf("%s: %d found, stopped: %s", strategy, len(r.Best), r.Stopped)
		}
		for _, f := range r.Best {
			if c := space.Cost(f.Choice, cfg); c.MACs > maxMACs || c.Params > maxParams || c != f.Cost {
				t.Errorf("%s: %s costs %+v", strategy, f.Scores.Arch, c)
			}
		}
		// A limit alone.
		for _, c := range []Config{{MaxMACs: maxMACs}, {MaxParams: maxParams}} {
			c.Strategy, c.MaxEvaluations, c.Top = strategy, 60, 60
			for _, f := range mustRun(t, p, c).Best {
				if !c.Within(f.Cost) {
					t.Errorf("%s: %s costs %+v, at most %d MACs and %d parameters", strategy, f.Scores.Arch, f.Cost, c.MaxMACs, c.MaxParams)
				}
			}
		}
		if _, err := Run(context.Background(), p, Config{Strategy: strategy, MaxMACs: 1}, nil); err == nil || !strings.Contains(err.Error(), "within the limits") {
			t.Errorf("%s: no architecture has 1 MAC, but: %v", strategy, err)
		}
	}
}

// A cost at its limit is within it.
func TestWithin(t *testing.T) {
	cost := supernet.Cost{MACs: 100, Params: 7}
	for _, c := range []struct {
		macs, params int64
		want         bool
	}{
		{0, 0, true}, {100, 0, true}, {99, 0, false}, {0, 7, true}, {0, 6, false}, {100, 7, true}, {100, 6, false}, {99, 7, false},
	} {
		if got := (Config{MaxMACs: c.macs, MaxParams: c.params}).Within(cost); got != c.want {
			t.Errorf("at most %d MACs and %d parameters: %v", c.macs, c.params, got)
		}
	}
	for _, c := range []struct {
		config Config
		want   bool
	}{
		{Config{}, false}, {Config{MaxLatency: 1}, true}, {Config{Objectives: []string{"score", Latency}}, true}, {Config{Objectives: []string{"score", Params}}, false},
	} {
		if got := c.config.NeedsLatency(); got != c.want {
			t.Errorf("%+v needs latencies: %v", c.config, got)
		}
	}
}

type evaluatorFunc func(a supernet.Arch) (indicator.Scores, error)

func (f evaluatorFunc) Score(a supernet.Arch) (indicator.Scores, error) { return f(a) }

func TestBudget(t *testing.T) {
	space := fakeSpace{10, 5}
	e := newFake(space, 1)
	e.before = func(int) { time.Sleep(5 * time.Millisecond) }
	start := time.Now()
	r := mustRun(t, Problem{Space: space, Evaluator: e, Objective: firstTerm(t)}, Config{Strategy: "random", Budget: 50 * time.Millisecond, MaxEvaluations: 1e6})
	if r.Stopped != TimedOut || r.Evaluations < 1 || r.Evaluations > 10 || time.Since(start) > 5*time.Second {
		t.Errorf("%d evaluations in %v, stopped: %s", r.Evaluations, time.Since(start), r.Stopped)
	}
	if r = mustRun(t, Problem{Space: space, Evaluator: e, Objective: firstTerm(t)}, Config{Strategy: "evolution", Budget: 1}); r.Evaluations != 1 {
		t.Errorf("a budget of nothing: %d evaluations, want 1", r.Evaluations)
	}
}

// deserted is an evaluator whose last worker leaves after some calls.
type deserted struct {
	*fakeEvaluator
	left  int
	bound time.Time
}

func (d *deserted) Bound(until time.Time) { d.bound = until }

func (d *deserted) Score(a supernet.Arch) (indicator.Scores, error) {
	if d.left--; d.left >= 0 {
		return d.fakeEvaluator.Score(a)
	}
	if d.bound.IsZero() {
		return indicator.Scores{}, errors.New("it waits for ever")
	}
	time.Sleep(time.Until(d.bound))
	return indicator.Scores{}, ErrAbandoned
}

// TestAbandoned: where nobody scores any more, the budget ends a search with what it has.
func TestAbandoned(t *testing.T) {
	space := fakeSpace{10, 5}
	for left, want := range map[int]string{0: ErrAbandoned.Error(), 3: ""} {
		e := &deserted{fakeEvaluator: newFake(space, 1), left: left}
		l, err := OpenLedger(t.TempDir(), Key{}, 1, Made{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := Run(t.Context(), Problem{Space: space, Evaluator: &Recorded{space, e, l}, Objective: firstTerm(t)}, Config{Strategy: "random", Budget: 200 * time.Millisecond}, nil)
		l.Close()
		if want != "" {
			if err == nil || err.Error() != want {
				t.Errorf("%d left: %v", left, err)
			}
		} else if err != nil || r.Stopped != TimedOut || r.Evaluations != left {
			t.Errorf("%d left: %v, %+v", left, err, r)
		}
	}
}

// If a space has fewer networks than MaxEvaluations, the search ends after it has scored each network once.
func TestSmallSpaceIsExhausted(t *testing.T) {
	space := fakeSpace{3, 2}
	for _, strategy := range sampling() {
		e := newFake(space, 1)
		r := mustRun(t, Problem{Space: space, Evaluator: e, Objective: firstTerm(t)}, Config{Strategy: strategy})
		if p := (Config{Strategy: strategy}.WithDefaults()); p.MaxEvaluations != 0 {
			t.Errorf("%s: a default of %d evaluations would bind another strategy", strategy, p.MaxEvaluations)
		}
		if want := map[bool]string{true: Complete, false: Exhausted}[strategies[strategyIndex(strategy)].bounded]; r.Stopped != want {
			t.Errorf("%s: stopped: %s, want %s", strategy, r.Stopped, want)
		}
		if r.Evaluations != 6 || e.total() != 6 {
			t.Errorf("%s: %d evaluations, %d calls, want 6", strategy, r.Evaluations, e.total())
		}
	}
}

// The total of an exhaustive search: what is scored, what waits, and what was not proposed. A limit bounds it.
func TestTotalOfExhaustive(t *testing.T) {
	e := &exhaustive{searcher: &searcher{pending: make([]supernet.Arch, 2)}, space: fakeSpace{2, 3}, index: 5}
	for given, want := range map[int]int{0: 1 + 2 + 4, 6: 6} {
		p := Progress{Evaluations: 1, Total: given}
		if e.describe(&p); p.Total != want {
			t.Errorf("total %d, want %d", p.Total, want)
		}
	}
}

// In NAS-Bench-101 most changes of one gene of a cell give no cell: at most nine of its 21 edges are there, and each inner vertex is
// on a path from the input to the output. Every strategy scores cells alone.
func TestStrategiesScoreValidArchitectures(t *testing.T) {
	space, err := supernet.Lookup("nas-bench-101")
	if err != nil {
		t.Fatal(err)
	}
	cfg := space.Defaults()
	e := evaluatorFunc(func(a supernet.Arch) (indicator.Scores, error) {
		if err := supernet.Validate(space, a); err != nil {
			return indicator.Scores{}, err
		}
		values := make([]float64, len(indicator.TermNames()))
		for i := range values {
			values[i] = float64(space.Cost(a, cfg).Params)
		}
		return indicator.Scores{Arch: space.Format(a), Canonical: space.Canonical(a), Values: values}, nil
	})
	for _, strategy := range sampling() {
		c := Config{Strategy: strategy, Population: 50, MaxEvaluations: 300}
		if c.CheckSpace(space) != nil {
			continue
		}
		if r := mustRun(t, Problem{Space: space, Sizes: cfg, Evaluator: e, Objective: firstTerm(t)}, c); r.Evaluations != 300 {
			t.Errorf("%s: %d evaluations", strategy, r.Evaluations)
		}
	}
}

func TestParetoFront(t *testing.T) {
	space := fakeSpace{2, 3}
	r := newRecord(space)
	for i, s := range []standing{{false, 3, 5}, {false, 1, 1}, {false, 1, 3}, {false, 4, 5}, {false, 2, 2}, {true, 9, 0}, {false, 4, 9}} {
		r.add(Found{Choice: space.At(i), Score: s.score, Cost: supernet.Cost{MACs: s.macs}, Scores: indicator.Scores{Dead: s.dead}})
	}
	if front := r.pareto(func(i int) float64 { return float64(r.macs[i]) }); !slices.Equal(front, []int32{1, 4, 3}) {
		t.Errorf("front %v", front)
	}
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{Strategy: "annealing"}, "annealing"},
		{Config{Population: 10}, "population"},
		{Config{Mutation: 2}, "mutation"},
		{Config{MaxMACs: -1}, "max_macs"},
		{Config{Top: -1}, "top"},
		{Config{Budget: -time.Second}, "budget"},
	} {
		if _, err := Run(context.Background(), Problem{}, c.config, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want an error that names %s", c.config, err, c.want)
		}
	}
}

func TestEvaluatorErrors(t *testing.T) {
	space := fakeSpace{4, 3}
	broken := errors.New("device lost")
	p := Problem{Space: space, Objective: firstTerm(t), Evaluator: evaluatorFunc(func(supernet.Arch) (indicator.Scores, error) { return indicator.Scores{}, broken })}
	if _, err := Run(context.Background(), p, Config{}, nil); !errors.Is(err, broken) || !strings.Contains(err.Error(), "-") {
		t.Errorf("an evaluator's error arrives as %v", err)
	}
	p.Evaluator = newFake(space, 1)
	p.Objective.Of = func(indicator.Scores) float64 { return math.NaN() }
	if _, err := Run(context.Background(), p, Config{}, nil); err == nil || !strings.Contains(err.Error(), "no value") {
		t.Errorf("a missing term: %v", err)
	}
}

func TestResultJSON(t *testing.T) {
	space := fakeSpace{3, 2}
	r := mustRun(t, Problem{Space: space, Evaluator: newFake(space, 1), Objective: firstTerm(t)}, Config{Strategy: "exhaustive"})
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		Best []struct {
			Arch  string
			Dead  bool
			Score *float64
			MACs  int64
			Terms map[string]*float64
		}
	}
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	first, last := back.Best[0], back.Best[len(back.Best)-1]
	if first.Arch != r.Best[0].Scores.Arch || *first.Score != r.Best[0].Score || first.MACs != r.Best[0].Cost.MACs || len(first.Terms) != len(indicator.TermNames()) {
		t.Errorf("the best reads back as %+v", first)
	}
	if !last.Dead || last.Score != nil {
		t.Errorf("the dead one reads back as %+v", last)
	}
}

func TestFused(t *testing.T) {
	space := fakeSpace{4, 3}
	e := newFake(space, 9)
	sample, err := Sample(context.Background(), space, e, 40, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	calibration, err := indicator.NewCalibration(sample)
	if err != nil {
		t.Fatal(err)
	}
	names := indicator.TermNames()
	fused, err := Fused(indicator.Composite{Name: "two", Terms: names[:2]}, calibration)
	if err != nil {
		t.Fatal(err)
	}
	low, high := sample[0], sample[0]
	for _, s := range sample {
		if !s.Dead && s.Values[0] < low.Values[0] {
			low = s
		}
		if s.Values[0] > high.Values[0] {
			high = s
		}
	}
	if !(fused.Of(low) < fused.Of(high) && fused.Of(high) < 0) {
		t.Errorf("fused scores %v and %v", fused.Of(low), fused.Of(high))
	}
	against, err := Fused(indicator.Composite{Name: "less", Terms: names[:1], Against: names[:1]}, nil)
	if err != nil || against.Of(high) != -high.Values[0] {
		t.Errorf("against a term: %v, %v", against.Of(high), err)
	}
	if _, err := Fused(indicator.Composite{Name: "two", Terms: names[:2]}, nil); err == nil {
		t.Error("a composite without a calibration was accepted")
	}
	lacking := slices.Clone(sample)
	for i := range lacking {
		lacking[i].Values = slices.Clone(lacking[i].Values)
		lacking[i].Values[1] = math.NaN()
	}
	without, err := indicator.NewCalibration(lacking)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Fused(indicator.Composite{Name: "two", Terms: names[:2]}, without); err == nil || !strings.Contains(err.Error(), names[1]) {
		t.Errorf("a calibration without a term: %v", err)
	}
	if _, err := Fused(indicator.Composite{Name: "bad", Terms: []string{"no such term"}}, calibration); err == nil {
		t.Error("an unknown term was accepted")
	}
}

// Above the best of the calibration all quantiles are equal. The order among all scored architectures then finds the best.
func TestTiesBeyondTheCalibration(t *testing.T) {
	space := fakeSpace{6, 4}
	e := newFake(space, 9)
	sample, err := Sample(context.Background(), space, e, 5, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	calibration, err := indicator.NewCalibration(sample)
	if err != nil {
		t.Fatal(err)
	}
	fused, err := Fused(indicator.Composite{Name: "two", Terms: indicator.TermNames()[:2]}, calibration)
	if err != nil {
		t.Fatal(err)
	}
	r := mustRun(t, Problem{Space: space, Evaluator: e, Objective: fused}, Config{Strategy: "exhaustive", Top: 5000})
	if r.Best[0].Score != r.Best[9].Score {
		t.Fatal("the ten best are not equal; the test needs a smaller sample")
	}
	for i := range r.Best[1:] {
		if a, b := r.Best[i], r.Best[i+1]; e.value(a.Choice) < e.value(b.Choice) && !b.Scores.Dead {
			t.Fatalf("place %d has %v, the next %v", i, e.value(a.Choice), e.value(b.Choice))
		}
	}
}

// Architecture i of a sample does not depend on the size of the sample.
func TestSampleIsAPrefix(t *testing.T) {
	space := fakeSpace{6, 4}
	short, err := Sample(context.Background(), space, newFake(space, 1), 5, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	long, err := Sample(context.Background(), space, newFake(space, 1), 9, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range short {
		if short[i].Arch != long[i].Arch {
			t.Errorf("draw %d is %s of 5 and %s of 9", i, short[i].Arch, long[i].Arch)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Sample(ctx, space, newFake(space, 1), 5, 3, nil); !errors.Is(err, ErrInterrupted) || err.Error() != "search interrupted while calibrating" {
		t.Errorf("a cancelled sample: %v", err)
	}
	_, err = Run(ctx, Problem{Space: space, Evaluator: newFake(space, 1), Objective: firstTerm(t)}, Config{}, nil)
	if !errors.Is(err, context.Canceled) || err.Error() != "search interrupted after 0 evaluations" {
		t.Errorf("a cancelled search: %v", err)
	}
}

// TestBestOfSample: a result names the best of the sample if it is live, within the limits and better than all that was found.
func TestBestOfSample(t *testing.T) {
	space, objective := fakeSpace{5, 3}, firstTerm(t)
	scored := func(i int) indicator.Scores {
		s, err := newFake(space, 4).Score(space.At(i))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	var whole []indicator.Scores
	for i := range space.Size() {
		whole = append(whole, scored(i))
	}
	search := func(sample []indicator.Scores, c Config) *Result {
		c.Strategy, c.MaxEvaluations = "random", 3
		return mustRun(t, Problem{Space: space, Evaluator: newFake(space, 4), Objective: objective, Sample: sample}, c)
	}
	plain := search(nil, Config{})
	if plain.BestOfSample != nil {
		t.Errorf("no sample, but its best is %+v", plain.BestOfSample)
	}
	best, bestWithin := math.Inf(-1), math.Inf(-1)
	const limit = 200
	for i, s := range whole {
		if s.Dead {
			continue
		}
		best = max(best, objective.Of(s))
		if space.Cost(space.At(i), supernet.Config{}).MACs <= limit {
			bestWithin = max(bestWithin, objective.Of(s))
		}
	}
	got := search(whole, Config{})
	if got.BestOfSample == nil || got.BestOfSample.Score != best || got.Best[0].Score != plain.Best[0].Score {
		t.Errorf("best of the sample %+v, want %v; best found %v, want %v", got.BestOfSample, best, got.Best[0].Score, plain.Best[0].Score)
	}
	if got := search(whole, Config{MaxMACs: limit}); got.BestOfSample == nil || got.BestOfSample.Score != bestWithin || !(bestWithin < best) {
		t.Errorf("within the limit: %+v, want %v", got.BestOfSample, bestWithin)
	}
	// A dead one is left out whatever its score, and so is one that takes too long.
	unkind := objective
	unkind.Of = func(s indicator.Scores) float64 {
		if s.Dead {
			return math.MaxFloat64
		}
		return objective.Of(s)
	}
	p := Problem{Space: space, Evaluator: newFake(space, 4), Objective: unkind, Sample: whole}
	if got := mustRun(t, p, Config{Strategy: "random", MaxEvaluations: 3}); got.BestOfSample == nil || got.BestOfSample.Scores.Dead || got.BestOfSample.Score != best {
		t.Errorf("among dead ones: %+v, want %v", got.BestOfSample, best)
	}
	p.Sample = whole[:1]
	if got := mustRun(t, p, Config{Strategy: "random", MaxEvaluations: 3}); !whole[0].Dead || got.BestOfSample != nil {
		t.Errorf("of a dead one: %+v", got.BestOfSample)
	}
	p.Objective, p.Sample = objective, whole
	p.Latency = func(archs []supernet.Arch) (ms []float64, err error) {
		for _, a := range archs {
			ms = append(ms, float64(space.Cost(a, supernet.Config{}).MACs))
		}
		return ms, nil
	}
	if got := mustRun(t, p, Config{Strategy: "random", MaxEvaluations: 3, MaxLatency: limit}); got.BestOfSample == nil || got.BestOfSample.Score != bestWithin {
		t.Errorf("within a latency: %+v, want %v", got.BestOfSample, bestWithin)
	}
	if got := search([]indicator.Scores{plain.Best[0].Scores, scored(0)}, Config{}); got.BestOfSample != nil {
		t.Errorf("the sample is no better, but its best is %+v", got.BestOfSample)
	}
}
