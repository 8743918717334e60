package train

import (
	"context"
	"math"
	"slices"
	"time"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// A step does not wait for its figures: on a device with a queue, the next step's path is compiled, its batch is copied and its
// forward pass queued while the step computes. Only then the host reads loss and norm, in one wait; what the step leaves to
// checkpoints, metrics and messages is as if it had waited at its end. If a gradient was not finite, the device has skipped the update; the
// run ends with the step, the path and the layer.

// underway is an update that the device may still have in its queue.
type underway struct {
	began  time.Time
	step   int // updates before it
	images int // of the batch
	paths  []supernet.Arch
	runs   []*pass // of the paths
	rate   float64

	ids        []kernels.ParamID // updated
	at, counts []int             // of each: its place in Trainer.trained, its updates with this one
	norm       *kernels.Pending[float64]
	parameters *kernels.Pending[kernels.Nothing] // for the average; nil: there is none
}

// waits reports whether a step waits before its update, for the gradients of several passes. The figures of the step before are
// then there too.
func (t *Trainer) waits() bool { return t.cfg.Sampling == Strict || t.cfg.Shards > 1 }

// earlierError is the error of an update that was under way, met in the next step.
type earlierError struct{ error }

// queued returns the number of updates that were made or are under way.
func (t *Trainer) queued() int {
	if t.underway != nil {
		return t.underway.step + 1
	}
	return t.state.Step
}

// check returns the error of the first path whose loss is not there or not finite.
func (t *Trainer) check(u *underway) error {
	for i, run := range u.runs {
		if _, err := run.figures(); err != nil {
			return t.failed(u.step, u.paths[i], err)
		}
	}
	return nil
}

// finish waits for the update that is under way, if there is one, counts it, and records and reports its figures.
func (t *Trainer) finish() error {
	u := t.underway
	if u == nil {
		return nil
	}
	t.underway = nil
	last := u.paths[len(u.paths)-1]
	norm, err := u.wait()
	if failed := t.check(u); failed != nil {
		return failed
	}
	t.path = t.net.Space.Format(last)
	if err == nil && (math.IsNaN(norm) || math.IsInf(norm, 0)) {
		err = &NonFiniteError{What: "gradient norm", Layer: "all"}
	}
	if err != nil {
		return t.failed(u.step, last, err)
	}
	for i, j := range u.at {
		t.state.Counts[j] = u.counts[i]
	}
	t.follow(u.images)
	t.state.Step++
	now := tally{Steps: 1, Images: len(u.paths) * u.images, Norm: norm}
	for _, run := range u.runs {
		loss, _ := run.figures()
		now.Loss += loss.Mean / float64(len(u.runs))
		now.Correct += loss.Correct
	}
	if err := t.record(now, u.rate, u.runs[len(u.runs)-1].program); err != nil {
		return err
	}
	t.release(u)
	if t.report != nil {
		t.report(t.progress(u, now))
	}
	return nil
}

// release gives back the Execs of the paths that were drawn for the update.
func (t *Trainer) release(u *underway) {
	for _, run := range u.runs {
		if run.exec != nil && !slices.Contains(t.execs[:], run.exec) {
			kernels.Release(run.exec)
		}
	}
}

// wait waits for all that an update leaves in the queue but the losses, for the last first: one wait serves all.
func (u *underway) wait() (norm float64, err error) {
	if u.parameters != nil {
		_, err = u.parameters.Wait()
	}
	norm, failed := u.norm.Wait()
	if failed != nil {
		err = failed
	}
	for _, run := range u.runs {
		if run.statistics == nil {
			continue
		}
		if _, failed := run.statistics.Wait(); err == nil {
			err = failed
		}
	}
	return norm, err
}

// follow adds an update to the running statistics and the average of the parameters.
func (t *Trainer) follow(images int) {
	if t.running != nil {
		t.running.add(t.network, images, t.cfg.BNMomentum)
	}
	if t.average != nil {
		t.average.add(t.cfg.EMA)
	}
}

// progress describes the state after an update. Its time is that since the update before it, where that was under way when it
// began.
func (t *Trainer) progress(u *underway, now tally) Progress {
	began := u.began
	if t.finished.After(began) {
		began = t.finished
	}
	t.finished = time.Now()
	return Progress{
		Step: t.state.Step, Total: t.total, Epoch: t.state.Step / t.loader.StepsPerEpoch(),
		Loss: now.Loss, Accuracy: float64(now.Correct) / float64(now.Images), LR: u.rate, GradNorm: now.Norm,
		ImagesPerSecond: float64(now.Images) / max(t.finished.Sub(began).Seconds(), 1e-9),
		Path:            t.path,
	}
}

// mustFinish reports whether the update under way is followed by something other than a step.
func (t *Trainer) mustFinish(ctx context.Context) bool {
	if t.underway == nil {
		return false
	}
	step := t.queued()
	return step >= t.total || t.rankDue(step) || t.testDue(step) || t.checkpointDue(step) || t.spent() || ctx.Err() != nil || t.departure != 0
}
