package cuda

import (
	"bnas.example/kernels"
)

// forwardTable is what the forward launches are given, laid out for one address of the saved buffer.
type forwardTable struct {
	base       Ptr
	generation int   // of the saved buffer
	steps      []Ptr // abiForward of each step, the images' first
	norms      Ptr   // []abiBatchNorm
}

func (e *exec) buildForward(t *table) (err error) {
	a, f := e.plans, &e.forward
	f.steps = nil
	norms := make([]abiBatchNorm, len(a.norms))
	for k, id := range a.norms {
		if norms[k], err = e.batchNorm(id); err != nil {
			return err
		}
	}
	f.norms = put(t, norms...)
	for _, slot := range []kernels.Slot{kernels.Data, kernels.Grad} { // that classifier takes for made
		if _, err := e.store.address(e.p.Steps[len(e.p.Steps)-1].Weight, slot); err != nil {
			return err
		}
	}
	for i := range a.steps {
		s := &a.steps[i]
		out := e.p.Values[s.outs[0]]
		d := abiForward{columns: int64(s.columns), height: int64(out.H), width: int64(out.W)}
		d.tiling = s.forward.abi(out.Shape)
		if d.out, err = e.outputs(t, s); err != nil {
			return err
		}
		d.outs = int64(len(s.outs))
		if s.step != nil {
			d.window = windowOf(s.step)
			var in []abiNode
			for _, n := range s.step.In {
				in = append(in, e.node(n, s.step.Act))
			}
			d.in, d.ins = put(t, in...), int64(len(in))
		}
		if len(s.norms) > 0 {
			mean := e.moment(i)
			d.statistics = abiStatistics{
				tile: e.at(a.tiles), image: e.at(a.images), arrived: e.own + Ptr(a.arrived),
				mean: mean, variance: mean + Ptr(8*s.columns),
				norm: e.norm(s.norms[0]), norms: int64(len(s.norms)),
			}
		}
		f.steps = append(f.steps, put(t, d))
	}
	return nil
}

func (t tiling) abi(s kernels.Shape) abiTiling {
	across, all := t.tiles(s.H, s.W)
	return abiTiling{int64(t.tileH), int64(t.tileW), int64(across), int64(all), int64(t.slab)}
}

func windowOf(s *kernels.Step) abiWindow {
	return abiWindow{int64(s.Kernel), int64(s.Stride), int64(s.Pad), int64(s.Dilation), int64(s.Groups)}
}

func (e *exec) outputs(t *table, s *stepPlan) (Ptr, error) {
	var outs []abiOutput
	for k, v := range s.outs {
		o := abiOutput{
			value: e.at(e.plans.values[v]), channels: int64(e.p.Values[v].C), pitch: int64(pitchOf(e.p.Values[v].C)),
			column: int64(e.plans.column[v]), narrow: e.plans.narrow(v),
		}
		if s.step != nil && s.step.Op == kernels.OpConv {
			w, err := e.store.packedForm(s.step.Branches[k].Weight, s.form)
			if err != nil {
				return 0, err
			}
			o.weight = w
		}
		outs = append(outs, o)
	}
	return put(t, outs...), nil
}

func (e *exec) batchNorm(id kernels.BNID) (abiBatchNorm, error) {
	a, b := e.plans, e.p.BNs[id]
	step := a.stepOf[b.Value]
	mean := e.moment(step) + Ptr(8*a.column[b.Value])
	n := abiBatchNorm{
		affine: e.own + Ptr(a.affine[id]), slope: e.own + Ptr(a.slope[id]),
		mean: mean, variance: mean + Ptr(8*a.steps[step].columns),
		eps: b.Eps, channels: int64(e.p.Values[b.Value].C), column: int64(a.column[b.Value]),
	}
	for _, x := range []struct {
		to   *Ptr
		id   kernels.ParamID
		slot kernels.Slot
	}{{&n.gamma, b.Gamma, kernels.Data}, {&n.beta, b.Beta, kernels.Data}, {&n.dgamma, b.Gamma, kernels.Grad}, {&n.dbeta, b.Beta, kernels.Grad}} {
		at, err := e.store.address(x.id, x.slot)
		if err != nil {
			return n, err
		}
		*x.to = at
	}
	return n, nil
}

// node describes a load.
func (e *exec) node(id kernels.NodeID, act kernels.Activation) abiNode {
	n := e.p.Nodes[id]
	d := shaped(n.Shape)
	d.terms, d.activation = int64(len(n.Terms)), activations[act]
	for k, t := range n.Terms {
		d.term[k].value, d.term[k].narrow = e.at(e.plans.values[t.Value]), e.plans.narrow(t.Value)
		if t.BN != kernels.NoBN {
			d.term[k].affine = e.own + Ptr(e.plans.affine[t.BN])
		}
	}
	return d
}

func shaped(s kernels.Shape) abiNode {
	return abiNode{channels: int64(s.C), pitch: int64(pitchOf(s.C)), height: int64(s.H), width: int64(s.W)}
}

