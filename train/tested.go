package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"

	"bnas.example/data"
	"bnas.example/kernels"
)

// Tests holds the results on the test images, at the ends of epochs.
type Tests struct {
	Step, BestStep int // of the last test and of the best one; 0: there was none
	Last, Best     Accuracy
}

// TestLine is a test in the metrics.
type TestLine struct {
	Kind     string  `json:"kind"` // "test"
	Step     int     `json:"step"`
	Epoch    int     `json:"epoch"`
	Accuracy float64 `json:"accuracy"`
	NLL      float64 `json:"nll"`
	Images   int     `json:"images"`
}

// testIfDue tests the network at the end of an epoch and after the last step, if that is not done. If ctx ends, the resumed run
// does it.
func (t *Trainer) testIfDue(ctx context.Context) error {
	if !t.testDue(t.state.Step) || ctx.Err() != nil {
		return nil
	}
	s, perEpoch := &t.state, t.loader.StepsPerEpoch()
	var got Accuracy
	err := t.average.during(t.store, func() (err error) {
		got, err = t.test()
		return err
	})
	if errors.Is(err, errStopped) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("train: step %d: test: %w", s.Step, err)
	}
	if math.IsNaN(got.NLL) || math.IsInf(got.NLL, 0) {
		return t.keepUntested(&UntestableError{Step: s.Step, Loss: got.NLL, Dir: t.dir})
	}
	s.Tests.Step, s.Tests.Last = s.Step, got
	if s.Tests.BestStep == 0 || got.Top1 > s.Tests.Best.Top1 {
		s.Tests.BestStep, s.Tests.Best = s.Step, got
	}
	return t.write(TestLine{Kind: "test", Step: s.Step, Epoch: s.Step / perEpoch, Accuracy: got.Top1, NLL: got.NLL, Images: got.Images})
}

// UntestableError means that the test of a network on its own has no finite loss. The checkpoint in Dir has all steps before the test: the
// network can be exported from it.
type UntestableError struct {
	Step int
	Loss float64
	Dir  string
}

func (e *UntestableError) Error() string {
	return fmt.Sprintf("train: step %d: test: the loss with the running statistics is %v: training diverged, or they lag behind the weights; what is trained is kept in %s; "+
		"for a network that can be tested train anew, and take a lower lr, or a larger bn_momentum", e.Step, e.Loss, e.Dir)
}

// keepUntested saves the run before the error of its test, or returns the reason that it cannot.
func (t *Trainer) keepUntested(e *UntestableError) error { return cmp.Or(t.save(), error(e)) }

// testDue reports whether a test is due after a number of updates.
func (t *Trainer) testDue(step int) bool {
	return t.cfg.TestEvery > 0 && step > 0 && t.state.Tests.Step != step &&
		(step%(t.loader.StepsPerEpoch()*t.cfg.TestEvery) == 0 || step == t.total)
}

// test measures the network with its running statistics. The first batch is the largest.
func (t *Trainer) test() (Accuracy, error) {
	var exec kernels.Exec
	return measure(t.Test, func(b data.Batch) (kernels.Exec, error) {
		if err := t.stopped(); err != nil || exec != nil {
			return exec, err
		}
		var err error
		if exec, err = t.dev.Compile(t.network, t.store, len(b.Labels)); err != nil {
			return nil, err
		}
		kernels.StopWith(exec, t.stopped)
		return exec, exec.SetStatistics(t.running.Mean, t.running.Variance)
	})
}
