//go:build cgo

package cpu

// #include "entry.h"
// #include "batchnorm.h"
// #cgo noescape batchnorms_forward
// #cgo nocallback batchnorms_forward
// #cgo noescape run_block
// #cgo nocallback run_block
// #cgo noescape run_conv
// #cgo nocallback run_conv
// #cgo noescape run_op
// #cgo nocallback run_op
import "C"

import (
	"fmt"
	"runtime"

	"bnas.example/kernels"
)

// Forward runs the program. Within a step images are independent; between steps the statistics are merged, and threads divide the channels.
func (e *exec) Forward(images []float32, statRows int) error {
	shape := e.p.Values[kernels.Images].Shape
	e.n, e.statRows, e.rates = len(images)/shape.Len(), statRows, nil
	if err := e.d.saved.reserve(e.plan.size); err != nil {
		return err
	}
	if e.d.poison {
		fillNaN(e.d.saved.floats(0, e.d.saved.size))
	}
	if err := e.reserve(0); err != nil {
		return err
	}
	e.load()
	at, out := e.place(), e.out(kernels.Images)
	C.run_block(e.d.isa, &at, (*C.float)(&images[0]), &out, C.int(shape.H), C.int(shape.W), 0)
	for i := range e.p.Steps {
		if err := e.stopped(); err != nil {
			return err
		}
		e.step(i, &at)
	}
	e.keepStatistics()
	return e.checkGaps()
}

// Restrict drops all images of the last Forward but the first n.
func (e *exec) Restrict(n int) error {
	e.n, e.statRows, e.rates = n, 0, nil
	return nil
}

// load copies factors, γ, β and the classifiers, padded to whole blocks. With frozen statistics it also computes all coefficients.
func (e *exec) load() {
	m := &e.d.saved
	ones, zeros := m.floats(e.plan.ones, e.plan.widest), m.floats(e.plan.zeros, e.plan.widest)
	for i := range ones {
		ones[i] = 1
	}
	clear(zeros)
	for row := range len(e.factors) / e.n {
		copy(m.floats(e.plan.factors+row*e.plan.n, e.n), e.factors[row*e.n:])
	}
	column := 0
	for id := range e.p.BNs {
		b := &e.plan.bns[id]
		arrays := m.floats(b.at, bnArrays*b.cp)
		clear(arrays)
		copy(arrays[gammaArray*b.cp:], e.store.Slice(e.p.BNs[id].Gamma, kernels.Data)[:b.c])
		copy(arrays[betaArray*b.cp:], e.store.Slice(e.p.BNs[id].Beta, kernels.Data)[:b.c])
		if e.statRows == 0 {
			mean, vari := m.doubles(b.mean, b.cp), m.doubles(b.vari, b.cp)
			clear(mean)
			clear(vari)
			copy(mean, e.mean[column:column+b.c])
			copy(vari, e.variance[column:column+b.c])
		}
		column += b.c
	}
	if e.statRows == 0 {
		e.desc.reset()
		for id := range e.p.BNs {
			e.desc.bns = append(e.desc.bns, e.batchNorm(kernels.BNID(id)))
		}
		e.normalise()
	}
	for i := range e.plan.classifiers {
		e.loadClassifier(&e.plan.classifiers[i])
	}
}

func (e *exec) loadClassifier(c *classifierPlan) {
	classes := e.p.Classes()
	w := e.d.saved.floats(c.weight, classes*c.cp)
	clear(w)
	src := e.store.Slice(c.Weight, kernels.Data)
	for o := range classes {
		copy(w[o*c.cp:], src[o*c.in:(o+1)*c.in])
	}
	bias := e.d.saved.floats(c.bias, e.plan.classes)
	clear(bias)
	if c.Bias != kernels.NoParam {
		copy(bias, e.store.Slice(c.Bias, kernels.Data))
	}
}

