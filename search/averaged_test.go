package search

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"bnas.example/indicator"
	"bnas.example/supernet"
)

// averagedOf averages evaluators over a sample of 30, with its objective of two terms.
func averagedOf(t *testing.T, space supernet.Space, runs ...Evaluator) (*Averaged, Objective, []indicator.Scores) {
	t.Helper()
	var samples [][]indicator.Scores
	for _, e := range runs {
		sample, err := Sample(t.Context(), space, e, 30, 3, nil)
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, sample)
	}
	v, fused, err := NewAveraged(space, runs, samples)
	if err != nil {
		t.Fatal(err)
	}
	objective, err := v.Objective(twoTerms, fused)
	if err != nil {
		t.Fatal(err)
	}
	return v, objective, fused
}

var twoTerms = indicator.Composite{Name: "two", Terms: indicator.TermNames()[:2], Against: indicator.TermNames()[1:2]}

// TestAveragedOfOne: the average of a supernet with itself orders as the supernet alone does.
func TestAveragedOfOne(t *testing.T) {
	space := fakeSpace{5, 3}
	e := newFake(space, 2)
	v, objective, _ := averagedOf(t, space, e, e)
	sample, err := Sample(t.Context(), space, e, 30, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	calibration, err := indicator.NewCalibration(sample)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := Fused(twoTerms, calibration)
	if err != nil {
		t.Fatal(err)
	}
	for i := range space.Size() {
		a := space.At(i)
		s, err := v.Score(a)
		own, _ := e.Score(a)
		if err != nil || s.Dead != own.Dead || s.Arch != own.Arch || s.Canonical != own.Canonical {
			t.Fatalf("%v: %+v (%v)", a, s, err)
		}
		got, want := objective.Of(s), alone.Of(own)
		if got != want && !(math.Abs(got-want) < 1e-12) {
			t.Errorf("%v: %v, alone %v", a, got, want)
		}
	}
	c := Config{Strategy: "exhaustive", Top: 20}
	got := mustRun(t, Problem{Space: space, Evaluator: v, Objective: objective}, c)
	want := mustRun(t, Problem{Space: space, Evaluator: e, Objective: alone}, c)
	for i := range want.Best {
		if got.Best[i].Scores.Arch != want.Best[i].Scores.Arch {
			t.Errorf("place %d: %s, alone %s", i, got.Best[i].Scores.Arch, want.Best[i].Scores.Arch)
		}
	}
}

// TestAveragedTies: architectures beyond the sample in every supernet have one score; their ranks in all supernets order them.
func TestAveragedTies(t *testing.T) {
	space := fakeSpace{1, 8}
	of := func(values ...float64) Evaluator {
		return evaluatorFunc(func(a supernet.Arch) (indicator.Scores, error) {
			s := indicator.Scores{Arch: space.Format(a), Canonical: space.Format(a), Dead: a[0] == 0, Values: make([]float64, len(indicator.TermNames()))}
			s.Values[0] = values[a[0]]
			return s, nil
		})
	}
	runs := []Evaluator{of(0, 1, 2, 3, 10, 11, 12, 13), of(0, 1, 2, 3, 12, 13, 11, 10)} // ranks of 4…7: 4 5 6 7 and 6 7 5 4
	var samples [][]indicator.Scores
	for _, e := range runs {
		var sample []indicator.Scores
		for o := 1; o < 4; o++ {
			s, _ := e.Score(supernet.Arch{o})
			sample = append(sample, s)
		}
		samples = append(samples, sample)
	}
	v, fused, err := NewAveraged(space, runs, samples)
	if err != nil {
		t.Fatal(err)
	}
	objective, err := v.Objective(indicator.Composite{Name: "one", Terms: indicator.TermNames()[:1]}, fused)
	if err != nil {
		t.Fatal(err)
	}
	r := mustRun(t, Problem{Space: space, Evaluator: v, Objective: objective}, Config{Strategy: "exhaustive"})
	// log 5·7 > log 6·5 > log 7·4 > log 4·6
	for i, want := range []string{"5", "6", "7", "4", "3", "2", "1", "0"} {
		if got := r.Best[i].Scores.Arch; got != want {
			t.Errorf("place %d: %s, want %s", i, got, want)
		}
	}
	if r.Best[0].Score != r.Best[3].Score || r.Best[3].Score <= r.Best[4].Score {
		t.Errorf("scores %v", texts(r.Best))
	}
	if _, err := v.Objective(indicator.Composite{Name: "none", Terms: []string{"nonsense"}}, fused); err == nil {
		t.Error("an unknown term")
	}
	if _, _, err := NewAveraged(space, runs, [][]indicator.Scores{samples[0], nil}); err == nil {
		t.Error("a supernet without a sample")
	}
}

// ledgered says whether its scores are from a ledger.
type ledgered struct {
	Evaluator
	known bool
}

func (l ledgered) score(a supernet.Arch) (indicator.Scores, bool, error) {
	s, err := l.Score(a)
	return s, l.known, err
}

// TestAveragedIsKnown: averages are known if the scores of all supernets are.
func TestAveragedIsKnown(t *testing.T) {
	space := fakeSpace{4, 3}
	for _, of := range [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}} {
		v, _, fused := averagedOf(t, space, ledgered{newFake(space, 1), of[0]}, ledgered{newFake(space, 2), of[1]})
		for _, s := range fused { // the averages of the sample are those of its architectures
			a, err := space.Parse(s.Arch)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := v.Score(a); err != nil || !slices.Equal(again.Values, s.Values) {
				t.Fatalf("%s of the sample has %v, scored again %v, %v", s.Arch, s.Values[:2], again.Values[:2], err)
			}
		}
		if _, known, err := v.score(space.At(40)); err != nil || known != (of[0] && of[1]) {
			t.Errorf("of supernets known %v: %v, %v", of, known, err)
		}
	}
}

