package cuda

import (
	"bnas.example/cuda/driver"
	"bnas.example/kernels"
	"bnas.example/kernels/gpu"
)

// forwardTable is what the forward launches are given, laid out for one address of the saved buffer.
type forwardTable struct {
	base       driver.Ptr
	generation int          // of the saved buffer
	steps      []driver.Ptr // gpu.Forward of each step, the images' first
	norms      driver.Ptr   // []gpu.BatchNorm
}

func (e *exec) buildForward(t *table) (err error) {
	a, f := e.plans, &e.forward
	f.steps = nil
	norms := make([]gpu.BatchNorm, len(a.norms))
	for k, id := range a.norms {
		if norms[k], err = e.batchNorm(id); err != nil {
			return err
		}
	}
	f.norms = put(t, norms...)
	for _, c := range a.classifiers {
		for _, slot := range []kernels.Slot{kernels.Data, kernels.Grad} { // that classifier takes for made
			if _, err := e.store.address(c.Weight, slot); err != nil {
				return err
			}
		}
	}
	for i := range a.steps {
		s := &a.steps[i]
		out := e.p.Values[s.outs[0]]
		d := gpu.Forward{Columns: int64(s.columns), Height: int64(out.H), Width: int64(out.W)}
		d.Tiling = s.forward.abi(out.Shape)
		if d.Out, err = e.outputs(t, s); err != nil {
			return err
		}
		d.Outs = int64(len(s.outs))
		if s.step != nil {
			d.Window = windowOf(s.step)
			var in []gpu.Node
			for _, n := range s.step.In {
				in = append(in, e.node(n, s.step.Act))
			}
			d.In, d.Ins = put(t, in...), int64(len(in))
		}
		if len(s.norms) > 0 {
			mean := e.moment(i)
			d.Statistics = gpu.Statistics{
				Tile: e.at(a.tiles), Image: e.at(a.images), Arrived: e.own + driver.Ptr(a.arrived),
				Mean: mean, Variance: mean + driver.Ptr(8*s.columns),
				Norm: e.norm(s.norms[0]), Norms: int64(len(s.norms)),
			}
		}
		f.steps = append(f.steps, put(t, d))
	}
	return nil
}

func (t tiling) abi(s kernels.Shape) gpu.Tiling {
	across, all := t.tiles(s.H, s.W)
	return gpu.Tiling{TileH: int64(t.tileH), TileW: int64(t.tileW), TilesX: int64(across), Tiles: int64(all), ChannelTile: int64(t.channelTile)}
}

func windowOf(s *kernels.Step) gpu.Window {
	return gpu.Window{Kernel: int64(s.Kernel), Stride: int64(s.Stride), Pad: int64(s.Pad), Dilation: int64(s.Dilation), Groups: int64(s.Groups)}
}

func (e *exec) outputs(t *table, s *stepPlan) (driver.Ptr, error) {
	var outs []gpu.Output
	for k, v := range s.outs {
		o := gpu.Output{
			Value: e.at(e.plans.values[v]), Channels: int64(e.p.Values[v].C), Pitch: int64(pitchOf(e.p.Values[v].C)),
			Column: int64(e.plans.column[v]), Half: e.plans.half(v),
		}
		if s.step != nil && s.step.Op == kernels.OpConv {
			w, err := e.store.packedForm(e.packKey(s.step, s.step.Branches[k], s.form))
			if err != nil {
				return 0, err
			}
			o.Weight = w
		}
		outs = append(outs, o)
	}
	return put(t, outs...), nil
}

func (e *exec) batchNorm(id kernels.BNID) (gpu.BatchNorm, error) {
	a, b := e.plans, e.p.BNs[id]
	step := a.stepOf[b.Value]
	mean := e.moment(step) + driver.Ptr(8*a.column[b.Value])
	n := gpu.BatchNorm{
		Affine: e.own + driver.Ptr(a.affine[id]), Slope: e.own + driver.Ptr(a.slope[id]),
		Moments: mean, Variance: mean + driver.Ptr(8*a.steps[step].columns),
		Eps: b.Eps, Channels: int64(e.p.Values[b.Value].C), Column: int64(a.column[b.Value]),
	}
	for _, x := range []struct {
		to   *driver.Ptr
		id   kernels.ParamID
		slot kernels.Slot
	}{{&n.Gamma, b.Gamma, kernels.Data}, {&n.Beta, b.Beta, kernels.Data}, {&n.Dgamma, b.Gamma, kernels.Grad}, {&n.Dbeta, b.Beta, kernels.Grad}} {
		at, err := e.store.address(x.id, x.slot)
		if err != nil {
			return n, err
		}
		*x.to = at
	}
	return n, nil
}

// node describes a load.
func (e *exec) node(id kernels.NodeID, act kernels.Activation) gpu.Node {
	n := e.p.Nodes[id]
	d := shaped(n.Shape)
	d.Terms, d.Activation = int64(len(n.Terms)), activations[act]
	rows := e.plans.rows[id]
	for k, t := range n.Terms {
		d.Term[k].Value, d.Term[k].Half = e.at(e.plans.values[t.Value]), e.plans.half(t.Value)
		if t.BN != kernels.NoBN {
			d.Term[k].Affine = e.own + driver.Ptr(e.plans.affine[t.BN])
		}
		d.Term[k].Factor = e.factor(rows[k])
	}
	return d
}