func (e *exec) step(i int, at *C.struct_place) {
	s := &e.p.Steps[i]
	if s.Op == kernels.OpSum && e.plan.values[s.Out].sum != nil {
		return
	}
	x := &e.desc
	rows := C.int(e.statRows)
	if s.Op == kernels.OpConv {
		for _, j := range e.convs[i].forward {
			x.reset()
			x.loads = append(x.loads, e.node(s.In[0], s.Act))
			for _, b := range j.branches {
				x.outs = append(x.outs, e.out(b.Out))
			}
			e.packed(j)
			C.run_conv(e.d.isa, at, &j.c, first(x.loads), 1, first(x.terms), first(x.outs), C.int(len(x.outs)), rows, first(x.packs))
			runtime.KeepAlive(x.weights)
		}
	} else {
		x.reset()
		for _, node := range s.In {
			x.loads = append(x.loads, e.node(node, s.Act))
		}
		x.outs = append(x.outs, e.out(s.Out))
		job := e.opJob(s)
		C.run_op(e.d.isa, at, &job, first(x.loads), C.int(len(x.loads)), first(x.terms), first(x.outs), rows)
	}
	if e.statRows > 0 {
		x.reset()
		for _, v := range s.Outputs() {
			for _, id := range e.plan.values[v].bns {
				x.bns = append(x.bns, e.batchNorm(id))
			}
		}
		e.normalise()
	}
}

var opKinds = map[kernels.Op]C.enum_op_kind{
	kernels.OpMaxPool: C.OP_MAX_POOL, kernels.OpAvgPool: C.OP_AVG_POOL, kernels.OpSum: C.OP_SUM,
	kernels.OpConcat: C.OP_CONCAT, kernels.OpGlobalAvg: C.OP_GLOBAL_AVG, kernels.OpLinear: C.OP_LINEAR,
}

func (e *exec) opJob(s *kernels.Step) C.struct_op_job {
	out := e.p.Values[s.Out]
	job := C.struct_op_job{
		kind:   opKinds[s.Op],
		kernel: C.int(s.Kernel), stride: C.int(s.Stride), pad: C.int(s.Pad), dilation: C.int(s.Dilation),
		h: C.int(out.H), w: C.int(out.W),
	}
	if c := e.plan.classifier(s.Out); c != nil {
		m := &e.d.saved
		job.weight, job.bias, job.input = m.pointer(c.weight), m.pointer(c.bias), m.pointer(c.input)
	}
	return job
}

// normalise computes the statistics, if they are not given, and the coefficients of the BatchNorms that are described.
func (e *exec) normalise() {
	at := e.place()
	C.batchnorms_forward(&at, first(e.desc.bns), C.int(len(e.desc.bns)), C.int(e.statRows))
}

// keepStatistics copies the statistics out of the memory that the Execs share.
func (e *exec) keepStatistics() {
	column := 0
	for i := range e.plan.bns {
		b := &e.plan.bns[i]
		copy(e.mean[column:], e.d.saved.doubles(b.mean, b.cp)[:b.c])
		copy(e.variance[column:], e.d.saved.doubles(b.vari, b.cp)[:b.c])
		column += b.c
	}
}

// checkGaps returns an error if a gap between buffers was written to. Only devices poisoned for tests have such checks.
func (e *exec) checkGaps() error {
	if !e.d.poison {
		return nil
	}
	for _, at := range e.plan.gaps {
		for _, v := range e.d.saved.floats(at, gap-lanes) {
			if v == v {
				return fmt.Errorf("wrote past the end of the buffer before %d", at)
			}
		}
	}
	return nil
}

// Logits writes n×Classes.
func (e *exec) Logits(dst []float32) error {
	classes := e.p.Classes()
	for i := range e.n {
		copy(dst[i*classes:], e.logits(&e.plan.classifiers[0], i))
	}
	return nil
}

// logits returns those of an image.
func (e *exec) logits(c *classifierPlan, image int) []float32 {
	v := &e.plan.values[c.Out]
	return e.d.saved.floats(v.data+image*v.cp(), v.C)
}
