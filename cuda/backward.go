package cuda

import (
	"bnas.example/cuda/driver"
	"bnas.example/kernels"
	"bnas.example/kernels/gpu"
	"bnas.example/kernels/plan"
)

// Backward writes the Grad slots of γ, β and the classifiers, and of the convolutions' weights if weights is set. It
// queues work and does not wait for it.
func (e *exec) Backward(s kernels.StatGrad, weights bool) error {
	if err := e.clearUnused(weights); err != nil {
		return err
	}
	b, err := e.fromLogits("backward", route{Route: plan.Route{From: plan.NoNode, To: plan.NoNode, Weights: weights}}, s)
	if err != nil {
		return err
	}
	return e.clearUnreached(b)
}

// fromLogits queues a backward pass to all parameters.
func (e *exec) fromLogits(kind string, r route, s kernels.StatGrad) (*backwardTable, error) {
	b, err := e.routeTable(r)
	if err != nil {
		return nil, err
	}
	return b, e.walk(kind, b, s == kernels.FreezeStatistics, true)
}

// walk queues the launches of a backward pass. sums: form dγ and dβ.
func (e *exec) walk(kind string, b *backwardTable, frozen, sums bool) error {
	if err := e.pack(gradientForm); err != nil {
		return err
	}
	n := e.n
	ops := func() []Work { return e.backwardOps(b, n, frozen, sums) }
	if !sums {
		return e.queue(ops()...)
	}
	return e.run(graphKey{kind: kind, n: n, frozen: frozen, weights: b.order.Weights}, ops)
}

func (e *exec) backwardOps(b *backwardTable, n int, frozen, sums bool) []Work {
	var ops []Work
	if frozen && len(e.plans.norms) > 0 {
		ops = append(ops, e.normsOp("batch_norm_frozen"))
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
			switch {
			case t.Node == plan.NoNode:
			case e.plans.naive(step):
				ops = append(ops, e.naiveBackward(b, i, k, n, frozen, sums)...)
			default:
				ops = append(ops, e.backwardOp(b, i, k, n, frozen, sums))
			}
		}
	}
	return ops
}

// classifierOp is the launch of the gradients of a classifier's weight and bias: a block for 64 channels of a class, or its bias.
func (e *exec) classifierOp(s *stepPlan, at driver.Ptr, n int) Work {
	weight, bias := e.classifier(s.step, kernels.Grad)
	in := e.p.Nodes[s.step.In[0]].Shape
	o := blocks("linear_weight_gradient", e.p.Classes()*((in.C+63)/64+1), 1, weight, bias, at, n)
	o.Step = s.name()
	e.plans.countClassifier(&o, in, n)
	if e.options.Trace != nil {
		o.Shape, o.Parts = e.plans.classifierShape(s, n), 1
	}
	return o
}

// backwardOp is the launch of target k of step i of the order.
func (e *exec) backwardOp(b *backwardTable, i, k, n int, frozen, sums bool) Work {
	s := b.order.Steps[i]
	step := &e.plans.steps[s.Step+1]
	in := e.p.Nodes[s.Targets[k].Node].Shape
	t := e.plans.backTiling(step, in)
	_, tiles := t.tiles(in.H, in.W)
	o := Work{Step: step.name(), Launch: driver.Launch{
		Kernel: step.backKernel, Grid: [3]int{n * tiles, t.channelTiles(pitchOf(in.C)), 1}, Block: [3]int{t.threads, 1, 1},
		Shared: t.shared, Args: words(b.targets[i][k], n, frozen, sums),
	}}
	if step.step.Op == kernels.OpLinear {
		weight, _ := e.classifier(step.step, kernels.Data)
		o.Args = words(b.targets[i][k], weight, n, frozen, sums)
	}
	e.plans.countBackward(&o, b, step, s.Targets[k], n, sums)
	if e.options.Trace != nil {
		o.Shape, o.Parts = e.plans.backwardShape(b, step, s.Targets[k], frozen, sums), n
	}
	return o
}

// clearUnused makes zero the gradients of the parameters of which the program uses a part only.
func (e *exec) clearUnused(weights bool) error {
	var ids []kernels.ParamID
	partly := func(id kernels.ParamID, used int) {
		if used < e.store.params[id].Len() {
			ids = append(ids, id)
		}
	}
	for _, b := range e.p.BNs {
		partly(b.Gamma, e.p.Values[b.Value].C)
		partly(b.Beta, e.p.Values[b.Value].C)
	}
	if !weights {
		return e.clearGradients(ids)
	}
	for i := range e.p.Steps {
		s := &e.p.Steps[i]
		for _, b := range s.Branches {
			partly(b.Weight, kernels.Param{Shape: e.p.WeightShape(s, b)}.Len())
		}
	}
	return e.clearGradients(ids)
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
	return e.clearGradients(ids)
}

func (e *exec) clearGradients(ids []kernels.ParamID) error {
	for _, id := range ids {
		at, err := e.store.address(id, kernels.Grad)
		if err != nil {
			return err
		}
		if err := e.driver.Fill(driver.Compute, at, 0, 4*int64(e.store.params[id].Len())); err != nil {
			return err
		}
	}
	return nil
}

