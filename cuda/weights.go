package cuda

import "bnas.example/kernels"

// The gradients of convolutions' weights, for training all parameters: one launch a convolution, whose blocks add up
// chunks of the batch and whose last block adds the chunks, in order.

// weightTiling is how the launch for branch k of a convolution is cut; an image is the least that a chunk has.
func (a *plans) weightTiling(s *stepPlan, k int) weightTiling {
	in, out := a.p.Nodes[s.step.In[0]].Shape, a.p.Values[s.outs[k]].Shape
	t := weightGradientTiling(in, out, s.step.Window, s.step.Groups)
	if t.chunks > a.n {
		t.partial = t.partial / t.chunks * a.n
		t.chunks = a.n
	}
	return t
}

// eachWeight visits every convolution.
func (a *plans) eachWeight(visit func(s *stepPlan, k int)) {
	for i := range a.steps {
		if s := &a.steps[i]; s.step != nil && s.step.Op == kernels.OpConv {
			for k := range s.outs {
				visit(s, k)
			}
		}
	}
}

// weightScratch is the room for the chunks' partial sums, in bytes: the launches use it one after the other.
func (a *plans) weightScratch() (most int64) {
	a.eachWeight(func(s *stepPlan, k int) { most = max(most, 4*int64(a.weightTiling(s, k).partial)) })
	return align(most)
}

// weightGradients describes the launches of a convolution's branches.
func (e *exec) weightGradients(t *table, s *stepPlan, outs []abiIncoming, b *backwardTable) ([]Ptr, error) {
	var list []Ptr
	for k, v := range s.outs {
		w := e.plans.weightTiling(s, k)
		gradient, err := e.store.address(s.step.Branches[k].Weight, kernels.Grad)
		if err != nil {
			return nil, err
		}
		out := e.p.Values[v]
		list = append(list, put(t, abiWeightGradient{
			in: e.node(s.step.In[0], s.step.Act), out: outs[k], height: int64(out.H), width: int64(out.W), window: windowOf(s.step),
			gradient: gradient, partial: e.d.moving.base + Ptr(b.scratch), arrived: e.own + Ptr(e.plans.arrived),
			chunks: int64(w.chunks), tileH: int64(w.tileH), tileW: int64(w.tileW), slabOut: int64(w.slabOut), slabIn: int64(w.slabIn),
		}))
	}
	return list, nil
}

// weightOp is the launch for branch k.
func (e *exec) weightOp(s *stepPlan, k int, at Ptr, b *backwardTable, n int) op {
	w := e.plans.weightTiling(s, k)
	o := op{step: s.name(), Launch: Launch{
		Kernel: "conv_weight_gradient", Grid: [3]int{w.blocks, w.chunks, 1}, Block: [3]int{w.threads, 1, 1}, Shared: w.shared,
		Args: words(at, n),
	}}
	e.plans.countWeight(&o, b, s, k, n)
	return o
}
