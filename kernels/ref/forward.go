package ref

import "bnas.example/kernels"

// Forward runs the program.
func (e *Exec) Forward(images []float32, statRows int) error {
	e.n = len(images) / e.p.Values[kernels.Images].Len()
	e.gates = map[kernels.NodeID][]float32{}
	e.dLogits, e.sample, e.grads = nil, nil, nil
	e.values[kernels.Images] = widen(images)
	normalised := map[kernels.ValueID]bool{}
	for _, b := range e.p.BNs {
		normalised[b.Value] = true
	}
	for i := range e.p.Steps {
		if err := e.stopped(); err != nil {
			return err
		}
		s := &e.p.Steps[i]
		e.compute(s)
		for _, v := range s.Outputs() {
			e.values[v] = e.noisy(e.values[v])
			if s := e.p.Values[v].Shape; s.H*s.W > 1 {
				e.values[v] = e.rounding.each(e.rounding.Stored, e.values[v])
			}
			if statRows > 0 && normalised[v] {
				mean, variance := statistics(e.values[v], statRows, e.p.Values[v].Shape)
				e.mean[v], e.variance[v] = e.noisy(mean), e.noisy(variance)
			}
		}
	}
	return nil
}

// Restrict drops all images of the last Forward but the first n.
func (e *Exec) Restrict(n int) error {
	e.n = n
	e.gates = map[kernels.NodeID][]float32{}
	e.dLogits, e.sample, e.grads = nil, nil, nil
	for v := range e.values {
		e.values[v] = e.values[v][:n*e.p.Values[v].Len()]
	}
	return nil
}

// compute stores what s computes from act(node).
func (e *Exec) compute(s *kernels.Step) {
	in := e.p.Nodes[s.In[0]].Shape
	var u []float64
	if s.Op != kernels.OpConcat {
		u = e.load(s.In[0], s.Act)
	}
	switch s.Op {
	case kernels.OpConv:
		f := operand(e.rounding.Operand, s.Groups)
		u = e.rounding.each(f, e.noisyMaps(u, in, s.Window))
		for _, b := range s.Branches {
			g := e.geometry(s, in, b.Out)
			y := make([]float64, e.n*g.out.Len())
			w := e.rounding.each(f, e.noisy(e.weight(s, b)))
			parallel(e.n, func(i int) { conv(image(y, i, g.out), w, image(u, i, in), g) })
			e.values[b.Out] = y
		}
	case kernels.OpMaxPool, kernels.OpAvgPool:
		g := e.geometry(s, in, s.Out)
		y := make([]float64, e.n*g.out.Len())
		pool := maxPool
		if s.Op == kernels.OpAvgPool {
			pool = avgPool
		}
		parallel(e.n, func(i int) { pool(image(y, i, g.out), image(u, i, in), g) })
		e.values[s.Out] = y
	case kernels.OpSum:
		e.values[s.Out] = u
	case kernels.OpConcat:
		parts := make([][]float64, len(s.In))
		for k, node := range s.In {
			parts[k] = e.load(node, s.Act)
		}
		e.values[s.Out] = concat(parts, e.n, e.p.Values[s.Out].Len())
	case kernels.OpGlobalAvg:
		e.values[s.Out] = globalAvg(u, in)
	case kernels.OpLinear:
		var bias []float64
		if s.Bias != kernels.NoParam {
			bias = e.data(s.Bias, e.p.Classes())
		}
		e.values[s.Out] = linear(e.noisy(e.data(s.Weight, e.p.Classes(), in.C)), bias, u, e.n)
	}
}

// geometry is a window step's shapes and window.
func (e *Exec) geometry(s *kernels.Step, in kernels.Shape, out kernels.ValueID) geometry {
	return geometry{in: in, out: e.p.Values[out].Shape, Window: s.Window, groups: s.Groups}
}

// image is the i-th image's part of x.
func image(x []float64, i int, s kernels.Shape) []float64 { return x[i*s.Len() : (i+1)*s.Len()] }

// Logits writes n×Classes.
func (e *Exec) Logits(dst []float32) error {
	toFloat32(dst, e.values[e.p.Logits()])
	return nil
}
