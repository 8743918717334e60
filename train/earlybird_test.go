package train

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// ranked is a run whose k-th snapshot (at step 2k) is scores[k]. Later snapshots are the last of scores.
func ranked(t *testing.T, cfg Config, dir string, scores [][]float64) *Trainer {
	tr := fresh(t, cfg, dir)
	tr.Ranker = func(context.Context) ([]float64, error) { return scores[min(tr.Step()/2, len(scores)-1)], nil }
	return tr
}

func rankConfig() Config {
	cfg := quick(14)
	cfg.RankEvery, cfg.EarlyBird, cfg.Settled, cfg.Patience, cfg.CheckpointEvery = 2, true, 0.7, 2, 3
	return cfg
}

// The fourth snapshot agrees, the fifth does not, the sixth and seventh do: the run ends at step 12.
var scores = [][]float64{
	{1, 2, 3, 4, math.Inf(-1)}, {4, 3, 2, 1, 0}, {5, 6, 7, 8, 9}, {5, 6, 7, 9, 8}, {6, 5, 7, 8, 9}, {6, 5, 7, 8, 9}, {6, 5, 7, 9, 8},
}

func TestEarlyBird(t *testing.T) {
	tr := ranked(t, rankConfig(), t.TempDir(), scores)
	run(t, tr)
	if tr.Step() != 12 || !tr.Settled() {
		t.Errorf("ended at step %d, settled %v; want step 12, settled", tr.Step(), tr.Settled())
	}
	var taus []any
	for _, l := range kinds(metricLines(t, tr.dir), "rank") {
		taus = append(taus, l["tau"])
	}
	if want := []any{nil, -0.2, -1.0, 0.8, 0.6, 1.0, 0.8}; !slices.Equal(taus, want) {
		t.Errorf("the curve is %v, want %v", taus, want)
	}
	again := ranked(t, rankConfig(), tr.dir, scores)
	if err := again.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := again.Run(context.Background(), nil); err != nil || again.Step() != 12 {
		t.Errorf("a settled run went on to step %d (%v)", again.Step(), err)
	}
}

func TestEarlyBirdIsOffByDefault(t *testing.T) {
	cfg := rankConfig()
	cfg.EarlyBird = false
	tr := ranked(t, cfg, t.TempDir(), scores)
	run(t, tr)
	if n := len(kinds(metricLines(t, tr.dir), "rank")); tr.Step() != cfg.Steps || n != 8 {
		t.Errorf("%d steps and %d points of the curve, want %d and 8", tr.Step(), n, cfg.Steps)
	}
}

func TestEarlyBirdResumes(t *testing.T) {
	cfg := rankConfig()
	whole := ranked(t, cfg, t.TempDir(), scores)
	want := run(t, whole)
	for at := 1; at < 12; at++ {
		dir := t.TempDir()
		runUntil(t, ranked(t, cfg, dir, scores), at)
		tr := ranked(t, cfg, dir, scores)
		if err := tr.Resume(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(run(t, tr), want) {
			t.Errorf("interrupted at step %d: the final checkpoint differs", at)
		}
		sameLines(t, metricLines(t, dir), metricLines(t, whole.dir))
	}
}

// If an interrupt stops a ranking, the resumed run computes it again.
func TestInterruptedRanking(t *testing.T) {
	cfg := rankConfig()
	whole := ranked(t, cfg, t.TempDir(), scores)
	want := run(t, whole)
	tr := ranked(t, cfg, t.TempDir(), scores)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	plain := tr.Ranker
	tr.Ranker = func(ctx context.Context) ([]float64, error) {
		if tr.Step() == 6 {
			cancel()
			return nil, ctx.Err()
		}
		return plain(ctx)
	}
	if err := tr.Run(ctx, nil); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("Run gave %v", err)
	}
	again := ranked(t, cfg, tr.dir, scores)
	if err := again.Resume(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(run(t, again), want) {
		t.Error("the final checkpoint differs")
	}
	sameLines(t, metricLines(t, again.dir), metricLines(t, whole.dir))
}

func TestRankerErrors(t *testing.T) {
	tr := ranked(t, rankConfig(), t.TempDir(), scores)
	tr.Ranker = func(context.Context) ([]float64, error) { return nil, errors.New("no rank today") }
	if err := tr.Run(context.Background(), nil); err == nil || !strings.Contains(err.Error(), "step 0: ranking: no rank today") {
		t.Errorf("Run gave %v", err)
	}
	if err := fresh(t, rankConfig(), t.TempDir()).Run(context.Background(), nil); err == nil || !strings.Contains(err.Error(), "Ranker") {
		t.Errorf("without a Ranker: Run gave %v", err)
	}
}
