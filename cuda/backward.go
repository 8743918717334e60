package cuda

import (
	"errors"

	"bnas.example/kernels"
	"bnas.example/kernels/plan"
)

// Backward writes the Grad slots of γ, β and the classifier, and of the convolutions' weights if weights is set. It
// queues work and does not wait for it.
func (e *exec) Backward(s kernels.StatGrad, weights bool) error {
	if err := e.ready("Backward"); err != nil {
		return err
	}
	if err := s.Check(e.n, e.statRows); err != nil {
		return e.fail("Backward", err)
	}
	b, err := e.fromLogits("Backward", route{Route: plan.Route{From: plan.NoNode, To: plan.NoNode, Weights: weights}}, s)
	if err == nil {
		err = e.clearUnreached(b)
	}
	return e.failed("Backward", err)
}

// fromLogits queues a backward pass to all parameters.
func (e *exec) fromLogits(what string, r route, s kernels.StatGrad) (*backwardTable, error) {
	if !e.seeded {
		return nil, errors.New("needs a CrossEntropy or SetLogitGradient since the last Forward")
	}
	b, err := e.routeTable(r)
	if err != nil {
		return nil, err
	}
	return b, e.walk(what, b, s == kernels.HoldStatistics, true)
}

// walk queues the launches of a backward pass. sums: form dγ and dβ.
func (e *exec) walk(what string, b *backwardTable, hold, sums bool) error {
	if err := e.pack(gradientForm); err != nil {
		return err
	}
	n := e.n
	ops := func() []op { return e.backwardOps(b, n, hold, sums) }
	if !sums {
		return e.d.queue(ops())
	}
	return e.run(graphKey{kind: what, n: n, hold: hold, weights: b.order.Weights}, ops)
}

func (e *exec) backwardOps(b *backwardTable, n int, hold, sums bool) []op {
	var ops []op
	if hold && len(e.plans.norms) > 0 {
		ops = append(ops, e.normsOp("batch_norm_held"))
	}
	for i, s := range b.order.Steps {
		step := &e.plans.steps[s.Step+1]
		if step.step.Op == kernels.OpLinear && sums && !b.samples {
			ops = append(ops, e.classifierOp(step, b.targets[i][0], n))
		}
		for k, w := range b.weights[i] {
			ops = append(ops, e.weightOp(step, k, w, b, n))
		}
		for k, t := range s.Targets {
			if t.Node != plan.NoNode {
				ops = append(ops, e.backwardOp(b, i, k, n, hold, sums))
			}
		}
	}
	return ops
}

// classifierOp is the launch of the gradients of the classifier's weight and bias.
func (e *exec) classifierOp(s *stepPlan, at Ptr, n int) op {
	weight, bias := e.classifier(kernels.Grad)
	in := e.p.Nodes[s.step.In[0]].Shape
	o := simple("linear_weight_gradient", e.p.Classes()*pitchOf(in.C), weight, bias, at, n)
	o.step = s.name()
	e.plans.countClassifier(&o, in, n)
	return o
}

// backwardOp is the launch of target k of step i of the order.
func (e *exec) backwardOp(b *backwardTable, i, k, n int, hold, sums bool) op {
	s := b.order.Steps[i]
	step := &e.plans.steps[s.Step+1]
	in := e.p.Nodes[s.Targets[k].Node].Shape
	t := e.plans.backTiling(step, in)
	_, tiles := t.tiles(in.H, in.W)
	o := op{step: step.name(), Launch: Launch{
		Kernel: step.backKernel, Grid: [3]int{n * tiles, t.slabs(pitchOf(in.C)), 1}, Block: [3]int{t.threads, 1, 1},
		Shared: t.shared, Args: words(b.targets[i][k], n, hold, sums),
	}}
	if step.step.Op == kernels.OpLinear {
		weight, _ := e.classifier(kernels.Data)
		o.Args = words(b.targets[i][k], weight, n, hold, sums)
	}
	e.plans.countBackward(&o, b, step, s.Targets[k], n, sums)
	return o
}

