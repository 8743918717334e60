package search

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bnas.example/supernet"
)

// stopwatch times networks of a fakeSpace by a formula plus noise, so that no second measurement has the figure of the first.
type stopwatch struct {
	space    fakeSpace
	calls    int
	measured map[string]int // by canonical form
	inWork   func() bool    // whether something else works
	t        testing.TB
}

func (w *stopwatch) measure(archs []supernet.Arch) (ms []float64, err error) {
	if w.inWork != nil && w.inWork() {
		w.t.Error("a latency is measured while architectures are scored")
	}
	for _, a := range archs {
		w.calls++
		w.measured[w.space.Canonical(a)]++
		ms = append(ms, float64(w.space.Cost(a, supernet.Config{}).MACs)/100+1/float64(10+w.calls))
	}
	return ms, nil
}

// timed opens the latencies in a folder, "" for none.
func timed(t *testing.T, dir string, space fakeSpace) (*Timed, *stopwatch) {
	t.Helper()
	path := ""
	if dir != "" {
		path = filepath.Join(dir, "latency.csv")
	}
	f, err := OpenFigures(path, "here", CheckLatency, "ms")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	w := &stopwatch{space: space, measured: map[string]int{}, t: t}
	return &Timed{space, f, w.measure}, w
}

// TestLatencyLimit: every strategy finds networks within the limit alone, and measures each network once.
func TestLatencyLimit(t *testing.T) {
	space := fakeSpace{6, 4}
	for _, strategy := range sampling() {
		times, w := timed(t, "", space)
		r := mustRun(t, Problem{Space: space, Evaluator: newFake(space, 1), Objective: firstTerm(t), Latency: times.Latency},
			Config{Strategy: strategy, MaxLatency: 9, Population: 20, Mutants: 5, Crossovers: 5, MaxEvaluations: 60, Top: 60})
		if len(r.Best) != 60 {
			t.Errorf("%s: %d found", strategy, len(r.Best))
		}
		for _, f := range r.Best {
			if ms := times.Known(space.Canonical(f.Choice)); f.Latency != ms || ms > 9 || ms <= 0 == !f.Scores.Dead {
				t.Errorf("%s: %s takes %v ms, the result has %v", strategy, f.Scores.Arch, ms, f.Latency)
			}
		}
		for name, n := range w.measured {
			if n != 1 {
				t.Errorf("%s: %s was measured %d times", strategy, name, n)
			}
		}
	}
}

// TestLatencyIsMeasuredAlone: an evaluator that works ahead has nothing in work while a latency is measured, and still works ahead.
func TestLatencyIsMeasuredAlone(t *testing.T) {
	space := fakeSpace{6, 4}
	for _, c := range []Config{{Strategy: "random", MaxLatency: 9}, {Strategy: "nsga2", Objectives: []string{"score", Latency}}, {Strategy: "exhaustive", MaxLatency: 9}} {
		c.MaxEvaluations = 40
		times, w := timed(t, "", space)
		e := &manyAtOnce{fakeEvaluator: newFake(space, 1), width: 5}
		w.inWork = func() bool { return len(e.begun) > 0 }
		mustRun(t, Problem{Space: space, Evaluator: e, Objective: firstTerm(t), Latency: times.Latency}, c)
		if e.most != 5 || len(e.wrong) > 0 {
			t.Errorf("%s: at most %d of 5 were in work; out of turn: %v", c.Strategy, e.most, e.wrong)
		}
	}
}

