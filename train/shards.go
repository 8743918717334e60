package train

import (
	"cmp"
	"fmt"
	"slices"

	"bnas.example/kernels"
)

// A batch can be cut into virtual shards: equal runs of its images, each normalised by its own statistics, as on several
// devices. Drop-path drops the operators of an image as in the whole batch. The gradients of the shards are added in their
// order. The result depends on the number of shards and not on the number of processes that compute them. bnas itself runs one
// process, [Alone].

// Exchange combines the shards of a step. [Alone] is the only implementation here; a program that distributes shards over
// processes supplies its own.
type Exchange interface {
	// Owns reports whether this process computes a shard.
	Owns(shard int) bool
	// Gather returns the contributions of all shards, in order, given those that this process owns; the others are
	// given as zero values.
	Gather(own []Contribution) ([]Contribution, error)
}

// Contribution is the result of one shard: the mean loss over its images, the number of correct ones, and its gradients,
// parameter after parameter.
type Contribution struct {
	Loss      float64
	Correct   int
	Gradients []float32
}

// Alone is the Exchange of a single process, which owns every shard.
type Alone struct{}

func (Alone) Owns(int) bool { return true }

func (Alone) Gather(own []Contribution) ([]Contribution, error) { return own, nil }

// sharded runs one path over every shard of a batch and leaves the mean of the shards' gradients in the store.
func (t *Trainer) sharded(step int, p *kernels.Program, batch shown) (*pass, error) {
	ids := t.net.Trainable(t.cfg.Train, p)
	slices.Sort(ids)
	exchange := t.Exchange
	if exchange == nil {
		exchange = Alone{}
	}
	own := make([]Contribution, t.cfg.Shards)
	runs := make([]*pass, len(own)) // nil: another process has it
	reads := make([]*kernels.Pending[kernels.Nothing], len(own))
	for i := range own {
		if !exchange.Owns(i) {
			continue
		}
		var err error
		if runs[i], err = t.gradient(step, p, i*len(batch.labels)/len(own), batch.shard(i, len(own))); err != nil {
			return nil, fmt.Errorf("shard %d: %w", i, err)
		}
		own[i].Gradients = make([]float32, kernels.Elements(t.store.Params(), ids))
		reads[i] = t.store.QueueRead(kernels.Grad, own[i].Gradients, ids...)
	}
	failed := contribute(own, runs, reads)
	if err := t.finish(); err != nil {
		return nil, &earlierError{err}
	}
	if failed != nil {
		return nil, failed
	}
	all, err := exchange.Gather(own)
	if err != nil {
		return nil, fmt.Errorf("gathering the shards: %w", err)
	}
	loss, err := t.mean(all, ids)
	return &pass{program: p, loss: kernels.Done(loss, nil)}, err
}

// contribute waits for the figures and the gradients of the shards, for the last first: one wait serves all.
func contribute(own []Contribution, runs []*pass, reads []*kernels.Pending[kernels.Nothing]) error {
	var failed error
	for i, run := range slices.Backward(runs) {
		if run == nil {
			continue
		}
		_, err := reads[i].Wait()
		loss, diverged := run.figures()
		if err := cmp.Or(diverged, err); err != nil {
			failed = fmt.Errorf("shard %d: %w", i, err)
		}
		kernels.Release(run.exec)
		own[i].Loss, own[i].Correct = loss.Mean, loss.Correct
	}
	return failed
}

// mean writes the mean of the shards' gradients, added in their order, and returns the mean of their losses.
func (t *Trainer) mean(shards []Contribution, ids []kernels.ParamID) (loss kernels.Loss, err error) {
	total := make([]float64, len(shards[0].Gradients))
	for i, c := range shards {
		if len(c.Gradients) != len(total) {
			return loss, fmt.Errorf("shard %d has %d gradients, shard 0 has %d", i, len(c.Gradients), len(total))
		}
		loss.Mean += c.Loss / float64(len(shards))
		loss.Correct += c.Correct
		for k, g := range c.Gradients {
			total[k] += float64(g)
		}
	}
	mean := make([]float32, len(total))
	for k, g := range total {
		mean[k] = float32(g / float64(len(shards)))
	}
	if err := t.store.Write(kernels.Grad, mean, ids...); err != nil {
		return loss, fmt.Errorf("gradients: %w", err)
	}
	return loss, nil
}
