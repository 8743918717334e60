package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"bnas.example/indicator"
	"bnas.example/search"
	"bnas.example/supernet"
)

// repeating is a tiny configuration of three repeats with the terms of its composite and a constant one.
func repeating() Config {
	c := tiny()
	c.SetSeed(5)
	c.Train.RankEvery = 0
	c.Objective.Composite = "quick"
	c.Score.Terms = []string{"naswot", "cell_spectrum", "isometry", "bn_noise", "macs"}
	c.Score.Repeats = 3
	c.Threads = 1 // one architecture after the other: where a countdown ends is then known
	return c
}

func untrained(t *testing.T, cfg Config) *Run {
	t.Helper()
	r, err := Untrained(cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// scoredBy scores one architecture without a ledger.
func scoredBy(t *testing.T, r *Run, a supernet.Arch) indicator.Scores {
	t.Helper()
	s, err := r.Scorer()
	if err != nil {
		t.Fatal(err)
	}
	scores, err := s.Score(a)
	if err != nil {
		t.Fatal(err)
	}
	return scores
}

// wantMean compares scores of three repeats with those of three single ones. varies are the terms that must have a spread.
func wantMean(t *testing.T, got indicator.Scores, singles []indicator.Scores, varies ...string) {
	t.Helper()
	if got.Repeats != 3 || len(singles) != 3 {
		t.Fatalf("%d repeats, %d single scores", got.Repeats, len(singles))
	}
	for i, name := range indicator.TermNames() {
		x, y, z := singles[0].Values[i], singles[1].Values[i], singles[2].Values[i]
		if math.IsNaN(x) {
			continue
		}
		mean := (x + y + z) / 3
		sd := math.Sqrt(((x-mean)*(x-mean) + (y-mean)*(y-mean) + (z-mean)*(z-mean)) / 2)
		if !(math.Abs(got.Values[i]-mean) <= 1e-12*math.Abs(mean) && math.Abs(got.Spread[i]-sd) <= 1e-9*math.Abs(mean)) {
			t.Errorf("%s: %v ± %v, want %v ± %v", name, got.Values[i], got.Spread[i], mean, sd)
		}
	}
	for _, name := range varies {
		if i, err := got.Term(name); err != nil || spreadOf(got, name) == 0 {
			t.Errorf("%s is %v in all repeats, %v", name, i, err)
		}
	}
}

func spreadOf(s indicator.Scores, name string) float64 {
	for i, n := range indicator.TermNames() {
		if n == name {
			return s.Spread[i]
		}
	}
	return math.NaN()
}

// TestRepeatsOfAnUntrainedNetwork: a repeat has the weights, images and probes of its own seed.
func TestRepeatsOfAnUntrainedNetwork(t *testing.T) {
	cfg := repeating()
	r := untrained(t, cfg)
	a := LiveSample(r.Net, 1, 1, "test")[0]
	got := scoredBy(t, r, a)
	var singles []indicator.Scores
	for k := range 3 {
		one := cfg
		one.Score = one.Score.Repeat(k)
		one.Supernet.Seed = indicator.RepeatSeed(cfg.Supernet.Seed, k)
		singles = append(singles, scoredBy(t, untrained(t, one), a))
	}
	wantMean(t, got, singles, "naswot", "cell_spectrum", "isometry", "bn_noise")
	if spreadOf(got, "macs") != 0 {
		t.Errorf("the MACs have a spread, %v", spreadOf(got, "macs"))
	}
}

// TestRepeatsOfATrainedNetwork: the parameters are those of the run in each repeat; images and probes are those of its seed.
func TestRepeatsOfATrainedNetwork(t *testing.T) {
	cfg := repeating()
	cfg.Score.Terms = append(cfg.Score.Terms, "gamma_sum")
	r := create(t, cfg)
	if _, err := r.Train(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	a := LiveSample(r.Net, 1, 1, "test")[0]
	got := scoredBy(t, r, a)
	var singles []indicator.Scores
	for k := range 3 {
		r.Config.Score = cfg.Score.Repeat(k)
		singles = append(singles, scoredBy(t, r, a))
	}
	wantMean(t, got, singles, "naswot", "cell_spectrum", "isometry", "bn_noise")
	if spreadOf(got, "gamma_sum") != 0 {
		t.Errorf("γ has a spread, %v", spreadOf(got, "gamma_sum"))
	}
}

// TestKeyOfRepeats: one repeat has the key of a program without repeats; several have their own.
func TestKeyOfRepeats(t *testing.T) {
	r := untrained(t, repeating())
	several, err := r.Key()
	if err != nil || !strings.Contains(several["scoring"], "repeats: 3") {
		t.Errorf("key %q, %v", several["scoring"], err)
	}
	r.Config.Score.Repeats = 1
	one, err := r.Key()
	if err != nil || strings.Contains(one["scoring"], "repeats") {
		t.Errorf("key %q, %v", one["scoring"], err)
	}
}

// countdown is a context that ends when it was asked a number of times.
type countdown struct {
	context.Context
	left atomic.Int64
}

// after returns a context that ends when it was asked n times.
func after(ctx context.Context, n int64) *countdown {
	c := &countdown{Context: ctx}
	c.left.Store(n)
	return c
}

func (c *countdown) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// ledgerOf scores n architectures until the context ends, and returns the ledger in dir and the error of the scoring.
func ledgerOf(t *testing.T, cfg Config, n int, dir string, ctx context.Context) (ledger string, failed error) {
	t.Helper()
	r := untrained(t, cfg)
	defer r.Close()
	e, err := r.Evaluator(dir)
	if err != nil {
		t.Fatal(err)
	}
	failed = e.ScoreAll(ctx, listOf(r, LiveSample(r.Net, n, 1, "test")), nil)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(e.Path())
	if err != nil {
		t.Fatal(err)
	}
	return string(text), failed
}

// TestRepeatsResume: scoring that is stopped within a repeat goes on, and ends with the ledger of an undisturbed one.
func TestRepeatsResume(t *testing.T) {
	cfg := repeating()
	ledger := func(dir string, ctx context.Context) (string, error) { return ledgerOf(t, cfg, 3, dir, ctx) }
	want, err := ledger(t.TempDir(), t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	all := after(t.Context(), 1<<30)
	if _, err := ledger(t.TempDir(), all); err != nil {
		t.Fatal(err)
	}
	cut, err := ledger(dir, after(t.Context(), (1<<30-all.left.Load())/2)) // in the second of three architectures
	if !errors.Is(err, context.Canceled) || strings.Count(cut, "\n") != 2 || !strings.HasPrefix(want, cut) {
		t.Errorf("stopped with %v at\n%s", err, cut)
	}
	if got, err := ledger(dir, t.Context()); err != nil || got != want {
		t.Errorf("went on to\n%s%v, want\n%s", got, err, want)
	}
	known, err := indicator.ReadScores(strings.NewReader(want), "scores.csv")
	if err != nil || known.Len() != 3 || known.At(0).Repeats != 3 || known.At(0).Spread == nil {
		t.Errorf("%d rows, %v", known.Len(), err)
	}
}

// TestRepeatsOfASearch: a search that is stopped within a repeat goes on to the result of an undisturbed one, while it
// calibrates and while it searches.
func TestRepeatsOfASearch(t *testing.T) {
	search1 := func(dir string, ctx context.Context) (*Found, error) {
		r := untrained(t, repeating())
		defer r.Close()
		return r.Search(ctx, dir, nil)
	}
	want, err := search1(t.TempDir(), t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(want.Best) == 0 || want.Best[0].Scores.Repeats != 3 {
		t.Fatalf("best %+v", want.Best)
	}
	dir := t.TempDir()
	for _, asks := range []int64{25, 70} {
		if _, err := search1(dir, after(t.Context(), asks)); !errors.Is(err, search.ErrInterrupted) || !errors.Is(err, context.Canceled) {
			t.Errorf("stopped at question %d with %v", asks, err)
		}
	}
	got, err := search1(dir, t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range want.Best {
		if g := got.Best[i]; g.Score != f.Score || !sameScores(g.Scores, f.Scores) {
			t.Errorf("best %d: %+v, want %+v", i, g, f)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, ResultName))
	if err != nil || !strings.Contains(string(text), `"repeats": 3`) {
		t.Errorf("%s lacks the repeats: %v", ResultName, err)
	}
}

// TestSetupOfALedger: the folder of a ledger says what its scores are of, and where those of other setups are.
func TestSetupOfALedger(t *testing.T) {
	dir := t.TempDir()
	if s, err := ReadSetup(filepath.Join(dir, search.ScoresName)); s != nil || err != nil {
		t.Errorf("an empty folder: %v, %v", s, err)
	}
	cfg := tiny()
	for _, repeats := range []indicator.Repeats{1, 3} {
		cfg.Score.Repeats = repeats
		r, err := Untrained(cfg, Options{})
		if err != nil {
			t.Fatal(err)
		}
		e, err := r.Evaluator(dir)
		if err != nil {
			t.Fatal(err)
		}
		e.Close()
		r.Close()
		s, err := ReadSetup(filepath.Join(dir, search.ScoresName))
		if err != nil || s.Repeats != int(repeats) || s.Space != "nas-bench-201" || s.Images != cfg.Score.Images || s.Seed != cfg.Supernet.Seed {
			t.Errorf("%d repeats: %+v, %v", repeats, s, err)
		}
		for _, want := range []string{"nas-bench-201, BatchNorm fair, ", fmt.Sprintf("repeats %d; device ", repeats)} {
			if !strings.Contains(s.String(), want) {
				t.Errorf("%q has no %q", s, want)
			}
		}
	}
	others, err := search.Kept(dir)
	if err != nil || len(others) != 1 {
		t.Fatalf("kept %q, %v", others, err)
	}
	if s, err := ReadSetup(filepath.Join(others[0], search.ScoresName)); err != nil || s.Repeats != 1 {
		t.Errorf("the ledger set aside: %+v, %v", s, err)
	}
}
