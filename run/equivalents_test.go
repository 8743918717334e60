package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"bnas.example/search"
	"bnas.example/supernet"
)

// fewNetworks is a space of 131,072 architectures that are 18 networks: those with as many blocks are the same.
const fewNetworks = `
name: few-networks
images: {height: 8, width: 8}
classes: 10
activation: relu
stem: {out: 4, kernel: 3, stride: 1}
operators: [identity, mb1_k3]
stages:
  - {out: 4, layers: 17, stride: 1}
head: 8
`

// TestEquivalentsOfAResumedSearch: a search that meets the same networks before and after an interruption has the scores of an undisturbed
// one.
func TestEquivalentsOfAResumedSearch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "few.yaml")
	if err := os.WriteFile(path, []byte(fewNetworks), 0o666); err != nil {
		t.Fatal(err)
	}
	cfg := tiny()
	var err error
	if cfg.Supernet.Space, cfg.Supernet.Chain, err = supernet.ReadSpace(path); err != nil {
		t.Fatal(err)
	}
	cfg.Supernet.Cells, cfg.Threads = 0, 1
	cfg.Objective.Composite, cfg.Objective.Calibration = "quick", 12
	cfg.Search.Strategy, cfg.Search.MaxEvaluations = "random", 12
	scoresOf := func(dir string, stops ...int) string {
		for _, asks := range append(stops, -1) {
			r := untrained(t, cfg)
			ctx := t.Context()
			if asks > 0 {
				ctx = after(ctx, int64(asks))
			}
			if _, err := r.Search(ctx, dir, nil); errors.Is(err, context.Canceled) != (asks > 0) || asks < 0 && err != nil {
				t.Fatalf("stopped at question %d with %v", asks, err)
			}
			r.Close()
		}
		text, err := os.ReadFile(filepath.Join(dir, search.ScoresName))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	want := scoresOf(t.TempDir())
	if got := scoresOf(t.TempDir(), 60, 100); got != want {
		t.Errorf("after two interruptions\n%swant\n%s", got, want)
	}
}
