package train

import (
	"math"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// pass is a path that has run forward and backward over images. Its figures may still be in the device's queue.
type pass struct {
	program    *kernels.Program
	exec       kernels.Exec // nil: of several shards
	loss       *kernels.Pending[kernels.Loss]
	statistics *kernels.Pending[kernels.Nothing] // nil: nobody wants them
}

// gradient runs one path forward and backward in a lane, over images of the batch from its image `first` on, and leaves its gradients
// in the lane's store. A device with a queue has the forward pass in it when the figures of the step before are read, and the rest
// soon after.
func (t *Trainer) gradient(l lane, step int, p *kernels.Program, first int, part shown) (*pass, error) {
	n := len(part.labels)
	exec, err := t.compile(l, p, n)
	if err != nil {
		return nil, err
	}
	kernels.StopWith(exec, t.stopped)
	if err := t.drop(step, exec, first, n); err != nil {
		return nil, err
	}
	if err := t.stopped(); err != nil {
		return nil, err
	}
	if err := part.forward(exec); err != nil {
		return nil, err
	}
	if !t.waits() {
		if err := t.finish(); err != nil {
			return nil, &earlierError{err}
		}
	}
	if err := t.stopped(); err != nil {
		return nil, err
	}
	if err := exec.CrossEntropy(part.labels, t.cfg.LabelSmoothing); err != nil {
		return nil, err
	}
	if err := exec.Backward(kernels.DifferentiateStatistics, t.cfg.Train == supernet.All); err != nil {
		return nil, err
	}
	if err := t.stopped(); err != nil {
		return nil, err
	}
	run := &pass{program: p, exec: exec, loss: exec.QueueLoss()}
	if run.loss.Ready() {
		if _, err := run.figures(); err != nil {
			return nil, err
		}
	}
	if t.running != nil {
		run.statistics = t.running.queue(exec)
	}
	return run, nil
}

// compile returns an Exec of a Program in training. The fixed path has two that take turns: the figures of a step are read after
// the next forward pass.
func (t *Trainer) compile(l lane, p *kernels.Program, n int) (kernels.Exec, error) {
	if t.training == nil || t.cfg.Shards > 1 {
		return l.dev.Compile(p, l.store, n)
	}
	t.execs[0], t.execs[1] = t.execs[1], t.execs[0]
	if t.execs[0] == nil {
		e, err := l.dev.Compile(p, l.store, n)
		if err != nil {
			return nil, err
		}
		t.execs[0] = e
	}
	return t.execs[0], nil
}

// figures waits for the loss. If it is not finite, the error names the layer.
func (p *pass) figures() (kernels.Loss, error) {
	loss, err := p.loss.Wait()
	if err != nil {
		return loss, err
	}
	if p.exec != nil && (math.IsNaN(loss.Mean) || math.IsInf(loss.Mean, 0)) {
		return loss, &NonFiniteError{What: "loss", Layer: blame(p.exec, p.program)}
	}
	return loss, nil
}
