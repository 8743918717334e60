package train

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"bnas.example/kernels"
)

// A step has several parts if it has several paths, or if its batch is cut into virtual shards: equal runs of its images, each
// normalised by its own statistics, as on several devices. A part is a path over a shard. Drop-path drops the operators of an image
// as in the whole batch. The gradient of a path is the mean over its shards, added in their order; that of the step is the sum
// over its paths, in their order. The result depends on the number of shards, and not on the number of ranks that compute the parts.

// contribution is the result of a part: the loss of its images, and its gradients, parameter after parameter.
type contribution struct {
	loss      kernels.Loss
	gradients []float32
}

// lowered is a path of a step as a Program, with the parameters that it trains, in ascending order, and the number of their elements.
type lowered struct {
	program  *kernels.Program
	ids      []kernels.ParamID
	elements int
}

// parts returns the number of parts of a step.
func (t *Trainer) parts() int { return len(t.paths(0)) * t.shards() }

func (t *Trainer) shards() int { return max(t.cfg.Shards, 1) }

// portion returns where the items of a rank begin and end, of so many that are divided among ranks.
func portion(items, rank, ranks int) (begin, end int) {
	return items * rank / ranks, items * (rank + 1) / ranks
}

// divided computes the parts of a step that this rank has, gathers those of the others, and leaves the gradient of the step in the
// store. The parts are in the order of the paths, then of the shards: a rank has whole paths before it has a part of a batch.
func (t *Trainer) divided(u *underway, batch shown) error {
	paths, err := t.lower(u)
	if err != nil {
		return err
	}
	parts := make([]contribution, len(paths)*t.shards())
	leaving := departure(0)
	if t.exchange.Ranks() > 1 {
		leaving = t.leaving()
	}
	if leaving == 0 {
		err = t.inOneLane(func() error { return t.own(u, paths, parts, batch) })
	}
	switch {
	case errors.Is(err, errStopped) && t.exchange.Ranks() > 1:
		leaving = interruption
	case errors.Is(err, errStopped):
		return err
	default:
		if err := cmp.Or(t.finish(), err); err != nil {
			return err
		}
	}
	if err := t.gather(paths, parts, leaving); err != nil {
		return err
	}
	return t.combine(u, paths, parts)
}

// lower lowers the paths of a step.
func (t *Trainer) lower(u *underway) ([]lowered, error) {
	paths := make([]lowered, len(u.paths))
	for i, a := range u.paths {
		p, err := t.program(a)
		if err != nil {
			return nil, t.failed(u.step, a, err)
		}
		ids := t.net.Trainable(t.cfg.Train, p)
		slices.Sort(ids)
		paths[i] = lowered{p, ids, kernels.Elements(t.store.Params(), ids)}
	}
	return paths, nil
}

// own computes the parts of this rank, and waits for them.
func (t *Trainer) own(u *underway, paths []lowered, parts []contribution, batch shown) error {
	if err := t.followUpdate(); err != nil {
		return fmt.Errorf("train: step %d: %w", u.step, err)
	}
	begin, end := portion(len(parts), t.exchange.Rank(), t.exchange.Ranks())
	shards := t.shards()
	var running []*partRun
	for i := begin; i < end; i++ {
		path, shard := i/shards, i%shards
		run, err := t.part(t.lane(i-begin), u.step, paths[path], shard, batch)
		if err == nil && i == begin && end > begin+1 {
			err = t.openLanes(run.exec, len(batch.labels)/shards, t.atATime(end-begin))
		}
		if err != nil {
			return t.failedPart(u, path, shard, err)
		}
		run.path, run.shard, run.into = path, shard, &parts[i]
		running = append(running, run)
		if shard == shards-1 && shards > 1 || i == end-1 {
			if err := t.contribute(u, running); err != nil {
				return err
			}
			running = nil
		}
	}
	return nil
}

// atATime is how many of a rank's parts are in the queues at a time: all paths, or the shards of one path.
func (t *Trainer) atATime(parts int) int {
	if t.shards() > 1 {
		return min(parts, t.shards())
	}
	return parts
}

// partRun is a part that may still be in the device's queue.
type partRun struct {
	*pass
	path, shard int
	gradients   []float32
	read        *kernels.Pending[kernels.Nothing]
	into        *contribution
}

// part queues a path over a shard of the batch in a lane, and the reading of its gradients.
func (t *Trainer) part(l lane, step int, path lowered, shard int, batch shown) (*partRun, error) {
	images := batch.shard(shard, t.shards())
	p, err := t.gradient(l, step, path.program, shard*len(images.labels), images)
	if err != nil {
		return nil, err
	}
	run := &partRun{pass: p, gradients: make([]float32, path.elements)}
	run.read = l.store.QueueRead(kernels.Grad, run.gradients, path.ids...)
	return run, nil
}

// contribute waits for the figures and the gradients of parts, for the last first: one wait serves all. The error is that of the
// first part that has one.
func (t *Trainer) contribute(u *underway, runs []*partRun) error {
	var failed error
	for _, run := range slices.Backward(runs) {
		_, err := run.read.Wait()
		loss, diverged := run.figures()
		if err := cmp.Or(diverged, err); err != nil {
			failed = t.failedPart(u, run.path, run.shard, err)
		}
		kernels.Release(run.exec)
		*run.into = contribution{loss, run.gradients}
	}
	return failed
}

