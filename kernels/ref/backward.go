package ref

import (
	"slices"

	"bnas.example/kernels"
)

// pass is one backward pass. It holds the gradients of nodes and values; nil means zero.
type pass struct {
	e       *Exec
	mode    kernels.StatGrad
	weights bool
	nodes   [][]float64
	values  [][]float64
	sample  []float64 // n×BNParams
	grads   map[kernels.ParamID][]float64
}

func (e *Exec) newPass(mode kernels.StatGrad, weights bool) *pass {
	return &pass{
		e:       e,
		mode:    mode,
		weights: weights,
		nodes:   make([][]float64, len(e.p.Nodes)),
		values:  make([][]float64, len(e.p.Values)),
		sample:  make([]float64, e.n*e.p.BNParams()),
		grads:   map[kernels.ParamID][]float64{},
	}
}

// run goes through all steps in reverse order, from the last to step first. A value's gradient is complete before run reaches the
// value's own step, because every step that loads the value comes later in the program.
func (b *pass) run(first int) error {
	for i := len(b.e.p.Steps) - 1; i >= first; i-- {
		if err := b.e.stopped(); err != nil {
			return err
		}
		s := &b.e.p.Steps[i]
		for _, v := range s.Outputs() {
			b.value(v)
			b.values[v] = b.e.noisy(b.values[v])
		}
		b.step(s)
	}
	return nil
}

// value sums the gradient of a stored value over the nodes that it enters.
func (b *pass) value(v kernels.ValueID) {
	e := b.e
	for n, node := range e.p.Nodes {
		delta := b.nodes[n]
		if delta == nil {
			continue
		}
		for k, t := range node.Terms {
			if t.Value != v {
				continue
			}
			dx, dy := grown(&b.values[v], len(delta)), e.scaled(delta, e.rows[n][k])
			if t.BN == kernels.NoBN {
				add(dx, dy)
				continue
			}
			b.batchNorm(t.BN, dx, dy)
		}
	}
}

// batchNorm adds to dx the gradient through a BatchNorm with δ at its output. It records the gradients of γ and β.
func (b *pass) batchNorm(id kernels.BNID, dx, delta []float64) {
	e, bn := b.e, b.e.norm(id)
	c, xhat := bn.shape.C, bn.normalised(e.n)
	dGamma, dBeta := bn.params(e.noisy(delta), e.noisy(xhat), e.n)
	sumGamma, sumBeta := make([]float64, c), make([]float64, c)
	for i := range e.n {
		row := b.sample[i*e.p.BNParams()+e.columns[id]:]
		copy(row[:c], dGamma[i*c:])
		copy(row[c:2*c], dBeta[i*c:])
		add(sumGamma, dGamma[i*c:(i+1)*c])
		add(sumBeta, dBeta[i*c:(i+1)*c])
	}
	sumGamma, sumBeta, delta = e.noisy(sumGamma), e.noisy(sumBeta), e.noisy(delta)
	b.keep(e.p.BNs[id].Gamma, sumGamma, c)
	b.keep(e.p.BNs[id].Beta, sumBeta, c)
	if b.mode == kernels.FreezeStatistics {
		bn.frozen(dx, delta, e.n)
	} else {
		bn.differentiated(dx, delta, e.noisy(xhat), sumGamma, sumBeta, e.n)
	}
}

// step propagates the gradients of the values that s stores to its loaded nodes and its weights.
func (b *pass) step(s *kernels.Step) {
	e := b.e
	in := e.p.Nodes[s.In[0]].Shape
	dy := b.values[s.Outputs()[0]]
	if s.Op != kernels.OpConv && dy == nil {
		return
	}
	switch s.Op {
	case kernels.OpConv:
		for _, branch := range s.Branches {
			b.conv(s, branch)
		}
	case kernels.OpMaxPool:
		u := activate(e.gate(s.In[0]), s.Act)
		b.pool(s, in, func(i int, du, dy []float64, g geometry) { maxPoolInput(du, image(u, i, in), dy, g) })
	case kernels.OpAvgPool:
		b.pool(s, in, func(_ int, du, dy []float64, g geometry) { avgPoolInput(du, dy, g) })
	case kernels.OpSum:
		b.loaded(s.In[0], s.Act, dy)
	case kernels.OpConcat:
		sizes := make([]int, len(s.In))
		for k, node := range s.In {
			sizes[k] = e.p.Nodes[node].Len()
		}
		for k, du := range split(dy, sizes, e.n) {
			b.loaded(s.In[k], s.Act, du)
		}
	case kernels.OpGlobalAvg:
		b.loaded(s.In[0], s.Act, globalAvgInput(dy, in))
	case kernels.OpLinear:
		dw, db := linearParams(e.load(s.In[0], s.Act), dy, e.n)
		b.grads[s.Weight] = dw
		if s.Bias != kernels.NoParam {
			b.grads[s.Bias] = db
		}
		b.loaded(s.In[0], s.Act, linearInput(e.noisy(e.data(s.Weight, e.p.Classes(), in.C)), dy, e.n))
	}
}

func (b *pass) conv(s *kernels.Step, branch kernels.Branch) {
	dy := b.values[branch.Out]
	if dy == nil {
		return
	}
	e := b.e
	in := e.p.Nodes[s.In[0]].Shape
	g := e.geometry(s, in, branch.Out)
	w := e.weight(s, branch)
	du := make([]float64, e.n*in.Len())
	f := operand(e.rounding.Gradient, s.Groups)
	rw, rdy := e.rounding.each(f, e.noisy(w)), e.rounding.each(f, e.noisyMaps(dy, g.out, s.Window))
	parallel(e.n, func(i int) { convInput(image(du, i, in), rw, image(rdy, i, g.out), g) })
	b.loaded(s.In[0], s.Act, du)
	if !b.weights {
		return
	}
	u, dy := e.noisyMaps(e.load(s.In[0], s.Act), in, s.Window), e.noisyMaps(dy, g.out, s.Window)
	each := make([][]float64, e.n)
	parallel(e.n, func(i int) {
		each[i] = make([]float64, len(w))
		convWeight(each[i], image(u, i, in), image(dy, i, g.out), g)
	})
	dw := make([]float64, len(w))
	for _, d := range each {
		add(dw, d)
	}
	b.keep(branch.Weight, dw, e.p.WeightShape(s, branch)...)
}

