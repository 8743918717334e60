//go:build cgo

package cpu

// #include "entry.h"
// #cgo noescape choose_core
// #cgo nocallback choose_core
import "C"

import "bnas.example/kernels"

// convJob is one call of a core. It computes sibling convolutions or their common input gradient.
type convJob struct {
	c        C.struct_conv_job
	branches []kernels.Branch
	weights  []kernels.ParamID
	outs     []int // output channels of each
	ins      int
	groups   int
	turned   bool    // the input gradient
	packs    []*pack // see packed; nil: not looked up yet
	runs     int     // of an input gradient
}

// convPlan holds the jobs of a convolution step: one job for all its siblings. Depthwise siblings have one job each,
// because a depthwise core does not mix channels.
type convPlan struct{ forward, backward []*convJob }

func isDepthwise(p *kernels.Program, s *kernels.Step) bool {
	in := p.Nodes[s.In[0]].C
	if s.Groups != in || s.Groups == 1 {
		return false
	}
	for _, b := range s.Branches {
		if p.Values[b.Out].C != in {
			return false
		}
	}
	return true
}

// jobCount returns the number of jobs of each convolution step, and 0 for other ops.
func jobCount(p *kernels.Program) []int {
	n := make([]int, len(p.Steps))
	for i := range p.Steps {
		if s := &p.Steps[i]; s.Op == kernels.OpConv {
			n[i] = 1
			if isDepthwise(p, s) {
				n[i] = len(s.Branches)
			}
		}
	}
	return n
}

// planConvs makes the jobs of all convolution steps, of which step i has jobs[i]. Their memory is in a few pieces: a path of a
// supernet is planned for one step of training.
func (d *device) planConvs(p *kernels.Program, jobs []int) []convPlan {
	convs, branches, all := make([]convPlan, len(p.Steps)), 0, 0
	for i := range p.Steps {
		all += jobs[i]
		branches += len(p.Steps[i].Branches)
	}
	made, list, packs := make([]convJob, 2*all), make([]*convJob, 2*all), make([]*pack, 2*branches)
	weights, outs := make([]kernels.ParamID, branches), make([]int, branches)
	for i := range made {
		list[i] = &made[i]
	}
	for i, n := range jobs {
		if n == 0 {
			continue
		}
		s := &p.Steps[i]
		for k, b := range s.Branches {
			weights[k], outs[k] = b.Weight, p.Values[b.Out].C
		}
		per := len(s.Branches) / n
		for k := range n {
			from, to := k*per, (k+1)*per
			j := convJob{branches: s.Branches[from:to], weights: weights[from:to:to], outs: outs[from:to:to], ins: p.Nodes[s.In[0]].C, groups: s.Groups}
			*list[k], *list[n+k] = j, j
			list[n+k].turned = true
			list[k].packs, list[n+k].packs = packs[:per:per], packs[per:2*per:2*per]
			packs = packs[2*per:]
			d.shape(list[k], p, s)
			d.shape(list[n+k], p, s)
		}
		convs[i] = convPlan{list[:n:n], list[n : 2*n : 2*n]}
		list, weights, outs = list[2*n:], weights[len(s.Branches):], outs[len(s.Branches):]
	}
	return convs
}

// shape completes a job: its geometry and its core.
func (d *device) shape(j *convJob, p *kernels.Program, s *kernels.Step) {
	in, out := p.Nodes[s.In[0]].Shape, p.Values[j.branches[0].Out].Shape
	outBlocks, tail := 0, 0
	for _, c := range j.outs {
		outBlocks += blocks(c)
		tail = c % lanes
	}
	sh := &j.c.shape
	sh.kernel, sh.dilation = C.int(s.Kernel), C.int(s.Dilation)
	sh.depthwise = flag(isDepthwise(p, s))
	reach := (s.Kernel - 1) * s.Dilation
	if j.turned {
		// ∂/∂x[i] = Σ_k w[k]·∂/∂y[(i + pad − k·dilation)/stride]: a convolution of the outputs spread by stride with
		// the window turned round.
		sh.cb, sh.kb, sh.tail = C.int(outBlocks), C.int(blocks(in.C)), C.int(tail)
		sh.h, sh.w, sh.stride = C.int(in.H), C.int(in.W), 1
		sh.ph, sh.pw = C.int(in.H+reach), C.int(in.W+reach)
		j.c.step, j.c.spread = 1, C.int(s.Stride)
		j.c.y0 = C.int(reach - s.Pad)
	} else {
		sh.cb, sh.kb, sh.tail = C.int(blocks(in.C)), C.int(outBlocks), C.int(in.C%lanes)
		sh.h, sh.w, sh.stride = C.int(out.H), C.int(out.W), C.int(s.Stride)
		j.c.step, j.c.spread, j.c.y0 = 1, 1, C.int(s.Pad)
		if s.Kernel == 1 && s.Pad == 0 {
			j.c.step, sh.stride = sh.stride, 1 // load only the pixels that are read
		}
		sh.ph, sh.pw = (sh.h-1)*sh.stride+C.int(reach)+1, (sh.w-1)*sh.stride+C.int(reach)+1
	}
	j.c.x0 = j.c.y0
	C.choose_core(d.isa, &j.c, flag(j.turned || d.numerics.half(j.branches[0].Out, out)), flag(d.numerics == Fast))
}

// scratch returns the number of floats of scratch memory that a thread needs.
func (j *convJob) scratch() int { return int(j.c.list + j.c.pad + j.c.out + j.c.scratch) }
