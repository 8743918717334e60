package cuda

import (
	"bnas.example/cuda/driver"
	"bnas.example/kernels"
)

// The launches of a Device with the option Naive: every convolution, and every BatchNorm over one, as the plain loops of
// kernels/gpu/naive.cu. The launches take the same tables as the fused ones.

// naive reports whether a step has the plain loops.
func (a *plans) naive(s *stepPlan) bool { return a.Naive && s.step.Op == kernels.OpConv }

// naiveTiling is one tile, the whole map: the plain loops have no tiles.
func naiveTiling(s kernels.Shape, columns int) tiling {
	return tiling{tileH: s.H, tileW: s.W, channelTile: columns, threads: plainThreads}
}

// naiveLaunch is a launch of a step: a thread for each column, in blocks of a pixel.
func naiveLaunch(s *stepPlan, kernel string, pixels, columns int, args ...any) Work {
	return Work{Step: s.name(), Launch: driver.Launch{
		Kernel: kernel, Grid: [3]int{pixels, 1, 1}, Block: [3]int{min(warps(columns), plainThreads), 1, 1}, Args: words(args...),
	}}
}

// naiveForward are the launches of a convolution and of the statistics of its values.
func (e *exec) naiveForward(i, n, statRows int) []Work {
	s := &e.plans.steps[i]
	out := e.p.Values[s.outs[0]].Shape
	conv := naiveLaunch(s, s.kernel, n*out.H*out.W, s.columns, e.forward.steps[i], n)
	e.plans.countForward(&conv, i, n, 0)
	if len(s.norms) == 0 || statRows == 0 {
		return []Work{conv}
	}
	norm := naiveLaunch(s, "batch_norm_naive", 1, s.columns, e.forward.steps[i], statRows)
	e.plans.countNaiveStatistics(&norm, s, statRows)
	return []Work{conv, norm}
}

// naiveBackward are the launches of target k of step i of the order: the gradient at its node and, once that is
// complete, the BatchNorms that enter the node.
func (e *exec) naiveBackward(b *backwardTable, i, k, n int, frozen, sums bool) []Work {
	s := b.order.Steps[i]
	step, target := &e.plans.steps[s.Step+1], s.Targets[k]
	in := e.p.Nodes[target.Node].Shape
	conv := naiveLaunch(step, step.backKernel, n*in.H*in.W, pitchOf(in.C), b.targets[i][k], n)
	e.plans.countBackward(&conv, b, step, target, n, false)
	if !sums || !target.Last || e.plans.sums[target.Node] < 0 {
		return []Work{conv}
	}
	norm := naiveLaunch(step, "batch_norm_naive_gradient", 1, in.C, b.targets[i][k], n, frozen)
	e.plans.countNaiveSums(&norm, target.Node, n)
	return []Work{conv, norm}
}

// countNaiveStatistics counts a launch of batch_norm_naive.
func (a *plans) countNaiveStatistics(o *Work, s *stepPlan, statRows int) {
	for _, v := range s.outs {
		o.Read += int64(statRows) * a.valueBytes(v)
	}
	o.Write = int64(s.columns) * (16 + int64(len(s.norms))*affineBytes)
}

// countNaiveSums counts a launch of batch_norm_naive_gradient.
func (a *plans) countNaiveSums(o *Work, node kernels.NodeID, n int) {
	in := a.p.Nodes[node]
	o.Read = int64(n)*mapBytes(in.Shape) + a.coefficientBytes(node)
	for _, t := range in.Terms {
		if t.BN != kernels.NoBN {
			o.Read += int64(n) * a.valueBytes(t.Value)
		}
	}
	o.Write = int64(n)*int64(pitchOf(in.C))*sumBytes + 2*a.coefficientBytes(node)
}
