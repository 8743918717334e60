//go:build cgo

package cpu

// #include "entry.h"
import "C"

import (
	"math"
	"slices"

	"bnas.example/kernels"
	"bnas.example/kernels/plan"
)

type exec struct {
	d     *device
	p     *kernels.Program
	store *store
	plan  *savedPlan
	jobs  []int
	convs []convPlan
	grads map[plan.Route]*gradPlan
	desc  descriptors

	scratch int // floats a thread needs

	stop func() error // see StopWith; nil: passes run to their end

	factors        []float32 // of the terms that have one, a row after the other; none: all are 1
	n, statRows    int       // of the last Forward
	mean, variance []float64
	loss           float64
	correct        int

	codes  []uint64  // of one rectified node: see eachStates
	counts []int64   // of its channels
	rates  []float64 // firing rates of the last Forward, nil if they were not computed
}

func newExec(d *device, p *kernels.Program, s *store, n int) *exec {
	e := &exec{
		d: d, p: p, store: s, plan: planSaved(p, n, d.numerics), jobs: jobCount(p),
		grads: map[plan.Route]*gradPlan{},
	}
	e.convs = d.planConvs(p, e.jobs)
	e.mean, e.variance = make([]float64, e.plan.bnColumns/2), make([]float64, e.plan.bnColumns/2)
	for i := range p.Steps {
		step := &p.Steps[i]
		if step.Op == kernels.OpConv {
			for k := range e.convs[i].forward {
				e.scratch = max(e.scratch, e.convs[i].forward[k].scratch(), e.convs[i].backward[k].scratch())
			}
			continue
		}
		widest := floats(p.Values[step.Out].Shape)
		for _, node := range step.In {
			widest = max(widest, floats(p.Nodes[node].Shape))
		}
		e.scratch = max(e.scratch, 3*widest)
	}
	for _, v := range p.Values {
		e.scratch = max(e.scratch, probeScratch(v.Shape))
	}
	for _, node := range p.Nodes {
		e.scratch = max(e.scratch, probeScratch(node.Shape))
	}
	e.scratch += gap
	return e
}

func (e *exec) Program() *kernels.Program { return e.p }

func (e *exec) SavedBytes(n int) int64 { return e.plan.savedBytes(n, e.d.numerics) }

// reserve grows the memory of the device for the gradients of a pass and for scratch, if needed.
func (e *exec) reserve(moving int) error {
	if err := e.d.moving.reserve(moving); err != nil {
		return err
	}
	if err := e.reserveScratch(); err != nil {
		return err
	}
	if e.d.poison {
		fillNaN(e.d.moving.floats(0, e.d.moving.size))
		fillNaN(e.d.scratch.floats(0, e.d.scratch.size))
	}
	return nil
}

// reserveScratch grows the scratch memory alone. A probe needs it: where a backward pass had no memory, a pass before may have left less
// than the Exec needs, or none.
func (e *exec) reserveScratch() error { return e.d.scratch.reserve(e.scratch * e.d.threads) }

func fillNaN(x []float32) {
	nan := float32(math.NaN()) // once: under the checks of unsafe pointers math.NaN allocates
	for i := range min(len(x), 1024) {
		x[i] = nan
	}
	for n := 1024; n < len(x); n *= 2 {
		copy(x[n:], x[:n])
	}
}

// StopWith makes the passes call stop before each step.
func (e *exec) StopWith(stop func() error) { e.stop = stop }

func (e *exec) stopped() error {
	if e.stop == nil {
		return nil
	}
	return e.stop()
}

func (e *exec) place() C.struct_place {
	return C.struct_place{pool: e.d.pool, n: C.int(e.n), scratch: e.d.scratch.base, stride: C.size_t(e.scratch), profiles: e.d.profiles}
}

// SetFactors sets the factors of each image.
func (e *exec) SetFactors(factors []float32) error {
	e.factors = slices.Clone(factors)
	return nil
}

// Statistics writes μ and σ² of every BatchNorm.
func (e *exec) Statistics(mean, variance []float64) error {
	copy(mean, e.mean)
	copy(variance, e.variance)
	return nil
}

// QueueStatistics writes them at once.
func (e *exec) QueueStatistics(mean, variance []float64) *kernels.Pending[kernels.Nothing] {
	return kernels.Done(kernels.Nothing{}, e.Statistics(mean, variance))
}

// SetStatistics sets μ and σ² of every BatchNorm.
func (e *exec) SetStatistics(mean, variance []float64) error {
	copy(e.mean, mean)
	copy(e.variance, variance)
	return nil
}