// SampleGradients writes every image's gradient of γ and β with frozen statistics: the sums of a backward pass before
// they are added up over images.
func (e *exec) SampleGradients(dst []float32) error {
	norms, err := e.sampleNorms()
	if err != nil {
		return err
	}
	size := align(int64(len(bytesOf(norms))))
	if err := e.probe.reserve(e.driver, size+4*int64(len(dst))); err != nil {
		return err
	}
	if err := e.upload(e.probe.base, bytesOf(norms)); err != nil {
		return err
	}
	out := e.probe.base + driver.Ptr(size)
	if err := e.sampleInto(out, e.probe.base, len(norms)); err != nil || len(dst) == 0 {
		return err
	}
	return e.driver.CopyOut(driver.Compute, bytesOf(dst), out)
}

// samples is the route of the gradients of every image.
func (e *exec) samples() route { return route{Route: e.plans.all.Route, samples: true} }

// sampleNorms describes the columns of each BatchNorm in the images' gradients.
func (e *exec) sampleNorms() ([]gpu.SampleBN, error) {
	b, err := e.routeTable(e.samples())
	if err != nil {
		return nil, err
	}
	var list []gpu.SampleBN
	column := 0
	for id, bn := range e.p.BNs {
		node := e.plans.nodeOf[id]
		c := e.p.Values[bn.Value].C
		s := gpu.SampleBN{Channels: int64(c), Pitch: int64(pitchOf(c)), Column: int64(column)}
		if b.gradient[node] >= 0 {
			s.Image = e.at(e.plans.sums[node])
		}
		for k, t := range e.p.Nodes[node].Terms {
			if t.BN == kernels.BNID(id) {
				s.Term, s.Factor = int64(k), e.factor(e.plans.rows[node][k])
			}
		}
		list = append(list, s)
		column += 2 * c
	}
	return list, nil
}

// sampleInto queues a backward pass, and the images' gradients at dst, n×BNParams. The description of the BatchNorms is at norms.
func (e *exec) sampleInto(dst, norms driver.Ptr, count int) error {
	if _, err := e.fromLogits("sample gradients", e.samples(), kernels.FreezeStatistics); err != nil || count == 0 {
		return err
	}
	return e.queue(blocks("sample_gradients", count, min(e.n, mostBlocksY), dst, norms, count, e.n, e.p.BNParams()))
}

// NodeGradient propagates seed from one node to another with frozen statistics.
func (e *exec) NodeGradient(dst []float32, to kernels.NodeID, seed []float32, from kernels.NodeID) error {
	at, err := e.propagate(to, seed, from)
	if err != nil || at == 0 {
		clear(dst)
		return err
	}
	out := shaped(e.p.Nodes[to].Shape)
	out.Terms = 1
	out.Term[0].Value = at
	return e.read(dst, out)
}

// propagate queues that, and returns where the gradient will be, a map; 0 if no path leads there.
func (e *exec) propagate(to kernels.NodeID, seed []float32, from kernels.NodeID) (driver.Ptr, error) {
	b, err := e.routeTable(route{Route: plan.Route{From: from, To: to}})
	if err != nil || b.gradient[to] < 0 {
		return 0, err
	}
	start := e.p.Nodes[from].Shape
	if err := e.probe.reserve(e.driver, 4*int64(len(seed))); err != nil {
		return 0, err
	}
	if err := e.upload(e.probe.base, bytesOf(seed)); err != nil {
		return 0, err
	}
	in := e.gradients.base + driver.Ptr(b.gradient[from])
	if err := e.queue(simple("to_map", e.n*start.H*start.W*pitchOf(start.C), in, e.probe.base, e.n, start.C, start.H, start.W)); err != nil {
		return 0, err
	}
	return e.gradients.base + driver.Ptr(b.gradient[to]), e.walk("node gradient", b, true, false)
}

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
func (e *exec) weightGradients(t *table, s *stepPlan, outs []gpu.Incoming, b *backwardTable) ([]driver.Ptr, error) {
	var list []driver.Ptr
	for k, v := range s.outs {
		w := e.plans.weightTiling(s, k)
		gradient, err := e.store.address(s.step.Branches[k].Weight, kernels.Grad)
		if err != nil {
			return nil, err
		}
		out := e.p.Values[v]
		list = append(list, put(t, gpu.WeightGradient{
			In: e.node(s.step.In[0], s.step.Act), Out: outs[k], Height: int64(out.H), Width: int64(out.W), Window: windowOf(s.step),
			Gradient: gradient, Row: int64(e.store.params[s.step.Branches[k].Weight].View(e.p.WeightShape(s.step, s.step.Branches[k])...).Stride),
			Partial: e.gradients.base + driver.Ptr(b.scratch), Arrived: e.own + driver.Ptr(e.plans.arrived),
			Chunks: int64(w.chunks), TileH: int64(w.tileH), TileW: int64(w.tileW), TileOut: int64(w.tileOut), TileIn: int64(w.tileIn),
		}))
	}
	return list, nil
}

// weightOp is the launch for branch k.
func (e *exec) weightOp(s *stepPlan, k int, at driver.Ptr, b *backwardTable, n int) Work {
	w := e.plans.weightTiling(s, k)
	o := Work{Step: s.name(), Launch: driver.Launch{
		Kernel: "conv_weight_gradient", Grid: [3]int{w.blocks, w.chunks, 1}, Block: [3]int{w.threads, 1, 1}, Shared: w.shared,
		Args: words(at, n),
	}}
	e.plans.countWeight(&o, b, s, k, n)
	return o
}