// keep records the gradient of the part of a parameter that has the given shape. The gradient of the rest is 0.
func (b *pass) keep(id kernels.ParamID, part []float64, shape ...int) {
	p := b.e.store.Params()[id]
	b.grads[id] = make([]float64, p.Len())
	kernels.Scatter(p.View(shape...), b.grads[id], part)
}

func (b *pass) pool(s *kernels.Step, in kernels.Shape, input func(i int, du, dy []float64, g geometry)) {
	e := b.e
	g := e.geometry(s, in, s.Out)
	du := make([]float64, e.n*in.Len())
	parallel(e.n, func(i int) { input(i, image(du, i, in), image(b.values[s.Out], i, g.out), g) })
	b.loaded(s.In[0], s.Act, du)
}

// loaded propagates du, the gradient of act(node), to the node.
func (b *pass) loaded(node kernels.NodeID, act kernels.Activation, du []float64) {
	dz := grown(&b.nodes[node], len(du))
	if act == kernels.Linear {
		add(dz, du)
		return
	}
	for i, z := range b.e.gate(node) {
		if passes(z, act) {
			dz[i] += du[i]
		}
	}
}

// grown returns *x and allocates it first if it is nil.
func grown(x *[]float64, n int) []float64 {
	if *x == nil {
		*x = make([]float64, n)
	}
	return *x
}

func add(dst, src []float64) {
	for i, v := range src {
		dst[i] += v
	}
}

// Backward writes the Grad slots.
func (e *Exec) Backward(mode kernels.StatGrad, weights bool) error {
	b, err := e.fromLogits(mode, weights)
	if err != nil {
		return err
	}
	e.grads = b.grads
	for _, id := range e.written(weights) {
		grad := e.store.Slice(id, kernels.Grad)
		clear(grad)
		toFloat32(grad, b.grads[id])
	}
	return nil
}

// fromLogits runs a pass that starts at the logits.
func (e *Exec) fromLogits(mode kernels.StatGrad, weights bool) (*pass, error) {
	b := e.newPass(mode, weights)
	for k, c := range e.p.Classifiers() {
		if k < len(e.dLogits) {
			b.values[c.Out] = e.dLogits[k]
		}
	}
	return b, b.run(0)
}

// written lists the parameters whose gradients Backward writes.
func (e *Exec) written(weights bool) []kernels.ParamID {
	var ids []kernels.ParamID
	for _, b := range e.p.BNs {
		ids = append(ids, b.Gamma, b.Beta)
	}
	for _, c := range e.p.Classifiers() {
		ids = append(ids, c.Weight)
		if c.Bias != kernels.NoParam {
			ids = append(ids, c.Bias)
		}
	}
	if weights {
		for _, s := range e.p.Steps {
			for _, b := range s.Branches {
				ids = append(ids, b.Weight)
			}
		}
	}
	return ids
}

// SampleGradients writes the gradient of γ and β for each image, with frozen statistics.
func (e *Exec) SampleGradients(dst []float32) error {
	b, err := e.fromLogits(kernels.FreezeStatistics, false)
	if err != nil {
		return err
	}
	e.sample = b.sample
	toFloat32(dst, b.sample)
	return nil
}

// NodeGradient propagates the gradient seed from one node to another.
func (e *Exec) NodeGradient(dst []float32, to kernels.NodeID, seed []float32, from kernels.NodeID) error {
	g, err := e.nodeGradient(to, seed, from)
	clear(dst)
	toFloat32(dst, g)
	return err
}

// nodeGradient returns the gradient at to, nil if the seed does not reach it.
func (e *Exec) nodeGradient(to kernels.NodeID, seed []float32, from kernels.NodeID) ([]float64, error) {
	b := e.newPass(kernels.FreezeStatistics, false)
	b.nodes[from] = widen(seed)
	err := b.run(e.firstReader(to))
	return b.nodes[to], err
}

// firstReader returns the first step that reads a node. What comes before it does not change the gradient at the node.
func (e *Exec) firstReader(n kernels.NodeID) int {
	first := slices.IndexFunc(e.p.Steps, func(s kernels.Step) bool { return slices.Contains(s.In, n) })
	if first < 0 {
		return len(e.p.Steps)
	}
	return first
}

// NodeProducts propagates the seed and sums the products of the result's channels and the seed's.
func (e *Exec) NodeProducts(dst []float64, to kernels.NodeID, seed []float32, from kernels.NodeID) error {
	g, err := e.nodeGradient(to, seed, from)
	clear(dst)
	if err != nil || g == nil {
		return err
	}
	end, start := e.p.Nodes[to].Shape, e.p.Nodes[from].Shape
	h, w := end.H/start.H, end.W/start.W
	for at, v := range e.noisy(g) {
		x, y, c, i := at%end.W, at/end.W%end.H, at/(end.H*end.W)%end.C, at/end.Len()
		row := (c*h+y%h)*w + x%w
		for k := range start.C {
			dst[row*start.C+k] += v * float64(seed[((i*start.C+k)*start.H+y/h)*start.W+x/w])
		}
	}
	return nil
}
