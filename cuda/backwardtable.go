package cuda

import (
	"bnas.example/cuda/driver"
	"bnas.example/kernels"
	"bnas.example/kernels/gpu"
	"bnas.example/kernels/plan"
)

// route is a way back: samples, where the sums of single images are wanted and no gradient is to be written.
type route struct {
	plan.Route
	samples bool
}

// backwardTable is what the launches of one route back are given, laid out for the addresses of the buffers.
type backwardTable struct {
	base       driver.Ptr
	generation int // of the gradient buffer
	samples    bool
	order      *plan.Backward
	gradient   []int64 // of each node, in the gradient buffer
	size       int64
	targets    [][]driver.Ptr // gpu.Backward of each target of each step of the order
	weights    [][]driver.Ptr // gpu.WeightGradient of each branch of each step of the order, with weights
	scratch    int64          // partial weight gradients, in the gradient buffer
}

// routeTable returns the table of a route, made anew if the buffers have moved.
func (e *exec) routeTable(r route) (*backwardTable, error) {
	b := e.back[r]
	if b == nil {
		b = &backwardTable{order: e.plans.all, samples: r.samples, gradient: e.plans.gradient, size: e.plans.gradientBytes}
		if r.Route != e.plans.all.Route {
			b.order = plan.NewBackward(e.p, e.plans.uses, nil, r.Route)
			if err := e.plans.checkBackward(b.order, e.properties.SharedMemory); err != nil {
				return nil, err
			}
			b.gradient, b.size = e.plans.place(b.order)
		}
		if r.Weights {
			b.scratch = b.size
			b.size += e.plans.weightScratch()
		}
		e.back[r] = b
	}
	if err := e.gradients.reserve(e.driver, b.size); err != nil {
		return nil, err
	}
	if b.base != 0 && b.generation == e.gradients.generation {
		return b, nil
	}
	e.holding.release(b.base)
	for key := range e.graphs {
		if key.kind != "forward" {
			delete(e.graphs, key)
		}
	}
	base, err := e.placeTable(func(t *table) error { return e.buildBackward(t, b) })
	b.base, b.generation = base, e.gradients.generation
	return b, err
}

func (e *exec) buildBackward(t *table, b *backwardTable) error {
	b.targets, b.weights = nil, nil
	for _, s := range b.order.Steps {
		step := &e.plans.steps[s.Step+1]
		outs, err := e.incoming(t, step, b)
		if err != nil {
			return err
		}
		out := put(t, outs...)
		var targets []driver.Ptr
		column := 0
		for k, target := range s.Targets {
			node := step.step.In[min(k, len(step.step.In)-1)]
			d := e.backward(step, node, target, b)
			d.Out, d.Outs, d.Column = out, int64(len(outs)), int64(column)
			targets = append(targets, put(t, d))
			column += e.p.Nodes[node].C
		}
		b.targets = append(b.targets, targets)
		if b.order.Weights && step.step.Op == kernels.OpConv {
			weights, err := e.weightGradients(t, step, outs, b)
			if err != nil {
				return err
			}
			b.weights = append(b.weights, weights)
		} else {
			b.weights = append(b.weights, nil)
		}
	}
	return nil
}

// backward describes the addition to the gradient of a node that a step loads. Without a target it still describes
// the load, for the gradients of a classifier.
func (e *exec) backward(s *stepPlan, node kernels.NodeID, target plan.Target, b *backwardTable) gpu.Backward {
	out, in := e.p.Values[s.outs[0]], e.p.Nodes[node].Shape
	d := gpu.Backward{
		Columns: int64(s.columns), Height: int64(out.H), Width: int64(out.W), Window: windowOf(s.step),
		In: e.node(node, s.step.Act), Tiling: e.plans.backTiling(s, in).abi(in),
	}
	if target.Node == plan.NoNode {
		return d
	}
	d.Gradient = e.gradients.base + driver.Ptr(b.gradient[node])
	if !target.First {
		d.Add = 1
	}
	if sums := e.plans.sums[node]; target.Last && sums >= 0 {
		d.Last = 1
		d.Sums = gpu.Sums{Tile: e.at(e.plans.tiles), Image: e.at(sums), Arrived: e.own + driver.Ptr(e.plans.arrived)}
		for k, t := range e.p.Nodes[node].Terms {
			if t.BN != kernels.NoBN && !b.samples {
				d.Sums.Norm[k] = e.norm(t.BN)
			}
		}
	}
	return d
}

// norm is where a BatchNorm is described.
func (e *exec) norm(id kernels.BNID) driver.Ptr {
	return e.forward.norms + driver.Ptr(e.plans.normAt[id])*normBytes
}

// incoming describes the gradients of a step's values.
func (e *exec) incoming(t *table, s *stepPlan, b *backwardTable) ([]gpu.Incoming, error) {
	var outs []gpu.Incoming
	for k, v := range s.outs {
		sources := e.sources(v, b)
		d := gpu.Incoming{
			Value: e.at(e.plans.values[v]), Source: put(t, sources...), Sources: int64(len(sources)),
			Channels: int64(e.p.Values[v].C), Pitch: int64(pitchOf(e.p.Values[v].C)), Column: int64(e.plans.column[v]),
			Half: e.plans.half(v),
		}
		if s.step.Op == kernels.OpConv {
			w, err := e.store.packedForm(e.packKey(s.step, s.step.Branches[k], s.backForm))
			if err != nil {
				return nil, err
			}
			d.Weight = w
		}
		outs = append(outs, d)
	}
	return outs, nil
}

// sources are the nodes with a gradient that a value enters.
func (e *exec) sources(v kernels.ValueID, b *backwardTable) []gpu.Source {
	var sources []gpu.Source
	if at := e.plans.dLogits[v]; at >= 0 && b.order.From == plan.NoNode {
		sources = append(sources, gpu.Source{Gradient: e.at(at)})
	}
	for _, u := range e.plans.uses[v] {
		if b.gradient[u.Node] < 0 {
			continue
		}
		s := gpu.Source{Gradient: e.gradients.base + driver.Ptr(b.gradient[u.Node]), Factor: e.factor(u.Row)}
		if u.BN != kernels.NoBN {
			s.Slope = e.own + driver.Ptr(e.plans.slope[u.BN])
		}
		sources = append(sources, s)
	}
	return sources
}
