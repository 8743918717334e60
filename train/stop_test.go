package train

import (
	"bytes"
	"context"
	"errors"
	"testing"
)

// countdown is a context that ends when it was asked a number of times.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestStopWithinAStep: a context that ends within a step, at any of its parts, drops the step. The resumed run makes it again
// and ends with the same checkpoint.
func TestStopWithinAStep(t *testing.T) {
	often := 3
	if testing.Short() { // under the race detector
		often = 1
	}
	for name, change := range map[string]func(*Config){
		"one path": func(*Config) {},
		"strict":   func(c *Config) { c.Sampling = Strict },
		"shards":   func(c *Config) { c.Shards = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := quick(3)
			change(&cfg)
			want := run(t, fresh(t, cfg, t.TempDir()))
			within := 0
			for asks := 0; asks < 1000; asks += 1 + asks/often {
				dir := t.TempDir()
				steps, ctx := 0, &countdown{t.Context(), asks}
				err := fresh(t, cfg, dir).Run(ctx, func(p Progress) { steps = p.Step })
				if err == nil {
					break // the run was shorter
				}
				if !errors.Is(err, ErrInterrupted) {
					t.Fatalf("stopped at question %d with %v", asks, err)
				}
				tr := fresh(t, cfg, dir)
				if err := tr.Resume(); err != nil {
					t.Fatal(err)
				}
				if tr.Step() != steps {
					t.Errorf("stopped at question %d: the checkpoint is of step %d, reported were %d", asks, tr.Step(), steps)
				}
				if !bytes.Equal(run(t, tr), want) {
					t.Errorf("stopped at question %d after %d steps: the checkpoint differs from that of a run in one go", asks, steps)
				}
				within++
			}
			if within < 5 {
				t.Errorf("only %d stops", within)
			}
		})
	}
}

// TestStepAsksWithinPasses: a step asks whether to stop before each step of its Program too, forward and backward. Its own parts
// ask fewer than ten times.
func TestStepAsksWithinPasses(t *testing.T) {
	const many = 1 << 30
	ctx := &countdown{t.Context(), many}
	if err := fresh(t, quick(1), t.TempDir()).Run(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if asks := many - ctx.left; asks < 30 {
		t.Errorf("%d questions in one step", asks)
	}
}
