package train

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"bnas.example/data"
	"bnas.example/kernels"
	"bnas.example/supernet"
)

// step makes one update from a batch: every path of the step forward and backward, then the optimizer. On a device with a queue it
// leaves the update under way.
func (t *Trainer) step(batch data.Batch) error {
	u := &underway{began: time.Now(), step: t.queued(), images: len(batch.Labels)}
	u.paths = t.paths(u.step)
	u.rate = t.cfg.Rate(u.step, t.total)
	if err := t.backward(u, showing(batch)); err != nil {
		return err
	}
	t.update(u)
	t.underway = u
	if t.Stepwise || u.norm.Ready() {
		return t.finish()
	}
	return nil
}

// backward leaves the gradient of the step in the store, that of all paths.
func (t *Trainer) backward(u *underway, batch shown) error {
	if t.waits() {
		return t.divided(u, batch)
	}
	a := u.paths[0]
	p, err := t.program(a)
	if err != nil {
		return t.failed(u.step, a, err)
	}
	run, err := t.gradient(t.lane(0), u.step, p, 0, batch)
	if err != nil {
		return t.failed(u.step, a, err)
	}
	u.runs, u.ids = []*pass{run}, t.net.Trainable(t.cfg.Train, p)
	return nil
}

// program returns the Program of a path in training. That of the fixed path is lowered once.
func (t *Trainer) program(a supernet.Arch) (*kernels.Program, error) {
	if t.training != nil {
		return t.training, nil
	}
	return t.net.Program(a)
}

// errStopped ends a step whose context has ended, before it changes a parameter.
var errStopped = errors.New("the step is stopped")

// stopped returns errStopped if the context has ended. A batch of large images takes seconds: a training step asks before each
// of its parts, and a device that can, before each step of the Program.
func (t *Trainer) stopped() error {
	if t.stop != nil && t.stop() != nil {
		return errStopped
	}
	return nil
}

// update queues one optimizer step.
func (t *Trainer) update(u *underway) {
	u.at, u.counts = make([]int, len(u.ids)), make([]int, len(u.ids))
	for i, id := range u.ids {
		u.at[i], _ = slices.BinarySearch(t.trained, id)
		u.counts[i] = t.state.Counts[u.at[i]] + 1
	}
	rule := t.cfg.update(u.rate, u.counts)
	_ = t.inOneLane(func() (err error) { // the error is that of u.norm
		if u.norm = t.store.QueueUpdate(rule, u.ids); u.norm.Ready() {
			_, err = u.norm.Wait()
		}
		return err
	})
	if t.average != nil {
		u.parameters = t.average.queue(t.store)
	}
}

// failed adds the step and the path to an error, and a remedy if training diverged. An error of the step before has its own.
func (t *Trainer) failed(step int, a supernet.Arch, err error) error {
	var before *earlierError
	if errors.As(err, &before) {
		return before.error
	}
	return fmt.Errorf("train: step %d: path %s: %w", step, t.net.Space.Format(a), remedied(err))
}

// remedied adds what to do to the error of a training that diverged.
func remedied(err error) error {
	var value *NonFiniteError
	var gradient *kernels.GradientError
	if errors.As(err, &value) || errors.As(err, &gradient) {
		return fmt.Errorf("%w: training diverged; take a lower lr, or a smaller clip_norm", err)
	}
	return err
}

// NonFiniteError means that training diverged: a quantity became infinite or NaN, or a parameter left all bounds. It names the
// first such layer.
type NonFiniteError struct{ What, Layer string }

// bound is beyond every parameter of a training that goes well. The squares of larger ones overflow in float32 sums.
const bound = 1e15

// sound returns a NonFiniteError if a trained parameter is not finite or beyond the bound: what ranks or scores the network then
// would fail without a hint at the training.
func (t *Trainer) sound() error {
	if t.state.Step == 0 {
		return nil
	}
	arrays := slices.DeleteFunc(t.arrays(t.state.Counts), func(a array) bool { return a.Slot != kernels.Data })
	i := 0
	for values, err := range t.values(arrays, pieceFloats) {
		if err != nil {
			return err
		}
		for _, v := range values {
			if !(math.Abs(float64(v)) <= bound) {
				err := &NonFiniteError{What: fmt.Sprintf("or boundless value %g", v), Layer: arrays[i].Param}
				return fmt.Errorf("train: step %d, after path %s: %w", t.state.Step, t.path, remedied(err))
			}
		}
		i++
	}
	return nil
}

func (e *NonFiniteError) Error() string {
	return fmt.Sprintf("non-finite %s at layer %s", e.What, e.Layer)
}

// blame returns the name of the first BatchNorm, in the order of the program, whose batch statistics are not finite. If all
// are finite, it returns that of the classifier.
func blame(exec kernels.Exec, p *kernels.Program) string {
	n := p.BNParams() / 2
	mean, variance := make([]float64, n), make([]float64, n)
	if err := exec.Statistics(mean, variance); err != nil {
		return "unknown (" + err.Error() + ")"
	}
	c := 0
	for _, b := range p.BNs {
		for range p.Values[b.Value].C {
			if s := mean[c] + variance[c]; math.IsNaN(s) || math.IsInf(s, 0) {
				return b.Name
			}
			c++
		}
	}
	return p.Steps[len(p.Steps)-1].Name
}
