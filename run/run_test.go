package run

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"bnas.example/indicator"
	"bnas.example/supernet"
	"bnas.example/train"
)

// tiny is a configuration that runs in seconds.
func tiny() Config {
	c := Default()
	c.Supernet.Channels, c.Supernet.Cells, c.Supernet.Height, c.Supernet.Width = 4, 1, 8, 8
	c.Train.Steps, c.Train.Batch, c.Train.RankEvery, c.Train.MetricsEvery = 6, 8, 3, 2
	c.Score.Images, c.Score.NTKImages = 8, 2
	c.Objective.Calibration, c.Search.MaxEvaluations = 3, 4
	return c
}

// create makes a tiny run in a new folder.
func create(t *testing.T, cfg Config) *Run {
	t.Helper()
	r, err := Create(filepath.Join(t.TempDir(), "run"), cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func reopen(t *testing.T, dir string, open func(string, Config, Options) (*Run, error)) *Run {
	t.Helper()
	cfg, err := ReadConfig(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := open(dir, cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func listOf(r *Run, archs []supernet.Arch) *supernet.List {
	list := supernet.NewList(r.Net.Space)
	for _, a := range archs {
		list.Append(a)
	}
	return list
}

// countOf counts the architectures that were scored.
func countOf(t *testing.T, found *Found) (n int) {
	t.Helper()
	for _, err := range found.scored(1) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// scored scores architectures with the run's ledger and returns the scores and the ledger's file.
func scored(t *testing.T, r *Run, archs []supernet.Arch) ([]indicator.Scores, string) {
	t.Helper()
	e, err := r.Evaluator("")
	if err != nil {
		t.Fatal(err)
	}
	var scores []indicator.Scores
	err = e.ScoreAll(t.Context(), listOf(r, archs), func(_ int, s indicator.Scores) error { scores = append(scores, s); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(e.Path())
	if err != nil {
		t.Fatal(err)
	}
	return scores, string(text)
}

// TestLife makes a run, trains it, scores, closes it, opens it again, searches and reports.
func TestLife(t *testing.T) {
	r := create(t, tiny())
	var steps []int
	got, err := r.Train(t.Context(), func(p train.Progress) { steps = append(steps, p.Step) })
	if err != nil {
		t.Fatal(err)
	}
	if got.Step != 6 || got.Total != 6 || got.Last.Step != 6 || got.Took <= 0 || r.Position.Step != 6 {
		t.Errorf("trained %+v, position %+v", got, r.Position)
	}
	if want := []int{0, 1, 2, 3, 4, 5, 6}; !slices.Equal(steps, want) {
		t.Errorf("progress of steps %v, want %v", steps, want)
	}
	archs := LiveSample(r.Net, 2, 1, "test")
	first, ledger := scored(t, r, archs)
	key, err := r.Key()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()

	r = reopen(t, r.Dir, Open)
	again, err := r.Key()
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(key, again) {
		t.Errorf("key %v after opening again, want %v", again, key)
	}
	second, ledgerAgain := scored(t, r, archs)
	if ledger != ledgerAgain || !slices.EqualFunc(first, second, sameScores) {
		t.Error("scores are not those of the ledger")
	}

	phases := map[string]int{}
	found, err := r.Search(t.Context(), "", func(p Progress) { phases[p.Phase] = p.Done })
	if err != nil {
		t.Fatal(err)
	}
	if found.Evaluations != 4 || countOf(t, found) < 4 || phases[Calibrating] != 3 || phases[Searching] != 4 {
		t.Errorf("%d evaluations, %d scored, phases %v", found.Evaluations, countOf(t, found), phases)
	}
	if _, err := r.Search(t.Context(), "", func(p Progress) {
		if p.Reused != p.Done {
			t.Errorf("searched again: %d of %d from the ledger in %s", p.Reused, p.Done, p.Phase)
		}
	}); err != nil {
		t.Fatal(err)
	}
	page, err := r.Report(found, "command", "version", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{page, filepath.Join(r.Dir, ResultName)} {
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	}
}

// TestEverySpace trains, searches and reports in each space, with small networks.
func TestEverySpace(t *testing.T) {
	for i, s := range supernet.Spaces() {
		t.Run(s.Name(), func(t *testing.T) {
			if testing.Short() && i > 1 {
				t.Skip("the short test has the first two spaces only")
			}
			cfg := tiny()
			cfg.Supernet.Space = s.Name()
			cfg.Supernet.Cells = min(cfg.Supernet.Cells, s.Defaults().Cells)
			cfg.Train.Steps, cfg.Train.RankEvery = 2, 0
			r := create(t, cfg)
			if _, err := r.Train(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			found, err := r.Search(t.Context(), "", nil)
			if err != nil {
				t.Fatal(err)
			}
			if found.Evaluations != 4 || len(found.Best) == 0 {
				t.Errorf("%d evaluations, %d networks", found.Evaluations, len(found.Best))
			}
			if _, err := r.Report(found, "command", "version", 0); err != nil {
				t.Error(err)
			}
		})
	}
}

func sameScores(a, b indicator.Scores) bool {
	same := func(x, y float64) bool { return x == y || x != x && y != y }
	return a.Arch == b.Arch && a.Canonical == b.Canonical && a.Dead == b.Dead && slices.EqualFunc(a.Values, b.Values, same)
}

// TestStopped: an interrupted and resumed run has the same last checkpoint as an uninterrupted one.
func TestStopped(t *testing.T) {
	cfg := tiny()
	cfg.Train.RankEvery = 0
	whole := create(t, cfg)
	if _, err := whole.Train(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	cut := create(t, cfg)
	ctx, cancel := context.WithCancel(t.Context())
	got, err := cut.Train(ctx, func(p train.Progress) {
		if p.Step == 3 {
			cancel()
		}
	})
	if !errors.Is(err, train.ErrInterrupted) || got.Step != 3 {
		t.Fatalf("stopped with %v at step %d", err, got.Step)
	}
	cut.Close()
	if got, err = reopen(t, cut.Dir, Resume).Train(t.Context(), nil); err != nil || got.Step != 6 {
		t.Fatalf("went on to step %d with %v", got.Step, err)
	}
	if a, b := checkpoint(t, whole), checkpoint(t, cut); a != b {
		t.Error("the checkpoint is another than that of a run in one go")
	}
}

// TestRankingStops: an interrupted ranking ends before it has scored its sample.
func TestRankingStops(t *testing.T) {
	r := create(t, tiny())
	rank, err := r.ranker()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if scores, err := rank(ctx); !errors.Is(err, context.Canceled) || scores != nil {
		t.Errorf("%v, %v", scores, err)
	}
}

// TestRankingReports: a ranking reports before its first network and after each.
func TestRankingReports(t *testing.T) {
	r := create(t, tiny())
	rank, err := r.ranker()
	if err != nil {
		t.Fatal(err)
	}
	var calls []int
	r.Ranking = func(done, total int) {
		calls = append(calls, done)
		if total != rankedSample {
			t.Errorf("%d networks", total)
		}
	}
	if _, err := rank(t.Context()); err != nil || len(calls) != rankedSample+1 || calls[0] != 0 || calls[rankedSample] != rankedSample {
		t.Errorf("reported %d, %v", calls, err)
	}
}

func checkpoint(t *testing.T, r *Run) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(r.Dir, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestUntrained: an untrained network scores and searches without a folder.
func TestUntrained(t *testing.T) {
	r, err := Untrained(tiny(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	found, err := r.Search(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := countOf(t, found); len(found.Best) != 4 || n != 3 {
		t.Errorf("%d best and %d scored, want 4 and the calibration's 3", len(found.Best), n)
	}
	images, err := r.HeldOutImages(10)
	if err != nil || len(images) != 1 || len(images[0].Labels) != 10 {
		t.Errorf("10 held-out images: %d batches, %v", len(images), err)
	}
	images, err = r.CalibrationImages(130)
	if err != nil || len(images) != 2 || len(images[1].Labels) != 2 {
		t.Errorf("130 calibration images: %d batches, %v", len(images), err)
	}
}