// failedPart adds the step, the path and the shard to an error.
func (t *Trainer) failedPart(u *underway, path, shard int, err error) error {
	if errors.Is(err, errStopped) {
		return err
	}
	if t.shards() > 1 {
		err = fmt.Errorf("shard %d: %w", shard, err)
	}
	return t.failed(u.step, u.paths[path], err)
}

// gather completes the parts of a step by those of the other ranks. Each rank also says whether it wants to leave, and why. If one
// does, all ranks drop the step: the error is errStopped.
func (t *Trainer) gather(paths []lowered, parts []contribution, leaving departure) error {
	x := t.exchange
	if x.Ranks() == 1 {
		return nil
	}
	size := func(part int) int { return lossBytes + 4*paths[part/t.shards()].elements }
	lengths := make([]int, x.Ranks())
	for rank := range lengths {
		lengths[rank] = 1
		for i, end := portion(len(parts), rank, x.Ranks()); i < end; i++ {
			lengths[rank] += size(i)
		}
	}
	own := make([]byte, 0, lengths[x.Rank()])
	own = append(own, byte(leaving))
	if leaving == 0 {
		for i, end := portion(len(parts), x.Rank(), x.Ranks()); i < end; i++ {
			own = parts[i].append(own)
		}
	}
	all, err := gatherParts(x, own, lengths)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	for rank, n := range lengths {
		rest := all[1:n]
		t.departure |= departure(all[0])
		for i, end := portion(len(parts), rank, x.Ranks()); i < end; i++ {
			if rank != x.Rank() {
				parts[i] = decodeContribution(rest[:size(i)])
			}
			rest = rest[size(i):]
		}
		all = all[n:]
	}
	if t.departure != 0 {
		return errStopped
	}
	return nil
}

// lossBytes is the size of a part's loss among its bytes.
const lossBytes = 16

// append appends the bytes of a part; decodeContribution is its inverse.
func (c contribution) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(c.loss.Mean))
	b = binary.LittleEndian.AppendUint64(b, uint64(c.loss.Correct))
	for _, g := range c.gradients {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(g))
	}
	return b
}

func decodeContribution(b []byte) contribution {
	c := contribution{gradients: make([]float32, (len(b)-lossBytes)/4)}
	c.loss.Mean = math.Float64frombits(binary.LittleEndian.Uint64(b))
	c.loss.Correct = int(binary.LittleEndian.Uint64(b[8:]))
	for i := range c.gradients {
		c.gradients[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[lossBytes+4*i:]))
	}
	return c
}

// combine writes the gradient of a step to the store and notes the losses of its paths.
func (t *Trainer) combine(u *underway, paths []lowered, parts []contribution) error {
	gradients := make([][]float32, len(paths))
	for i, path := range paths {
		var loss kernels.Loss
		loss, gradients[i] = mean(parts[i*t.shards() : (i+1)*t.shards()])
		u.runs = append(u.runs, &pass{program: path.program, loss: kernels.Done(loss, nil)})
	}
	ids, all := paths[0].ids, gradients[0]
	u.ids = t.net.Trainable(t.cfg.Train, paths[0].program)
	if len(paths) > 1 {
		ids, all = t.sum(paths, gradients)
		u.ids = ids
	}
	if err := t.inOneLane(func() error { return t.store.Write(kernels.Grad, all, ids...) }); err != nil {
		return fmt.Errorf("train: step %d: gradients: %w", u.step, err)
	}
	return nil
}

// sum adds the gradients of several paths. The parameters of the result are those of all paths, in ascending order.
func (t *Trainer) sum(paths []lowered, gradients [][]float32) (ids []kernels.ParamID, all []float32) {
	params := t.store.Params()
	trained := make([]bool, len(params))
	for _, path := range paths {
		for _, id := range path.ids {
			trained[id] = true
		}
	}
	at, elements := make([]int, len(params)), 0
	for id, p := range params {
		if trained[id] {
			ids = append(ids, kernels.ParamID(id))
			at[id] = elements
			elements += p.Len()
		}
	}
	all = make([]float32, elements)
	for i, path := range paths {
		rest := gradients[i]
		for _, id := range path.ids {
			n := params[id].Len()
			into := all[at[id]:][:n]
			for k, g := range rest[:n] {
				into[k] += g
			}
			rest = rest[n:]
		}
	}
	return ids, all
}

// mean returns the mean loss and gradients of the shards of a path, added in their order.
func mean(shards []contribution) (loss kernels.Loss, gradients []float32) {
	if len(shards) == 1 {
		return shards[0].loss, shards[0].gradients
	}
	total := make([]float64, len(shards[0].gradients))
	for _, c := range shards {
		loss.Mean += c.loss.Mean / float64(len(shards))
		loss.Correct += c.loss.Correct
		for k, g := range c.gradients {
			total[k] += float64(g)
		}
	}
	gradients = make([]float32, len(total))
	for k, g := range total {
		gradients[k] = float32(g / float64(len(shards)))
	}
	return loss, gradients
}
