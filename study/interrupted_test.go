package study

import (
	"context"
	"errors"
	"testing"
)

// TestInterruptedLastSnapshot interrupts the scores of the last snapshot, when the training is complete. The cell goes on.
func TestInterruptedLastSnapshot(t *testing.T) {
	of := tiny(earlybird)
	of.Seeds = 1
	want := contents(t, do(t, earlybird, of, t.TempDir(), nil))
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	trained := false
	stop := func(p Progress) {
		trained = trained || p.Phase == "train" && p.Done == p.Total
		if trained && p.Phase == "score" && p.Done == p.Total/2 {
			cancel()
		}
	}
	if _, err := earlybird.Do(ctx, of, Options{Dir: dir, Progress: stop}); !errors.Is(err, ErrInterrupted) {
		t.Fatalf("error %v, want %v", err, ErrInterrupted)
	}
	if got := contents(t, do(t, earlybird, of, dir, nil)); got != want {
		t.Errorf("the tables after the interruption:\n%s\nwant\n%s", got, want)
	}
}