// TestLatencyFront: the front is over the latency, and a search that was interrupted ends with the figures of its first measurements.
func TestLatencyFront(t *testing.T) {
	space := fakeSpace{6, 4}
	c := Config{Strategy: "nsga2", Objectives: []string{"score", Latency}, MaxLatency: 12, Population: 12, Generations: 6, Seed: 9}
	dir := t.TempDir()
	resumed := func(after int) (*Result, *stopwatch, error) {
		times, w := timed(t, dir, space)
		l := openTest(t, dir)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		e := newFake(space, 3)
		e.before = func(calls int) {
			if calls == after {
				cancel()
			}
		}
		r, err := Run(ctx, Problem{Space: space, Evaluator: &Recorded{space, e, l}, Objective: firstTerm(t), Latency: times.Latency}, c, nil)
		return r, w, errors.Join(err, l.Close())
	}
	for _, after := range []int{17, 20} {
		if _, _, err := resumed(after); !errors.Is(err, ErrInterrupted) {
			t.Fatalf("stopped with %v", err)
		}
	}
	want, _, err := resumed(1000)
	if err != nil {
		t.Fatal(err)
	}
	got, w, err := resumed(1000)
	if err != nil || texts(got.Pareto) != texts(want.Pareto) || texts(got.Best) != texts(want.Best) || w.calls != 0 {
		t.Errorf("%v, %d measurements\n%s\nwant\n%s", err, w.calls, texts(got.Pareto), texts(want.Pareto))
	}
	if want.Cost != Latency || len(want.Pareto) < 3 {
		t.Fatalf("a front of %d over %s", len(want.Pareto), want.Cost)
	}
	for i, f := range want.Pareto[1:] {
		if before := want.Pareto[i]; f.Latency <= before.Latency || f.Score <= before.Score {
			t.Errorf("%v ms of score %v, then %v ms of %v", before.Latency, before.Score, f.Latency, f.Score)
		}
	}
}

// TestLatencyProgress: a search says how many networks it has left out because of their latency, also before it has found one.
func TestLatencyProgress(t *testing.T) {
	space := fakeSpace{6, 4}
	for _, strategy := range sampling() {
		times, w := timed(t, "", space)
		early, last := 0, Progress{}
		_, err := Run(t.Context(), Problem{Space: space, Evaluator: newFake(space, 1), Objective: firstTerm(t), Latency: times.Latency},
			Config{Strategy: strategy, MaxLatency: 5, Population: 20, Mutants: 5, Crossovers: 5, MaxEvaluations: 10}, func(p Progress) {
				if p.Evaluations == 0 {
					early++
				}
				last = p
			})
		if err != nil || early == 0 && strategy != "exhaustive" || last.TooSlow == 0 || last.Evaluations != 10 || last.TooSlow < early || last.TooSlow+10 > w.calls+1 {
			t.Errorf("%s: %v: %d before the first network, at the end %+v of %d measurements", strategy, err, early, last, w.calls)
		}
	}
}

func TestLatencyErrors(t *testing.T) {
	space := fakeSpace{8, 4}
	p := Problem{Space: space, Evaluator: newFake(space, 1), Objective: firstTerm(t)}
	if _, err := Run(t.Context(), p, Config{MaxLatency: 1}, nil); err == nil {
		t.Error("a search without a clock")
	}
	times, w := timed(t, "", space)
	p.Latency = times.Latency
	for _, strategy := range sampling() {
		_, err := Run(t.Context(), p, Config{Strategy: strategy, MaxLatency: 1e-9}, nil)
		if err == nil || !strings.Contains(err.Error(), "ms, more than max_latency 1e-09") {
			t.Errorf("%s: %v", strategy, err)
		}
	}
	if w.calls > len(sampling())*tooSlow {
		t.Errorf("%d measurements", w.calls)
	}
	broken := errors.New("device lost")
	p.Latency = func([]supernet.Arch) ([]float64, error) { return nil, fmt.Errorf("latency: %w", broken) }
	for _, c := range []Config{{Strategy: "evolution", MaxLatency: 5}, {Strategy: "nsga2", Objectives: []string{"score", Latency}}} {
		if _, err := Run(t.Context(), p, c, nil); !errors.Is(err, broken) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	p.Latency = func(archs []supernet.Arch) ([]float64, error) {
		time.Sleep(time.Millisecond)
		return make([]float64, len(archs)), nil
	}
	r, err := Run(t.Context(), p, Config{Strategy: "evolution", MaxLatency: 5, Budget: 50 * time.Millisecond}, nil)
	if err != nil || r.Stopped != TimedOut {
		t.Errorf("%v, stopped: %+v", err, r)
	}
}
