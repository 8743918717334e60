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

// step makes one update from a batch: every path of the step forward and backward, then the optimizer.
func (t *Trainer) step(batch data.Batch) (Progress, error) {
	began := time.Now()
	step := t.state.Step
	paths := t.paths(step)
	r, err := t.backward(paths, batch.Images, batch.Labels)
	if err != nil {
		return Progress{}, err
	}
	last := paths[len(paths)-1]
	t.path = t.net.Space.Format(last)
	rate := t.cfg.Rate(step, t.total)
	norm, err := t.update(rate, r.ids)
	if err != nil {
		return Progress{}, t.failed(step, last, err)
	}

	if err := t.follow(len(batch.Labels)); err != nil {
		return Progress{}, t.failed(step, last, err)
	}
	t.state.Step++
	seen := len(paths) * len(batch.Labels)
	now := tally{Steps: 1, Images: seen, Loss: r.loss, Correct: r.correct, Norm: norm}
	if err := t.record(now, rate, r.program); err != nil {
		return Progress{}, err
	}
	return Progress{
		Step: t.state.Step, Total: t.total, Epoch: t.state.Step / t.loader.StepsPerEpoch(),
		Loss: r.loss, Accuracy: float64(r.correct) / float64(seen), LR: rate, GradNorm: norm,
		ImagesPerSecond: float64(seen) / time.Since(began).Seconds(),
		Path:            t.path,
	}, nil
}

// follow adds an update to the running statistics and the average of the parameters.
func (t *Trainer) follow(images int) error {
	if t.running != nil {
		t.running.add(t.network, images, t.cfg.BNMomentum)
	}
	if t.average != nil {
		return t.average.add(t.store, t.cfg.EMA)
	}
	return nil
}

// result holds the figures of the paths of a step. Their gradients are in the store.
type result struct {
	loss    float64 // mean over the paths
	correct int     // summed over the paths
	ids     []kernels.ParamID
	program *kernels.Program // of the last path
}

// backward leaves the summed gradient of all paths in the store.
func (t *Trainer) backward(paths []supernet.Arch, images []float32, labels []int) (r result, err error) {
	sum := gradients{store: t.store, of: map[kernels.ParamID][]float32{}}
	for _, a := range paths {
		if r.program, err = t.program(a); err != nil {
			return r, t.failed(t.state.Step, a, err)
		}
		loss, correct, err := t.whole(r.program, images, labels)
		if err != nil {
			return r, t.failed(t.state.Step, a, err)
		}
		r.loss += loss / float64(len(paths))
		r.correct += correct
		r.ids = t.net.Trainable(t.cfg.Train, r.program)
		if len(paths) == 1 {
			return r, nil
		}
		if err := sum.add(r.ids); err != nil {
			return r, t.failed(t.state.Step, a, err)
		}
	}
	if r.ids, err = sum.write(); err != nil {
		return r, fmt.Errorf("train: step %d: %w", t.state.Step, err)
	}
	return r, nil
}

// program returns the Program of a path in training. That of the fixed path is lowered once.
func (t *Trainer) program(a supernet.Arch) (*kernels.Program, error) {
	if t.training != nil {
		return t.training, nil
	}
	return t.net.Program(a)
}

// whole runs one path over a batch, in shards if there are any, and leaves its gradients in the store.
func (t *Trainer) whole(p *kernels.Program, images []float32, labels []int) (loss float64, correct int, err error) {
	if t.cfg.Shards > 1 {
		return t.sharded(p, images, labels)
	}
	return t.gradient(p, 0, images, labels)
}

// gradient runs one path forward and backward over images of the batch, from its image `first` on, and leaves its gradients in
// the store. It reads the loss last, so that an asynchronous device has the whole step in its queue before the host waits.
func (t *Trainer) gradient(p *kernels.Program, first int, images []float32, labels []int) (loss float64, correct int, err error) {
	n := len(labels)
	exec, err := t.dev.Compile(p, t.store, n)
	if err != nil {
		return 0, 0, err
	}
	kernels.StopWith(exec, t.stopped)
	if err := t.drop(exec, first, n); err != nil {
		return 0, 0, err
	}
	if err := t.stopped(); err != nil {
		return 0, 0, err
	}
	if err := exec.Forward(images, n); err != nil {
		return 0, 0, err
	}
	if err := t.stopped(); err != nil {
		return 0, 0, err
	}
	if err := exec.CrossEntropy(labels, t.cfg.LabelSmoothing); err != nil {
		return 0, 0, err
	}
	if err := exec.Backward(kernels.DifferentiateStatistics, t.cfg.Train == supernet.All); err != nil {
		return 0, 0, err
	}
	if err := t.stopped(); err != nil {
		return 0, 0, err
	}
	if loss, correct, err = exec.Loss(); err != nil {
		return 0, 0, err
	}
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return 0, 0, &NonFiniteError{What: "loss", Layer: blame(exec, p)}
	}
	if t.running != nil {
		err = t.running.observe(exec)
	}
	return loss, correct, err
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

// update makes one optimizer step over ids and counts it.
func (t *Trainer) update(rate float64, ids []kernels.ParamID) (norm float64, err error) {
	at := make([]int, len(ids))
	steps := make([]int, len(ids))
	for i, id := range ids {
		at[i], _ = slices.BinarySearch(t.trained, id)
		steps[i] = t.state.Counts[at[i]] + 1
	}
	if norm, err = t.store.Update(t.cfg.update(rate, steps), ids); err != nil {
		return 0, err
	}
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return 0, &NonFiniteError{What: "gradient norm", Layer: "all"}
	}
	for i, j := range at {
		t.state.Counts[j] = steps[i]
	}
	return norm, nil
}

// failed adds the step and the path to an error, and a remedy if training diverged.
func (t *Trainer) failed(step int, a supernet.Arch, err error) error {
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

// gradients sums the gradients of several paths on the host: Backward overwrites the store's Grad slots.
type gradients struct {
	store kernels.Store
	of    map[kernels.ParamID][]float32
}

// add adds the gradients of ids in the store to the sums.
func (g *gradients) add(ids []kernels.ParamID) error {
	read, err := kernels.ReadEach(g.store, kernels.Grad, ids...)
	if err != nil {
		return fmt.Errorf("gradients: %w", err)
	}
	for i, id := range ids {
		sum := g.of[id]
		if sum == nil {
			sum = make([]float32, len(read[i]))
			g.of[id] = sum
		}
		for k, v := range read[i] {
			sum[k] += v
		}
	}
	return nil
}

// write writes the sums to the store and returns their parameters in order.
func (g *gradients) write() ([]kernels.ParamID, error) {
	ids := make([]kernels.ParamID, 0, len(g.of))
	for id := range g.of {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	all := make([]float32, 0, kernels.Elements(g.store.Params(), ids))
	for _, id := range ids {
		all = append(all, g.of[id]...)
	}
	if err := g.store.Write(kernels.Grad, all, ids...); err != nil {
		return nil, fmt.Errorf("gradients: %w", err)
	}
	return ids, nil
}