// TestAveragedResumes: each supernet keeps its scores in its ledger, and a resumed search scores nothing twice by any of them.
func TestAveragedResumes(t *testing.T) {
	space := fakeSpace{6, 4}
	c := Config{Strategy: "evolution", Seed: 4, MaxEvaluations: 90, Population: 30, Mutants: 10, Crossovers: 10}
	search := func(dirs [2]string, fakes [2]*fakeEvaluator, stop int) (*Result, error) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var runs []Evaluator
		for i, e := range fakes {
			l := openTest(t, dirs[i])
			defer l.Close()
			runs = append(runs, &Recorded{space, e, l})
		}
		v, objective, fused := averagedOf(t, space, runs...)
		fakes[1].before = func(calls int) {
			if calls == stop {
				cancel()
			}
		}
		return Run(ctx, Problem{Space: space, Evaluator: v, Objective: objective, Sample: fused}, c, nil)
	}
	fresh := func() [2]*fakeEvaluator { return [2]*fakeEvaluator{newFake(space, 2), newFake(space, 5)} }
	want, err := search([2]string{t.TempDir(), t.TempDir()}, fresh(), -1)
	if err != nil {
		t.Fatal(err)
	}
	dirs, fakes := [2]string{t.TempDir(), t.TempDir()}, fresh()
	for _, stop := range []int{31, 60} {
		if _, err := search(dirs, fakes, stop); !errors.Is(err, ErrInterrupted) {
			t.Fatalf("stopped at %d: %v", stop, err)
		}
	}
	got, err := search(dirs, fakes, -1)
	if err != nil || essence(got) != essence(want) {
		t.Errorf("%v\n%s\nwant\n%s", err, essence(got), essence(want))
	}
	for i, e := range fakes {
		if e.total() != len(e.calls) {
			t.Errorf("supernet %d: %d scores of %d architectures", i, e.total(), len(e.calls))
		}
	}
	if got.Reused == 0 || got.Reused >= got.Evaluations {
		t.Errorf("%d of %d from the ledgers", got.Reused, got.Evaluations)
	}
}
