package kerneltest

import (
	"slices"

	"bnas.example/kernels"
	"bnas.example/philox"
)

// Headed gives a case an auxiliary classifier like that of DARTS: ReLU, an average pool without padding, a 1×1 convolution, a
// BatchNorm, ReLU, a convolution of an even kernel without padding, a BatchNorm if normalised is true, ReLU, and a linear step. Of
// a square map one pixel is left, and the linear step itself reads through the BatchNorm and the ReLU; otherwise a global mean
// precedes it. The head is on a node that depends on the images.
func Headed(c *Case, normalised bool) *Case {
	c.Name = "auxiliary-" + c.Name
	p := c.Program
	p.Name = c.Name
	b := &builder{Case: c, r: philox.New(uint64(c.N), "kerneltest "+c.Name, 0)}
	last := p.Steps[len(p.Steps)-1]
	p.Steps = p.Steps[:len(p.Steps)-1]

	nodes := c.varying()
	node := nodes[b.r.IntN(len(nodes))]
	in := p.Nodes[node].Shape
	w := inside(min(5, in.H, in.W), 1+b.r.IntN(3))
	if in.H == in.W {
		w.Stride = max(in.H-w.Kernel, 1)
	}
	v := b.op(kernels.OpAvgPool, kernels.ReLU, w, kernels.Shape{C: in.C, H: outSize(in.H, w), W: outSize(in.W, w)}, node)
	v = b.same(b.sum(bare(v)), kernels.Linear, 1, 1, 1+b.r.IntN(20))
	in = b.shape(v)
	w = inside(min(2, in.H, in.W), 1)
	v = b.conv(b.sum(b.bn(v)), kernels.ReLU, w, kernels.Shape{H: outSize(in.H, w), W: outSize(in.W, w)}, 1, 1+b.r.IntN(40))[0]
	end, act := b.sum(bare(v)), kernels.ReLU
	if normalised {
		end = b.sum(b.bn(v))
	}
	if s := b.shape(v); s.H*s.W > 1 {
		end, act = b.sum(bare(b.op(kernels.OpGlobalAvg, act, kernels.Window{}, kernels.Shape{C: s.C, H: 1, W: 1}, end))), kernels.Linear
	}
	b.linear(end, act, p.Values[last.Out].C)
	p.Steps, p.AuxWeight = append(p.Steps, last), 0.4

	n := c.N
	for _, bn := range p.BNs {
		v := p.Values[bn.Value]
		n = max(n, (16+v.H*v.W-1)/(v.H*v.W))
	}
	b.draw(n, n+c.Batch-c.N)
	return c
}

// inside is a window without padding.
func inside(kernel, stride int) kernels.Window {
	return kernels.Window{Kernel: kernel, Stride: stride, Dilation: 1}
}

// varying lists the loaded nodes that depend on the images.
func (c *Case) varying() (nodes []kernels.NodeID) {
	of := map[kernels.ValueID]bool{kernels.Images: true}
	for _, s := range c.Program.Steps {
		varies := false
		for _, n := range s.In {
			if slices.ContainsFunc(c.Program.Nodes[n].Terms, func(t kernels.Term) bool { return of[t.Value] }) {
				nodes, varies = append(nodes, n), true
			}
		}
		for _, v := range s.Outputs() {
			of[v] = varies
		}
	}
	return nodes
}

// headed lists the cases with an auxiliary classifier. Two have factors too. A head needs more images than its network, so a slow
// back end has it on networks of two convolutions.
func headed(o Options) []*Case {
	stage := kernels.Shape{C: 5, H: 6, W: 6}
	list := []*Case{Headed(short(o.Seed, stage), true), Factored(Headed(short(o.Seed, stage), false))}
	least := 0
	if !o.Small {
		list = append(list, Headed(Cell(o.Seed, kernels.Shape{C: 5, H: 8, W: 8}, 4), true), Factored(Headed(Mobile(o.Seed, 3, 2, 9, 3), false)))
		least = 8
	}
	for i := range max((o.Random+1)/4, least) {
		list = append(list, Headed(Random(o.Seed+uint64(i)), i%2 == 0))
	}
	return list
}

// short is a network of two convolutions, with a BatchNorm each.
func short(seed uint64, stage kernels.Shape) *Case {
	b := newBuilder("short", seed, kernels.Shape{C: 3, H: stage.H, W: stage.W})
	v := b.same(b.sum(bare(kernels.Images)), kernels.Linear, 3, 1, stage.C)
	v = b.same(b.sum(b.bn(v)), kernels.ReLU, 3, 1, stage.C)
	return b.finish(b.sum(b.bn(v)), kernels.ReLU, 10, 4, 4)
}
