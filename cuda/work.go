package cuda

import (
	"bnas.example/kernels"
	"bnas.example/kernels/plan"
)

// The work of a launch, counted from the plan: each byte that a launch touches once, however many of its blocks touch it,
// as if the second-level cache kept what one launch uses.

// countForward counts a step's forward launch over n images.
func (a *plans) countForward(o *Work, step, n, statRows int) {
	s := &a.steps[step]
	images := int64(n)
	for _, v := range s.outs {
		o.Write += images * a.valueBytes(v)
	}
	if len(s.norms) > 0 && statRows > 0 {
		out := a.p.Values[s.outs[0]]
		_, tiles := s.forward.tiles(out.H, out.W)
		part := int64(statRows) * int64(s.columns) * sumBytes
		if tiles > 1 {
			o.Write += part * int64(tiles)
			o.Read += part * int64(tiles)
		}
		o.Write += part + 16*int64(s.columns)
		o.Read += part
		o.Write += int64(len(s.norms)) * affineBytes * int64(s.columns)
	}
	if s.step == nil {
		return
	}
	read := map[kernels.ValueID]bool{}
	for _, node := range s.step.In {
		o.Read += images * a.loadBytes(node, read)
		o.Read += a.coefficientBytes(node)
	}
	o.Read += a.weightBytes(s)
	o.FLOPs = 2 * images * macs(a.p, s.step)
}

// countNorms counts a launch over all BatchNorms.
func (a *plans) countNorms(o *Work) {
	for _, id := range a.norms {
		bytes := affineBytes * int64(pitchOf(a.p.Values[a.p.BNs[id].Value].C))
		o.Read += bytes
		o.Write += bytes
	}
}

// countClassifier counts the launch of a classifier's gradients.
func (a *plans) countClassifier(o *Work, in kernels.Shape, n int) {
	classes := a.p.Classes()
	o.Read = int64(n) * (mapBytes(in) + a.logitBytes())
	o.Write = 4 * int64(classes) * int64(in.C+1)
	o.FLOPs = 2 * int64(n) * int64(classes) * int64(in.C)
}

// countWeight counts the launch of the weight gradient of branch k of a convolution.
func (a *plans) countWeight(o *Work, b *backwardTable, s *stepPlan, k, n int) {
	w := a.weightTiling(s, k)
	read := map[kernels.ValueID]bool{}
	o.Read = int64(n)*(a.loadBytes(s.step.In[0], read)+a.incomingBytes(b, s.outs[k], read)) + 4*int64(w.partial)
	o.Write = 4 * (int64(w.partial) + int64(w.partial/w.chunks))
	o.FLOPs = 2 * int64(n) * macs(a.p, s.step) / int64(len(s.outs))
}

// loadBytes is the size of the values of one image that a node sums and that are not in read yet, and of the factors.
func (a *plans) loadBytes(node kernels.NodeID, read map[kernels.ValueID]bool) (bytes int64) {
	for _, t := range a.p.Nodes[node].Terms {
		if !read[t.Value] {
			read[t.Value] = true
			bytes += a.valueBytes(t.Value)
		}
		if t.Factor {
			bytes += factorBytes
		}
	}
	return bytes
}

func (a *plans) coefficientBytes(node kernels.NodeID) (bytes int64) {
	for _, t := range a.p.Nodes[node].Terms {
		if t.BN != kernels.NoBN {
			bytes += affineBytes * int64(pitchOf(a.p.Nodes[node].C))
		}
	}
	return bytes
}

// weightBytes is the size of a step's weights as its kernels read them.
func (a *plans) weightBytes(s *stepPlan) (bytes int64) {
	in := a.p.Nodes[s.step.In[0]]
	switch {
	case s.step.Op == kernels.OpLinear:
		return 4 * int64(a.p.Classes()) * int64(in.C+1)
	case s.step.Op != kernels.OpConv:
		return 0
	}
	taps := int64(s.step.Kernel) * int64(s.step.Kernel)
	switch s.form {
	case depthwiseForm:
		return 4 * taps * int64(s.columns)
	case rawForm:
		for _, v := range s.outs {
			bytes += 4 * taps * int64(in.C/s.step.Groups) * int64(a.p.Values[v].C)
		}
		return bytes
	}
	return taps * int64(pitchOf(in.C)) * int64(s.columns) * int64(a.Precision.bytes())
}

// macs is the number of multiplications of a step for one image.
func macs(p *kernels.Program, s *kernels.Step) int64 {
	one := kernels.Program{Values: p.Values, Nodes: p.Nodes, Steps: []kernels.Step{*s}}
	return one.MACs()
}

// countBackward counts the launch of one addition to a node's gradient.
func (a *plans) countBackward(o *Work, b *backwardTable, s *stepPlan, t plan.Target, n int, sums bool) {
	images := int64(n)
	in := a.p.Nodes[t.Node]
	read := map[kernels.ValueID]bool{}
	for _, v := range s.outs {
		o.Read += images * a.incomingBytes(b, v, read)
	}
	sums = sums && t.Last && a.sums[t.Node] >= 0
	if sums || s.step.Act != kernels.Linear || s.step.Op == kernels.OpMaxPool {
		o.Read += images*a.loadBytes(t.Node, read) + a.coefficientBytes(t.Node)
	}
	o.Write += images * mapBytes(in.Shape)
	if !t.First {
		o.Read += images * mapBytes(in.Shape)
	}
	if sums {
		_, tiles := a.backTiling(s, in.Shape).tiles(in.H, in.W)
		part := images * int64(pitchOf(in.C)) * sumBytes
		if tiles > 1 {
			o.Write += part * int64(tiles)
			o.Read += part * int64(tiles)
		}
		o.Write += part + 2*a.coefficientBytes(t.Node)
		o.Read += part
	}
	o.Read += a.weightBytes(s)
	o.FLOPs = 2 * images * macs(a.p, s.step)
}

// incomingBytes is what the gradient of one image of a value is formed from.
func (a *plans) incomingBytes(b *backwardTable, v kernels.ValueID, read map[kernels.ValueID]bool) (bytes int64) {
	size := mapBytes(a.p.Values[v].Shape)
	if a.dLogits[v] >= 0 && b.order.From == plan.NoNode {
		bytes += size
	}
	for _, u := range a.uses[v] {
		if b.gradient[u.Node] < 0 {
			continue
		}
		bytes += size
		if u.Row != kernels.NoFactor {
			bytes += factorBytes
		}
		if u.BN != kernels.NoBN && !read[v] {
			read[v] = true
			bytes += a.valueBytes(v)
		}
	}
	return bytes
}
