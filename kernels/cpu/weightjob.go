//go:build cgo

package cpu

// #include "entry.h"
// #cgo noescape choose_weight_core
// #cgo nocallback choose_weight_core
// #cgo noescape run_weight_grad
// #cgo nocallback run_weight_grad
// #cgo noescape run_weight_merge
// #cgo nocallback run_weight_merge
import "C"

import (
	"bnas.example/kernels"
	"bnas.example/kernels/plan"
)

// weightJob is one call of a core of weight gradients, for the siblings of a convJob.
type weightJob struct {
	c    *C.struct_weight_job // an allocation of its own, without Go pointers
	conv *convJob             // forward
	// joins: the input gradient, where the pass needs one, computes the sums too.
	joins bool
}

func (d *device) newWeightJob(forward, backward *convJob) *weightJob {
	j := &weightJob{conv: forward, c: &C.struct_weight_job{conv: forward.c}}
	C.choose_weight_core(d.isa, j.c)
	j.joins = C.weight_joins(j.c, &backward.c) != 0
	return j
}

// scratch returns the number of floats of scratch memory that a thread needs, alone or joined to the input gradient.
func (j *weightJob) scratch(backward *convJob) int {
	n := int(j.c.pad + j.c.scratch)
	if j.joins {
		return max(n+int(j.c.dy), n+backward.scratch())
	}
	return n + int(j.c.dy)
}

// sums returns the number of floats of the sums of all chunks of n images.
func (j *weightJob) sums(n int) int { return int(j.c.size) * int(C.weight_chunks(j.c, C.int(n))) }

// slices describes the weight of each sibling, and calls f with its parameter and shape.
func (j *weightJob) slices(f func(to C.struct_weight_slice, id kernels.ParamID, shape []int)) {
	kernel, block := int(j.c.conv.shape.kernel), 0
	for i, id := range j.conv.weights {
		outs := j.conv.outs[i]
		to := C.struct_weight_slice{block: C.int(block), outs: C.int(outs), ins: C.int(j.conv.ins), groups: C.int(j.conv.groups)}
		f(to, id, []int{outs, j.conv.ins / j.conv.groups, kernel, kernel})
		block += blocks(outs)
	}
}

// weightPlan holds the jobs of a backward pass with weights, for each convolution step of the program, and the places of
// their results in the moving memory.
type weightPlan struct {
	jobs        [][]*weightJob
	sums, dense int
	scratch     int               // floats a thread needs
	missed      []kernels.ParamID // of the convolutions that the pass does not reach
}

// planWeights plans the weight gradients of a pass, and extends the memory of the pass.
func (e *exec) planWeights(g *gradPlan) *weightPlan {
	w := &weightPlan{jobs: make([][]*weightJob, len(e.p.Steps))}
	sums, dense := 0, 0
	for i := range e.p.Steps {
		for k, forward := range e.convs[i].forward {
			backward := e.convs[i].backward[k]
			j := e.d.newWeightJob(forward, backward)
			w.jobs[i] = append(w.jobs[i], j)
			w.scratch = max(w.scratch, j.scratch(backward)+gap)
			sums = max(sums, j.sums(e.plan.n))
			j.slices(func(_ C.struct_weight_slice, _ kernels.ParamID, shape []int) {
				dense = max(dense, shape[0]*shape[1]*shape[2]*shape[3])
			})
		}
	}
	w.missed = missed(e.p, g.steps)
	w.sums, w.dense = g.floats(sums), g.floats(dense)
	return w
}

// missed lists the weights of the convolutions that a pass does not reach.
func missed(p *kernels.Program, steps []plan.Step) []kernels.ParamID {
	reached := make([]bool, len(p.Steps))
	for _, s := range steps {
		reached[s.Step] = true
	}
	var ids []kernels.ParamID
	for i := range p.Steps {
		if !reached[i] {
			for _, b := range p.Steps[i].Branches {
				ids = append(ids, b.Weight)
			}
		}
	}
	return ids
}

// clearMissed sets the gradients of the weights to zero that no step of the pass reaches.
func (e *exec) clearMissed(w *weightPlan) {
	for _, id := range w.missed {
		clear(e.store.Slice(id, kernels.Grad))
	}
}

// weightSums computes the sums of one job of a step alone.
func (e *exec) weightSums(g *gradPlan, s kernels.StatGrad, step *kernels.Step, j *weightJob) {
	at, x := e.place(), &e.desc
	x.reset()
	x.loads = append(x.loads, e.node(step.In[0], step.Act))
	for _, b := range j.conv.branches {
		x.loads = append(x.loads, e.gradient(b.Out, g, s))
	}
	C.run_weight_grad(e.d.isa, &at, j.c, first(x.loads), C.int(len(x.loads)), first(x.terms), e.d.moving.pointer(g.weights.sums))
}

// writeWeights writes the Grad slots of the weights of a job from its sums.
func (e *exec) writeWeights(w *weightPlan, j *weightJob) {
	at := e.place()
	sums, dense := e.d.moving.pointer(w.sums), e.d.moving.pointer(w.dense)
	j.slices(func(to C.struct_weight_slice, id kernels.ParamID, shape []int) {
		C.run_weight_merge(e.d.isa, &at, j.c, &to, dense, sums)
		e.store.writeGradient(id, e.d.moving.floats(w.dense, shape[0]*shape[1]*shape[2]*shape[3]), shape...)
	})
}
