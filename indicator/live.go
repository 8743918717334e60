package indicator

import "bnas.example/kernels"

// liveParams is the number of weights of convolutions and classifier that the logits depend on, and liveMACs that of their
// multiply-accumulates for one image. Operators on dead ends do not count; in params and macs they do. A convolution that
// reads zeros counts, though only its BatchNorm's β reaches the logits. The placement of BatchNorm does not matter.
// Gauge-invariant.
func liveParams(e *evidence) float64 {
	n := 0
	for _, l := range layers(e.program) {
		n += kernels.Param{Shape: l.shape}.Len()
	}
	return float64(n)
}

func liveMACs(e *evidence) float64 { return float64(e.program.MACs()) }

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
