package indicator

import "bnas.example/kernels"

// liveParams is the number of weights of convolutions and classifier that the logits depend on, and liveMACs that of their
// multiply-accumulates for one image. Operators on dead ends do not count; in params and macs they do. The placement of BatchNorm
// does not matter. Gauge-invariant.
func liveParams(e *evidence) float64 {
	var n int64
	eachProduct(e.program, func(weights, _ int64) { n += weights })
	return float64(n)
}

func liveMACs(e *evidence) float64 {
	var n int64
	eachProduct(e.program, func(weights, pixels int64) { n += weights * pixels })
	return float64(n)
}

// eachProduct calls f for each convolution and classifier with its number of weights and of output pixels.
func eachProduct(p *kernels.Program, f func(weights, pixels int64)) {
	for i := range p.Steps {
		s := &p.Steps[i]
		in := int64(p.Nodes[s.In[0]].C)
		switch s.Op {
		case kernels.OpConv:
			for _, b := range s.Branches {
				out := p.Values[b.Out]
				f(in/int64(s.Groups)*int64(out.C)*int64(s.Kernel*s.Kernel), int64(out.H*out.W))
			}
		case kernels.OpLinear:
			f(in*int64(p.Values[s.Out].C), 1)
		}
	}
}

// freePaths is −max(1, number of paths without a convolution from the input to the output of a block), the mean over the blocks
// that keep their shape: the count beside identity_gain. It is −1 if there is no such block. Gauge-invariant. Source: ours.
func freePaths(e *evidence) float64 {
	var counts []float64
	for _, b := range e.program.Blocks {
		if e.program.Nodes[b.In].Shape == e.program.Nodes[b.Out].Shape {
			counts = append(counts, pathsWithoutConvolution(e.program, b))
		}
	}
	return -max(1, mean(counts))
}

// pathsWithoutConvolution counts the paths of a block that no convolution is on. A path is a choice of a term at each node and of
// an input at each step.
func pathsWithoutConvolution(p *kernels.Program, b kernels.Block) float64 {
	value := make([]float64, len(p.Values))
	node := func(n kernels.NodeID) float64 {
		if n == b.In {
			return 1
		}
		var paths float64
		for _, t := range p.Nodes[n].Terms {
			paths += value[t.Value]
		}
		return paths
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.Op == kernels.OpConv {
			continue
		}
		for _, in := range s.In {
			value[s.Out] += node(in)
		}
	}
	return node(b.Out)
}
