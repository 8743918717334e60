//go:build cgo

package cpu

// #include "entry.h"
// #include "batchnorm.h"
// #cgo noescape batchnorms_backward
// #cgo nocallback batchnorms_backward
// #cgo noescape batchnorm_samples
// #cgo nocallback batchnorm_samples
// #cgo noescape linear_weight_grad
// #cgo nocallback linear_weight_grad
// #cgo noescape run_block
// #cgo nocallback run_block
// #cgo noescape run_conv_grad
// #cgo nocallback run_conv_grad
// #cgo noescape run_op_grad
// #cgo nocallback run_op_grad
// #cgo noescape run_products
// #cgo nocallback run_products
// #cgo noescape run_unblock
// #cgo nocallback run_unblock
import "C"

import (
	"runtime"
	"unsafe"

	"bnas.example/kernels"
	"bnas.example/kernels/plan"
)

// Backward writes the Grad slots of γ, β, the classifier and, with weights, the convolutions.
func (e *exec) Backward(s kernels.StatGrad, weights bool) error {
	if err := e.fromLogits(s, weights); err != nil {
		return err
	}
	e.writeGradients()
	return e.checkGaps()
}

// fromLogits runs a backward pass to all parameters.
func (e *exec) fromLogits(s kernels.StatGrad, weights bool) error {
	g := e.gradPlan(plan.Route{From: noNode, To: noNode, Weights: weights})
	if err := e.reserve(g.size); err != nil {
		return err
	}
	e.clearGradients(g)
	if weights {
		e.clearMissed(g.weights)
	}
	return e.walk(g, s, true)
}

func (e *exec) gradPlan(r plan.Route) *gradPlan {
	if e.grads[r] == nil {
		g := planGrad(e.p, e.plan, e.jobs, r)
		if r.Weights {
			g.weights = e.planWeights(g)
			e.scratch = max(e.scratch, g.weights.scratch)
		}
		e.grads[r] = g
	}
	return e.grads[r]
}

// clearGradients sets the gradients to zero that no step of the pass reaches.
func (e *exec) clearGradients(g *gradPlan) {
	for _, n := range g.missed {
		clear(e.d.saved.floats(e.plan.sums[n], e.plan.n*blocks(e.p.Nodes[n].C)*lanes))
		for _, t := range e.p.Nodes[n].Terms {
			if t.BN != kernels.NoBN {
				b := &e.plan.bns[t.BN]
				clear(e.d.saved.floats(b.at+dGammaArray*b.cp, 2*b.cp))
				clear(e.d.saved.floats(b.dot, e.plan.n*b.cp))
			}
		}
	}
}

// walk runs the steps of a backward pass. With sums it also computes the sums for dγ and dβ and the coefficients that
// follow from them.
func (e *exec) walk(g *gradPlan, s kernels.StatGrad, sums bool) error {
	at := e.place()
	x := &e.desc
	for _, gs := range g.steps {
		if err := e.stopped(); err != nil {
			return err
		}
		step := &e.p.Steps[gs.Step]
		if step.Op == kernels.OpConv {
			for k := range gs.Targets {
				e.convGradients(g, s, gs, k, sums)
			}
		} else {
			x.reset()
			for k, node := range step.In {
				x.loads = append(x.loads, e.node(node, step.Act))
				x.grads = append(x.grads, e.grad(gs.Targets[k], step.Act, g, sums))
			}
			dy := e.gradient(step.Out, g, s)
			job := e.opJob(step)
			C.run_op_grad(e.d.isa, &at, &job, &dy, first(x.loads), first(x.terms), first(x.grads), C.int(len(x.grads)))
		}
		if sums {
			e.differentiate(gs.Targets)
		}
	}
	return nil
}

// convGradients runs job k of a convolution step: the input gradient if the pass needs it, and the weights' if there are such.
func (e *exec) convGradients(g *gradPlan, s kernels.StatGrad, gs plan.Step, k int, sums bool) {
	step, t := &e.p.Steps[gs.Step], gs.Targets[k]
	var weight *weightJob
	if g.weights != nil {
		weight = g.weights.jobs[gs.Step][k]
	}
	joined := weight != nil && weight.joins && t.Node != noNode
	if weight != nil && !joined {
		e.weightSums(g, s, step, weight)
	}
	if t.Node != noNode {
		e.inputGradient(g, s, gs, k, sums, joined)
	}
	if weight != nil {
		e.writeWeights(g.weights, weight)
	}
}

// inputGradient adds the input gradient of job k of a convolution step to its target. If it is joined, it computes the sums of
// the weight gradient too.
func (e *exec) inputGradient(g *gradPlan, s kernels.StatGrad, gs plan.Step, k int, sums, joined bool) {
	step, j := &e.p.Steps[gs.Step], e.convs[gs.Step].backward[k]
	at, x := e.place(), &e.desc
	x.reset()
	for _, b := range j.branches {
		x.loads = append(x.loads, e.gradient(b.Out, g, s))
	}
	x.grads = append(x.grads, e.grad(gs.Targets[k], step.Act, g, sums))
	var weight *C.struct_weight_job
	var to *C.float
	u := e.node(step.In[0], step.Act)
	if joined {
		weight, to = g.weights.jobs[gs.Step][k].c, e.d.moving.pointer(g.weights.sums)
	}
	e.packed(j)
	C.run_conv_grad(e.d.isa, &at, &j.c, first(x.loads), C.int(len(x.loads)), first(x.terms), first(x.grads), first(x.packs), C.int(len(x.packs)), weight, &u, to)
	runtime.KeepAlive(x.weights)
}

