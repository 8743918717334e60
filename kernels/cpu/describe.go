//go:build cgo

package cpu

// #include "entry.h"
// #include "batchnorm.h"
import "C"

import (
	"math"
	"unsafe"

	"bnas.example/kernels"
	"bnas.example/kernels/plan"
)

// descriptors holds the arguments of one call into C. Each call fills the same memory again.
type descriptors struct {
	terms []C.struct_term
	loads []C.struct_load
	outs  []C.struct_out
	grads []C.struct_grad
	bns   []C.struct_batchnorm
	packs []*C.float // of each branch
	// weights has what packs point to.
	weights []*packedWeights
}

func (x *descriptors) reset() {
	x.terms, x.loads, x.outs, x.grads, x.bns = x.terms[:0], x.loads[:0], x.outs[:0], x.grads[:0], x.bns[:0]
	x.weights, x.packs = x.weights[:0], x.packs[:0]
}

// first returns the address of the first element, or nil if there is none.
func first[T any](x []T) *T {
	if len(x) == 0 {
		return nil
	}
	return &x[0]
}

// flag returns 1 or 0.
func flag(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// bounds of an activation: act(u) = min(max(u, lo), hi), and its gradient passes where lo < u < hi.
func bounds(a kernels.Activation) (lo, hi C.float) {
	lo, hi = C.float(math.Inf(-1)), C.float(math.Inf(1))
	if a != kernels.Linear {
		lo = 0
	}
	if a == kernels.ReLU6 {
		hi = 6
	}
	return lo, hi
}

func (e *exec) bnArray(id kernels.BNID, array int) *C.float {
	b := &e.plan.bns[id]
	return e.d.saved.pointer(b.at + array*b.cp)
}

// factor returns the factors of a row, or nil if they are 1.
func (e *exec) factor(row int) *C.float {
	if row == kernels.NoFactor || len(e.factors) == 0 {
		return nil
	}
	return e.d.saved.pointer(e.plan.factors + row*e.plan.n)
}

// term describes a value, either unchanged or through a BatchNorm, times the factors of a row.
func (e *exec) term(v kernels.ValueID, bn kernels.BNID, row int) C.struct_term {
	p := &e.plan.values[v]
	t := e.unchanged(e.d.saved.pointer(p.data))
	t.factor, t.half = e.factor(row), flag(p.half)
	t.bare = flag(bn == kernels.NoBN && t.factor == nil)
	if p.half {
		t.unit = e.d.saved.pointer(p.units)
	}
	if bn != kernels.NoBN {
		t.mu, t.scale, t.shift = e.bnArray(bn, muArray), e.bnArray(bn, scaleArray), e.bnArray(bn, shiftArray)
	}
	return t
}

// unchanged describes the term (x − 0)·1 + 0.
func (e *exec) unchanged(x *C.float) C.struct_term {
	return C.struct_term{x: unsafe.Pointer(x), mu: e.zeros(), scale: e.ones(), shift: e.zeros()}
}

func (e *exec) zeros() *C.float { return e.d.saved.pointer(e.plan.zeros) }
func (e *exec) ones() *C.float  { return e.d.saved.pointer(e.plan.ones) }

func shaped(s kernels.Shape, act kernels.Activation) C.struct_load {
	lo, hi := bounds(act)
	return C.struct_load{c: C.int(s.C), cb: C.int(blocks(s.C)), h: C.int(s.H), w: C.int(s.W), lo: lo, hi: hi}
}

// node describes a load of act(node).
func (e *exec) node(n kernels.NodeID, act kernels.Activation) C.struct_load {
	l := shaped(e.p.Nodes[n].Shape, act)
	e.terms(&l, &e.plan.loads[n])
	return l
}

// terms describes the terms of a load.
func (e *exec) terms(l *C.struct_load, of *nodeLoad) {
	l.first, l.count = C.int(len(e.desc.terms)), C.int(of.n)
	for _, t := range of.list() {
		e.desc.terms = append(e.desc.terms, e.term(t.value, t.bn, t.row))
	}
}

// value describes a load of a value without a BatchNorm.
func (e *exec) value(v kernels.ValueID) C.struct_load {
	l := shaped(e.p.Values[v].Shape, kernels.Linear)
	if sum := e.plan.values[v].sum; sum != nil {
		e.terms(&l, sum)
		return l
	}
	l.first, l.count = C.int(len(e.desc.terms)), 1
	e.desc.terms = append(e.desc.terms, e.term(v, kernels.NoBN, kernels.NoFactor))
	return l
}

func (e *exec) out(v kernels.ValueID) C.struct_out {
	p := &e.plan.values[v]
	o := C.struct_out{data: unsafe.Pointer(e.d.saved.pointer(p.data)), c: C.int(p.C), cb: C.int(blocks(p.C))}
	if p.half {
		o.half, o.unit = 1, e.d.saved.pointer(p.units)
	}
	if p.partial >= 0 {
		o.partial = e.d.saved.doublePointer(p.partial)
	}
	return o
}

func (e *exec) batchNorm(id kernels.BNID) C.struct_batchnorm {
	b := &e.plan.bns[id]
	v := &e.plan.values[b.value]
	return C.struct_batchnorm{
		c: C.int(b.c), cp: C.int(b.cp), pixels: C.int(v.pixels()), eps: C.double(e.p.BNs[id].Eps),
		mean: e.d.saved.doublePointer(b.mean), _var: e.d.saved.doublePointer(b.vari), partial: e.d.saved.doublePointer(v.partial),
		gamma: e.bnArray(id, gammaArray), beta: e.bnArray(id, betaArray),
		mu: e.bnArray(id, muArray), scale: e.bnArray(id, scaleArray), shift: e.bnArray(id, shiftArray),
		slope: e.bnArray(id, slopeArray), offset: e.bnArray(id, offsetArray),
		sum: e.d.saved.pointer(e.plan.sums[e.plan.nodeOf[id]]), dot: e.d.saved.pointer(b.dot),
		dgamma: e.bnArray(id, dGammaArray), dbeta: e.bnArray(id, dBetaArray),
		factor: e.factor(b.row),
	}
}

// gradient describes a load of the gradient of a value. It is a sum over the nodes with a gradient that the value
// enters: δ for a bare term, δ·γr for a term through a BatchNorm, both times the term's factors, plus the terms of the
// statistics if they are differentiated.
func (e *exec) gradient(v kernels.ValueID, g *gradPlan, s kernels.StatGrad) C.struct_load {
	l := shaped(e.p.Values[v].Shape, kernels.Linear)
	l.first = C.int(len(e.desc.terms))
	if c := e.plan.classifier(v); c != nil {
		e.desc.terms = append(e.desc.terms, e.unchanged(e.d.saved.pointer(c.dLogits)))
	}
	for _, u := range e.plan.uses[v] {
		if g.at[u.Node] < 0 {
			continue
		}
		d := e.unchanged(e.d.moving.pointer(g.at[u.Node]))
		d.factor = e.factor(u.Row)
		if u.BN != kernels.NoBN {
			d.scale = e.bnArray(u.BN, scaleArray)
		}
		e.desc.terms = append(e.desc.terms, d)
		if u.BN != kernels.NoBN && s == kernels.DifferentiateStatistics {
			h := e.term(v, u.BN, kernels.NoFactor)
			h.scale, h.shift = e.bnArray(u.BN, slopeArray), e.bnArray(u.BN, offsetArray)
			e.desc.terms = append(e.desc.terms, h)
		}
	}
	l.count = C.int(len(e.desc.terms)) - l.first
	return l
}

// grad describes the addition to a node's gradient. With sums the last addition also computes the sums for dγ and dβ.
func (e *exec) grad(t plan.Target, act kernels.Activation, g *gradPlan, sums bool) C.struct_grad {
	if t.Node == noNode {
		return C.struct_grad{}
	}
	r := C.struct_grad{d: e.d.moving.pointer(g.at[t.Node]), first: flag(t.First)}
	if sum := e.plan.sums[t.Node]; t.Last && sums && sum >= 0 {
		r.last = 1
		r.sum = e.d.saved.pointer(sum)
		for k, term := range e.plan.loads[t.Node].list() {
			if term.own && term.bn != kernels.NoBN {
				r.dot[k] = e.d.saved.pointer(e.plan.bns[term.bn].dot)
			}
		}
	}
	r.node = e.node(t.Node, act)
	if act == kernels.Linear && r.last == 0 {
		r.node.count = 0
	}
	return r
}