// clearUnreached makes zero the gradients of parameters that no step of a pass reaches.
func (e *exec) clearUnreached(b *backwardTable) error {
	var ids []kernels.ParamID
	for id, bn := range e.p.BNs {
		if b.gradient[e.plans.nodeOf[id]] < 0 {
			ids = append(ids, bn.Gamma, bn.Beta)
		}
	}
	if b.order.Weights {
		reached := map[int]bool{}
		for _, s := range b.order.Steps {
			reached[s.Step] = true
		}
		for i := range e.p.Steps {
			for _, branch := range e.p.Steps[i].Branches {
				if !reached[i] {
					ids = append(ids, branch.Weight)
				}
			}
		}
	}
	for _, id := range ids {
		at, err := e.store.address(id, kernels.Grad)
		if err != nil {
			return err
		}
		if err := e.d.driver.Fill(Compute, at, 0, 4*int64(e.store.params[id].Len())); err != nil {
			return err
		}
	}
	return nil
}

// SampleGradients writes every image's gradient of γ and β with statistics held: the sums of a backward pass before
// they are added up over images.
func (e *exec) SampleGradients(dst []float32) error {
	const what = "SampleGradients"
	if err := e.ready(what); err != nil {
		return err
	}
	columns := e.p.BNParams()
	if err := e.length(what, "gradients", len(dst), e.n*columns); err != nil {
		return err
	}
	return e.failed(what, e.sampleGradients(what, dst))
}

func (e *exec) sampleGradients(what string, dst []float32) error {
	b, err := e.fromLogits(what, route{Route: e.plans.all.Route, samples: true}, kernels.HoldStatistics)
	if err != nil {
		return err
	}
	if len(e.p.BNs) == 0 {
		return nil
	}
	var list []abiSampleBN
	column := 0
	for id, bn := range e.p.BNs {
		node := e.plans.nodeOf[id]
		c := e.p.Values[bn.Value].C
		s := abiSampleBN{channels: int64(c), pitch: int64(pitchOf(c)), column: int64(column)}
		if b.gradient[node] >= 0 {
			s.image = e.at(e.plans.sums[node])
		}
		for k, t := range e.p.Nodes[node].Terms {
			if t.BN == kernels.BNID(id) {
				s.term = int64(k)
			}
		}
		list = append(list, s)
		column += 2 * c
	}
	size := align(int64(len(bytesOf(list))))
	if err := e.d.probe.reserve(e.d, size+4*int64(len(dst))); err != nil {
		return err
	}
	if err := e.d.staging.upload(e.d.driver, e.d.probe.base, bytesOf(list)); err != nil {
		return err
	}
	out := e.d.probe.base + Ptr(size)
	if err := e.d.queue([]op{blocks("sample_gradients", len(list), e.n, out, e.d.probe.base, len(list), e.n, column)}); err != nil {
		return err
	}
	return e.d.driver.CopyOut(Compute, bytesOf(dst), out)
}

// NodeGradient propagates seed from one node to another with statistics held.
func (e *exec) NodeGradient(dst []float32, to kernels.NodeID, seed []float32, from kernels.NodeID) error {
	const what = "NodeGradient"
	if err := e.ready(what); err != nil {
		return err
	}
	if err := e.p.CheckNodes(to, from); err != nil {
		return e.fail(what, err)
	}
	start, end := e.p.Nodes[from].Shape, e.p.Nodes[to].Shape
	if err := e.length(what, "seed", len(seed), e.n*start.Len()); err != nil {
		return err
	}
	if err := e.length(what, "gradient", len(dst), e.n*end.Len()); err != nil {
		return err
	}
	return e.failed(what, e.nodeGradient(what, dst, to, seed, from))
}

func (e *exec) nodeGradient(what string, dst []float32, to kernels.NodeID, seed []float32, from kernels.NodeID) error {
	b, err := e.routeTable(route{Route: plan.Route{From: from, To: to}})
	if err != nil {
		return err
	}
	if b.gradient[to] < 0 {
		clear(dst)
		return nil
	}
	d := e.d
	start, end := e.p.Nodes[from].Shape, e.p.Nodes[to].Shape
	if err := d.probe.reserve(d, 4*int64(max(len(seed), len(dst)))+256); err != nil {
		return err
	}
	if err := d.staging.upload(d.driver, d.probe.base, bytesOf(seed)); err != nil {
		return err
	}
	in := d.moving.base + Ptr(b.gradient[from])
	if err := d.queue([]op{simple("to_map", e.n*start.H*start.W*pitchOf(start.C), in, d.probe.base, e.n, start.C, start.H, start.W)}); err != nil {
		return err
	}
	if err := e.walk(what, b, true, false); err != nil {
		return err
	}
	out := shaped(end)
	out.terms = 1
	out.term[0].value = d.moving.base + Ptr(b.gradient[to])
	return e.read(what, dst, out)
}