// prepare makes sure that the buffers and the table are there and that the weights are packed.
func (e *exec) prepare() error {
	d := e.d
	if err := d.saved.reserve(d, e.plans.saved.size); err != nil {
		return err
	}
	if e.forward.base == 0 || e.forward.generation != d.saved.generation {
		e.forget()
		base, err := e.placeTable(e.buildForward)
		if err != nil {
			return err
		}
		e.forward.base, e.forward.generation = base, d.saved.generation
	}
	return e.pack(forwardForm)
}

// placeTable builds a table twice, for its size and then for its address, and sends it.
func (e *exec) placeTable(build func(*table) error) (Ptr, error) {
	var size table
	if err := build(&size); err != nil {
		return 0, err
	}
	base, err := e.holding.take(e.d, int64(len(size.bytes)))
	if err != nil {
		return 0, err
	}
	t := table{base: base, bytes: make([]byte, 0, len(size.bytes))}
	if err := build(&t); err != nil {
		return 0, err
	}
	if err := e.d.staging.upload(e.d.driver, base, t.bytes); err != nil {
		e.holding.release(base)
		return 0, err
	}
	return base, nil
}

// pack makes the packed weights that a direction needs.
func (e *exec) pack(direction form) error {
	for i := range e.plans.steps {
		s := &e.plans.steps[i]
		if s.step == nil || s.step.Op != kernels.OpConv {
			continue
		}
		f := s.form
		if direction == gradientForm {
			f = s.backForm
		}
		for _, b := range s.step.Branches {
			if err := e.store.pack(b.Weight, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// Forward runs the program. It queues work and does not wait for it.
func (e *exec) Forward(images []float32, statRows int) error {
	if e.d.closed {
		return e.fail("Forward", errClosed)
	}
	n, err := e.p.CheckForward(len(images), e.plans.n, statRows, e.known)
	if err != nil {
		return e.fail("Forward", err)
	}
	e.n, e.scored, e.seeded = 0, false, false
	e.d.owner = nil
	if err := e.prepare(); err != nil {
		return e.fail("Forward", err)
	}
	at, err := e.d.pictures.bring(e.d, bytesOf(images))
	if err != nil {
		return e.fail("Forward", err)
	}
	if err := e.d.queue([]op{e.imagesOp(at, n, statRows)}); err != nil {
		return e.fail("Forward", err)
	}
	if err := e.d.pictures.taken(e.d.driver); err != nil {
		return e.fail("Forward", err)
	}
	err = e.run(graphKey{kind: "forward", n: n, rows: statRows}, func() []op { return e.forwardOps(n, statRows) })
	if err != nil {
		return e.fail("Forward", err)
	}
	e.n, e.statRows, e.known, e.d.owner = n, statRows, true, e
	return nil
}

func (e *exec) imagesOp(at Ptr, n, statRows int) op {
	o := e.forwardOp(0, n, statRows)
	o.Args = words(e.forward.steps[0], at, n, statRows)
	o.read += 4 * int64(n) * int64(e.p.Values[kernels.Images].Len())
	return o
}

// forwardOps are the launches of a forward pass after the images'.
func (e *exec) forwardOps(n, statRows int) []op {
	var ops []op
	if statRows == 0 && len(e.plans.norms) > 0 {
		ops = append(ops, e.normsOp("batch_norm_given"))
	}
	for i := 1; i < len(e.plans.steps); i++ {
		ops = append(ops, e.forwardOp(i, n, statRows))
	}
	return ops
}

// normsOp is a launch over all BatchNorms.
func (e *exec) normsOp(kernel string) op {
	k := len(e.plans.norms)
	o := blocks(kernel, k, 1, e.forward.norms, k)
	e.plans.countNorms(&o)
	return o
}

func (e *exec) forwardOp(i, n, statRows int) op {
	s := &e.plans.steps[i]
	out := e.p.Values[s.outs[0]].Shape
	_, tiles := s.forward.tiles(out.H, out.W)
	o := op{step: s.name(), Launch: Launch{
		Kernel: s.kernel, Grid: [3]int{n * tiles, s.forward.slabs(s.columns), 1}, Block: [3]int{s.forward.threads, 1, 1},
		Shared: s.forward.shared, Args: words(e.forward.steps[i], n, statRows),
	}}
	if s.step != nil && s.step.Op == kernels.OpLinear {
		weight, bias := e.classifier(kernels.Data)
		o.Args = words(e.forward.steps[i], weight, bias, n)
	}
	e.plans.countForward(&o, i, n, statRows)
	return o
}

// classifier is where a slot of the classifier's weight and bias lies; 0 for no bias. The slot was made when the
// table was laid out.
func (e *exec) classifier(slot kernels.Slot) (weight, bias Ptr) {
	last := &e.p.Steps[len(e.p.Steps)-1]
	at := func(id kernels.ParamID) Ptr {
		return e.store.vectors[vectorOf(e.store.params[id].Kind)][slot] + Ptr(e.store.at[id])
	}
	if last.Bias != kernels.NoParam {
		bias = at(last.Bias)
	}
	return at(last.Weight), bias
}

// Logits writes n×Classes.
func (e *exec) Logits(dst []float32) error {
	if err := e.ready("Logits"); err != nil {
		return err
	}
	if err := e.length("Logits", "logits", len(dst), e.n*e.p.Classes()); err != nil {
		return err
	}
	return e.read("Logits", dst, e.value(e.p.Logits()))
}