// differentiate computes dγ and dβ of the BatchNorms of those targets whose gradient is complete.
func (e *exec) differentiate(targets []plan.Target) {
	e.desc.reset()
	for _, t := range targets {
		if !t.Last || t.Node == noNode {
			continue
		}
		for _, term := range e.p.Nodes[t.Node].Terms {
			if term.BN != kernels.NoBN {
				e.desc.bns = append(e.desc.bns, e.batchNorm(term.BN))
			}
		}
	}
	at := e.place()
	C.batchnorms_backward(&at, first(e.desc.bns), C.int(len(e.desc.bns)))
}

// writeGradients copies dγ and dβ to the store and computes the gradients of the classifiers.
func (e *exec) writeGradients() {
	for i, b := range e.p.BNs {
		p := &e.plan.bns[i]
		e.store.writeGradient(b.Gamma, e.d.saved.floats(p.at+dGammaArray*p.cp, p.c), p.c)
		e.store.writeGradient(b.Beta, e.d.saved.floats(p.at+dBetaArray*p.cp, p.c), p.c)
	}
	for i := range e.plan.classifiers {
		e.writeClassifier(&e.plan.classifiers[i])
	}
}

func (e *exec) writeClassifier(c *classifierPlan) {
	weight := e.store.Slice(c.Weight, kernels.Grad)
	C.linear_weight_grad((*C.float)(&weight[0]), e.d.saved.pointer(c.dLogits), e.d.saved.pointer(c.input),
		C.int(e.n), C.int(e.p.Classes()), C.int(e.plan.classes), C.int(c.in), C.int(c.cp))
	if c.Bias == kernels.NoParam {
		return
	}
	for k := range e.p.Classes() {
		sum := 0.0
		for i := range e.n {
			sum += float64(e.logitGradient(c, i)[k])
		}
		e.store.Slice(c.Bias, kernels.Grad)[k] = float32(sum)
	}
}

// SampleGradients writes the gradient of γ and β for each image, with frozen statistics. It is the backward pass without
// the sums over images.
func (e *exec) SampleGradients(dst []float32) error {
	columns := e.plan.bnColumns
	if err := e.fromLogits(kernels.FreezeStatistics, false); err != nil {
		return err
	}
	for id := range e.plan.bns {
		b := &e.plan.bns[id]
		bn := e.batchNorm(kernels.BNID(id))
		C.batchnorm_samples(&bn, (*C.float)(&dst[b.column]), C.int(columns), C.int(e.n))
	}
	return e.checkGaps()
}

// NodeGradient propagates seed from one node to another with frozen statistics.
func (e *exec) NodeGradient(dst []float32, to kernels.NodeID, seed []float32, from kernels.NodeID) error {
	g := e.gradPlan(plan.Route{From: from, To: to})
	if g.at[to] < 0 {
		clear(dst)
		return nil
	}
	if err := e.propagate(g, seed, from, 0); err != nil {
		return err
	}
	at := e.place()
	e.desc.reset()
	l := shaped(e.p.Nodes[to].Shape, kernels.Linear)
	l.count = 1
	e.desc.terms = append(e.desc.terms, e.unchanged(e.d.moving.pointer(g.at[to])))
	C.run_unblock(e.d.isa, &at, (*C.float)(&dst[0]), &l, first(e.desc.terms))
	return e.checkGaps()
}

// NodeProducts propagates the seed and sums the products of the result's channels and the seed's.
func (e *exec) NodeProducts(dst []float64, to kernels.NodeID, seed []float32, from kernels.NodeID) error {
	g := e.gradPlan(plan.Route{From: from, To: to})
	if g.at[to] < 0 {
		clear(dst)
		return nil
	}
	start, end := e.p.Nodes[from].Shape, e.p.Nodes[to].Shape
	j := C.struct_products{
		rows: C.int(end.C), rb: C.int(blocks(end.C)), columns: C.int(start.C), cb: C.int(blocks(start.C)),
		h: C.int(start.H), w: C.int(start.W), dh: C.int(end.H / start.H), dw: C.int(end.W / start.W),
	}
	if err := e.propagate(g, seed, from, 2*int(C.products_doubles(&j))); err != nil {
		return err
	}
	j.g, j.seed = e.d.moving.pointer(g.at[to]), e.d.moving.pointer(g.at[from])
	at := e.place()
	C.run_products(e.d.isa, &at, &j, e.d.moving.doublePointer(g.size), (*C.double)(&dst[0]))
	return e.checkGaps()
}

// propagate runs a pass from a node with a seed. It leaves room for more floats behind the gradients.
func (e *exec) propagate(g *gradPlan, seed []float32, from kernels.NodeID, room int) error {
	start := e.p.Nodes[from].Shape
	if err := e.reserve(g.size + room); err != nil {
		return err
	}
	at := e.place()
	out := C.struct_out{data: unsafe.Pointer(e.d.moving.pointer(g.at[from])), c: C.int(start.C), cb: C.int(blocks(start.C))}
	C.run_block(e.d.isa, &at, (*C.float)(&seed[0]), &out, C.int(start.H), C.int(start.W), 0)
	return e.walk(g, kernels.FreezeStatistics, false)
}
