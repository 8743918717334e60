//go:build cgo

package cpu

// #include "entry.h"
import "C"

import (
	"fmt"
	"math"

	"bnas.example/kernels"
)

type exec struct {
	d     *device
	p     *kernels.Program
	store *store
	plan  *savedPlan
	jobs  []int
	convs []convPlan
	grads map[[2]kernels.NodeID]*gradPlan // by from and to
	desc  descriptors

	scratch int // floats a thread needs

	n, statRows    int // of the last Forward
	mean, variance []float64
	known          bool // mean and variance are set
	loss           float64
	correct        int
	scored         bool // CrossEntropy has run since the last Forward
	seeded         bool // there is a gradient of the logits
}

func newExec(d *device, p *kernels.Program, s *store, n int) *exec {
	e := &exec{
		d: d, p: p, store: s, plan: planSaved(p, n), jobs: jobCount(p),
		convs: make([]convPlan, len(p.Steps)),
		grads: map[[2]kernels.NodeID]*gradPlan{},
	}
	e.mean, e.variance = make([]float64, e.plan.bnColumns/2), make([]float64, e.plan.bnColumns/2)
	for i := range p.Steps {
		step := &p.Steps[i]
		if step.Op == kernels.OpConv {
			e.convs[i] = d.planConv(p, step, e.jobs[i])
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
		e.scratch = max(e.scratch, 2*floats(v.Shape)) // for probes
	}
	for _, node := range p.Nodes {
		e.scratch = max(e.scratch, 2*floats(node.Shape))
	}
	e.scratch += gap
	return e
}

func (e *exec) Program() *kernels.Program { return e.p }

func (e *exec) SavedBytes(n int) int64 { return savedBytes(e.p, n) }

func (e *exec) fail(what string, err error) error {
	return fmt.Errorf("cpu: program %q: %s: %w", e.p.Name, what, err)
}

// ready reports an error if there is no Forward whose results are still there.
func (e *exec) ready(what string) error {
	switch {
	case e.d.pool == nil:
		return e.fail(what, errClosed)
	case e.n == 0:
		return e.fail(what, fmt.Errorf("needs a Forward first"))
	case e.d.owner != e:
		return e.fail(what, fmt.Errorf("needs a Forward first: another Exec of the device has run since"))
	}
	return nil
}

func (e *exec) length(what, which string, got, want int) error {
	if got != want {
		return e.fail(what, fmt.Errorf("%s: %d elements, must be %d", which, got, want))
	}
	return nil
}

// reserve makes sure that the device has room for the moving buffers of a pass and for scratch.
func (e *exec) reserve(what string, moving int) error {
	if err := e.d.moving.reserve(moving); err != nil {
		return e.fail(what, err)
	}
	if err := e.d.scratch.reserve(e.scratch * e.d.threads); err != nil {
		return e.fail(what, err)
	}
	if e.d.poison {
		fillNaN(e.d.moving.floats(0, e.d.moving.size))
		fillNaN(e.d.scratch.floats(0, e.d.scratch.size))
	}
	return nil
}

func fillNaN(x []float32) {
	for i := range x {
		x[i] = float32(math.NaN())
	}
}

func (e *exec) place() C.struct_place {
	return C.struct_place{pool: e.d.pool, n: C.int(e.n), scratch: e.d.scratch.base, stride: C.size_t(e.scratch)}
}

// Statistics writes μ and σ² of every BatchNorm.
func (e *exec) Statistics(mean, variance []float64) error {
	if !e.known {
		return e.fail("Statistics", fmt.Errorf("there are none yet"))
	}
	if err := e.length("Statistics", "means", len(mean), len(e.mean)); err != nil {
		return err
	}
	if err := e.length("Statistics", "variances", len(variance), len(e.variance)); err != nil {
		return err
	}
	copy(mean, e.mean)
	copy(variance, e.variance)
	return nil
}

// SetStatistics sets them; what the last Forward left is then gone.
func (e *exec) SetStatistics(mean, variance []float64) error {
	if err := e.length("SetStatistics", "means", len(mean), len(e.mean)); err != nil {
		return err
	}
	if err := e.length("SetStatistics", "variances", len(variance), len(e.variance)); err != nil {
		return err
	}
	if err := kernels.CheckStatistics(mean, variance); err != nil {
		return e.fail("SetStatistics", err)
	}
	copy(e.mean, mean)
	copy(e.variance, variance)
	e.known, e.n = true, 0
	return nil
}
