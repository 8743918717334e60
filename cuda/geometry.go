package cuda

import (
	"fmt"

	"bnas.example/kernels"
	"bnas.example/kernels/plan"
)

// planLaunch chooses a step's kernels, the forms of its weights, and how its forward launch is cut.
func (a *plans) planLaunch(s *stepPlan) {
	out := a.p.Values[s.outs[0]].Shape
	if s.step == nil {
		s.kernel, s.forward = "images", plainTiling(out.H, out.W, s.columns, false)
		return
	}
	in := a.p.Nodes[s.step.In[0]].Shape
	if s.step.Op == kernels.OpConv {
		s.kernel, s.form = a.convKernel(s, in, a.Precision)
		s.backKernel, s.backForm = a.convKernel(s, in, a.Precision.gradient())
		s.backKernel += "_gradient"
		if s.form == forwardForm {
			s.backForm = gradientForm
		}
		s.forward = a.convTiling(s, in, out, false)
		s.back = a.convTiling(s, in, out, true)
		return
	}
	s.kernel = opKernels[s.step.Op]
	s.backKernel = s.kernel + "_gradient"
	s.forward = plainTiling(out.H, out.W, s.columns, false)
	if pool := s.step.Op == kernels.OpMaxPool || s.step.Op == kernels.OpAvgPool; pool && s.step.Window.Stride < s.step.Window.Kernel {
		s.forward.shared += (poolScratch - storeScratch) * s.forward.threads
	}
}

var opKernels = map[kernels.Op]string{
	kernels.OpMaxPool: "max_pool", kernels.OpAvgPool: "avg_pool", kernels.OpSum: "sum",
	kernels.OpConcat: "concat", kernels.OpGlobalAvg: "global_avg", kernels.OpLinear: "linear",
}

// convKernel names the kernel of a convolution: on a naive Device the plain loops; else depthwise where every channel is
// its own group, the loops of `grouped` for other groups, and otherwise the implicit GEMM of the device's precision.
func (a *plans) convKernel(s *stepPlan, in kernels.Shape, p Precision) (name string, f form) {
	if a.Naive {
		return "conv_naive", rawForm
	}
	if s.step.Groups == 1 {
		return "conv_" + kernelSuffix[p], forwardForm
	}
	depthwise := s.step.Groups == in.C
	for _, v := range s.outs {
		depthwise = depthwise && a.p.Values[v].C == in.C
	}
	if depthwise {
		return "depthwise", depthwiseForm
	}
	return "grouped", rawForm
}

// convTiling cuts a convolution's launch by its kernel.
func (a *plans) convTiling(s *stepPlan, in, out kernels.Shape, gradient bool) tiling {
	columns, depth := s.columns, pitchOf(in.C)
	if gradient {
		columns, depth = depth, columns
	}
	switch s.kernel {
	case "conv_naive":
		if gradient {
			return naiveTiling(in, columns)
		}
		return naiveTiling(out, columns)
	case "depthwise":
		return depthwiseTiling(in, out, s.step.Window, columns, gradient)
	case "grouped":
		return groupedTiling(in, out, s.step.Window, columns, gradient)
	}
	if a.Precision == FP32 {
		return convFP32Tiling(in, out, s.step.Window, columns, gradient)
	}
	return mmaTiling(in, out, s.step.Window, columns, depth, a.Precision.bytes(), gradient)
}

// backTiling is how the launch that makes the gradient of a node is cut.
func (a *plans) backTiling(s *stepPlan, in kernels.Shape) tiling {
	if s.step.Op == kernels.OpConv {
		return s.back
	}
	return plainTiling(in.H, in.W, pitchOf(in.C), true)
}

// channelTiles is the number of blocks beside each other over a number of columns.
func (t tiling) channelTiles(columns int) int { return (columns + t.channelTile - 1) / t.channelTile }

// staticShared is what a block has of shared memory beside what its tiling asks for, at most, in bytes.
const staticShared = 64

// checkBlocks refuses a step whose window or stride is too wide for a block: for its shared memory, or for the threads
// that its kernel is compiled for.
func (a *plans) checkBlocks(most int) error {
	for i := range a.steps {
		s := &a.steps[i]
		if err := s.checkBlock(s.forward.threads, s.forward.shared, most); err != nil {
			return err
		}
	}
	return a.checkBackward(a.all, most)
}

// checkBackward refuses such a step of a backward pass. One to the weights has launches that one to all γ and β has not.
func (a *plans) checkBackward(b *plan.Backward, most int) error {
	for _, step := range b.Steps {
		s := &a.steps[step.Step+1]
		if s.step.Op != kernels.OpConv {
			continue
		}
		for _, t := range step.Targets {
			if t.Node == plan.NoNode {
				continue
			}
			if err := s.checkBlock(s.back.threads, s.back.shared, most); err != nil {
				return err
			}
		}
		if !b.Weights {
			continue
		}
		for k := range s.outs {
			w := a.weightTiling(s, k)
			if err := s.checkBlock(w.threads, w.shared, most); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkBlock refuses a block of so many threads, with so many bytes of shared memory, if it may have fewer.
func (s *stepPlan) checkBlock(threads, shared, most int) error {
	if s.step == nil {
		return nil
	}
	if limit := threadsOf(s.kernel); threads > limit {
		return fmt.Errorf("step %s: window %v needs blocks of %d threads, the kernel has %d: %w",
			s.name(), s.step.Window, threads, limit, kernels.ErrUnsupported)
	}
	if need := shared + staticShared; need > most {
		return fmt.Errorf("step %s: window %v needs %d bytes of shared memory, a block has %d: %w",
			s.name(), s.step.Window, shared, most, kernels.ErrUnsupported)
	}
	return nil
}

// threadsOf is how many threads a block of a kernel may have: its __launch_bounds__.
func threadsOf(kernel string) int {
	if kernel == "conv_fp32" {
		return gemmThreads
	}
	return 256
}