func shaped(s kernels.Shape) gpu.Node {
	return gpu.Node{Channels: int64(s.C), Pitch: int64(pitchOf(s.C)), Height: int64(s.H), Width: int64(s.W)}
}

// prepare makes sure that the buffers and the table are there and that the weights are packed.
func (e *exec) prepare() error {
	if err := e.saved.reserve(e.driver, e.plans.saved.size); err != nil {
		return err
	}
	if e.forward.base == 0 || e.forward.generation != e.saved.generation {
		e.forget()
		base, err := e.placeTable(e.buildForward)
		if err != nil {
			return err
		}
		e.forward.base, e.forward.generation = base, e.saved.generation
	}
	return e.pack(forwardForm)
}

// placeTable builds a table for the address of a block in which it will fit, and sends it. Tables have about one size: the block is
// that for the largest so far, and the table is built again for a larger one if it does not fit.
func (e *exec) placeTable(build func(*table) error) (driver.Ptr, error) {
	for {
		base, err := e.holding.take(e.driver, e.tables.largest)
		if err != nil {
			return 0, err
		}
		t := table{base: base, bytes: e.tables.host[:0]}
		err = build(&t)
		fits := int64(len(t.bytes)) <= e.tables.largest
		e.tables.host, e.tables.largest = t.bytes, max(e.tables.largest, int64(len(t.bytes)))
		if err == nil && fits {
			err = e.upload(base, t.bytes)
		}
		if err == nil && fits {
			return base, nil
		}
		e.holding.release(base)
		if err != nil {
			return 0, err
		}
	}
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
			if err := e.store.pack(e.packKey(s.step, b, f)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Forward runs the program. It queues work and does not wait for it.
func (e *exec) Forward(images []float32, statRows int) error {
	n := len(images) / e.p.Values[kernels.Images].Len()
	return e.forwardOf(n, statRows, func() (driver.Ptr, error) {
		at, _, err := e.inputs.bring(bytesOf(images))
		return at, err
	})
}

// forwardOf runs the program on n images that bring queues.
func (e *exec) forwardOf(n, statRows int, bring func() (driver.Ptr, error)) error {
	if err := e.prepare(); err != nil {
		return err
	}
	at, err := bring()
	if err != nil {
		return err
	}
	if err := e.queue(e.imagesOp(at, n, statRows)); err != nil {
		return err
	}
	if err := e.inputs.taken(); err != nil {
		return err
	}
	e.n = n
	return e.run(graphKey{kind: "forward", n: n, rows: statRows}, func() []Work { return e.forwardOps(n, statRows) })
}

// Restrict drops all images of the last Forward but the first n.
func (e *exec) Restrict(n int) error {
	e.n = n
	return nil
}

func (e *exec) imagesOp(at driver.Ptr, n, statRows int) Work {
	o := e.forwardOp(0, n, statRows)
	o.Args = words(e.forward.steps[0], at, n, statRows)
	o.Read += 4 * int64(n) * int64(e.p.Values[kernels.Images].Len())
	return o
}

// forwardOps are the launches of a forward pass after the images'.
func (e *exec) forwardOps(n, statRows int) []Work {
	var ops []Work
	if statRows == 0 && len(e.plans.norms) > 0 {
		ops = append(ops, e.normsOp("batch_norm_given"))
	}
	for i := 1; i < len(e.plans.steps); i++ {
		if e.plans.naive(&e.plans.steps[i]) {
			ops = append(ops, e.naiveForward(i, n, statRows)...)
			continue
		}
		ops = append(ops, e.forwardOp(i, n, statRows))
	}
	return ops
}

// normsOp is a launch over all BatchNorms.
func (e *exec) normsOp(kernel string) Work {
	k := len(e.plans.norms)
	o := blocks(kernel, k, 1, e.forward.norms, k)
	e.plans.countNorms(&o)
	return o
}

func (e *exec) forwardOp(i, n, statRows int) Work {
	s := &e.plans.steps[i]
	out := e.p.Values[s.outs[0]].Shape
	_, tiles := s.forward.tiles(out.H, out.W)
	o := Work{Step: s.name(), Launch: driver.Launch{
		Kernel: s.kernel, Grid: [3]int{n * tiles, s.forward.channelTiles(s.columns), 1}, Block: [3]int{s.forward.threads, 1, 1},
		Shared: s.forward.shared, Args: words(e.forward.steps[i], n, statRows),
	}}
	if s.step != nil && s.step.Op == kernels.OpLinear {
		weight, bias := e.classifier(s.step, kernels.Data)
		o.Args = words(e.forward.steps[i], weight, bias, n)
	}
	e.plans.countForward(&o, i, n, statRows)
	if e.options.Trace != nil {
		o.Shape, o.Parts = e.plans.forwardShape(s, statRows), n
	}
	return o
}

// classifier is where a slot of a classifier's weight and bias lies; 0 for no bias. The slot was made when the
// table was laid out.
func (e *exec) classifier(s *kernels.Step, slot kernels.Slot) (weight, bias driver.Ptr) {
	if s.Bias != kernels.NoParam {
		bias = e.store.made(s.Bias, slot)
	}
	return e.store.made(s.Weight, slot), bias
}

// Logits writes n×Classes.
func (e *exec) Logits(dst []float32) error { return e.read(dst, e.value(e.p.Logits())) }
