package kerneltest

import (
	"fmt"

	"bnas.example/kernels"
)

// Random draws a small program from seed: odd sizes, single channels, strides, dilations, groups, siblings, sums of up
// to three terms with and without BatchNorm, empty nodes, pools, sums, concatenations that drop channels, shifted windows,
// parameters larger than their use, and nodes that no step loads. Its statistics are over at least eight pixels of images, so that float32 stays close to float64.
func Random(seed uint64) *Case { return random(seed, false) }

// RandomWide draws one like it, of images that are 16 or 32 pixels wide: maps as wide as the tiles of a GPU.
func RandomWide(seed uint64) *Case { return random(seed, true) }

func random(seed uint64, wide bool) *Case {
	b := newBuilder(fmt.Sprintf("random-%d", seed), seed, kernels.Shape{})
	b.views = true
	images := kernels.Shape{C: 1 + b.r.IntN(4), H: 1 + b.r.IntN(13), W: 1 + b.r.IntN(13)}
	if wide {
		b.Name = fmt.Sprintf("random-wide-%d", seed)
		images.H, images.W = 12+images.H, 16*(1+images.W%2)
	}
	b.Program.Values[kernels.Images].Shape = images
	g := &generator{builder: b, live: []kernels.ValueID{kernels.Images}, flat: map[kernels.ValueID]bool{}}
	g.grow(b.sum(bare(kernels.Images)), false)
	for range 2 + b.r.IntN(6) {
		g.grow(g.node())
	}
	if b.r.IntN(4) == 0 {
		g.node() // that nothing loads
	}
	n := 1 + b.r.IntN(4)
	for n*g.pixels() < 16 {
		n++
	}
	last := g.live[len(g.live)-1]
	return b.finish(b.sum(g.terms(last, 3)...), g.act(), 2+b.r.IntN(9), n, n+b.r.IntN(3))
}

// generator keeps the values that the next step of a random program can use.
type generator struct {
	*builder
	live []kernels.ValueID        // values that vary from pixel to pixel
	flat map[kernels.ValueID]bool // values that do not vary: results of an empty node
}

// pixels is the smallest number of pixels of any value.
func (g *generator) pixels() int {
	least := 1 << 30
	for _, v := range g.Program.Values {
		least = min(least, v.H*v.W)
	}
	return least
}

func (g *generator) act() kernels.Activation {
	return [...]kernels.Activation{kernels.ReLU, kernels.ReLU, kernels.ReLU6, kernels.Linear}[g.r.IntN(4)]
}

// node makes a node of up to three values of one shape; one node of ten is empty. A BatchNorm of a flat value is a
// constant, and statistics of it would be rounding noise: node adds a value that varies to it.
func (g *generator) node() (id kernels.NodeID, flat bool) {
	v := g.live[g.r.IntN(len(g.live))]
	if g.r.IntN(10) == 0 {
		return g.builder.node(g.shape(v)), true
	}
	return g.sum(g.terms(v, 1+g.r.IntN(kernels.MaxTerms))...), false
}

// terms are v and others of its shape, at most n, most of them through a BatchNorm.
func (g *generator) terms(v kernels.ValueID, n int) []kernels.Term {
	terms := []kernels.Term{g.term(v)}
	for range g.Program.Values {
		other := kernels.ValueID(g.r.IntN(len(g.Program.Values)))
		if len(terms) < n && g.shape(other) == g.shape(v) {
			terms = append(terms, g.term(other))
		}
	}
	return terms
}

func (g *generator) term(v kernels.ValueID) kernels.Term {
	if v == kernels.Images || !g.flat[v] && g.r.IntN(4) == 0 {
		return bare(v)
	}
	return g.bn(v)
}

// grow adds a step that loads node.
func (g *generator) grow(node kernels.NodeID, flat bool) {
	var outs []kernels.ValueID
	in, act := g.Program.Nodes[node].Shape, g.act()
	switch k := g.r.IntN(12); {
	case k < 7 || flat:
		outs = g.randomConv(node, act)
	case k < 9:
		outs = g.randomPool(node, act)
	case k < 10:
		outs = append(outs, g.op(kernels.OpSum, act, kernels.Window{}, in, node))
	default:
		nodes, out := []kernels.NodeID{node}, in
		for range g.r.IntN(3) {
			v := g.live[g.r.IntN(len(g.live))]
			if s := g.shape(v); s.H == in.H && s.W == in.W {
				nodes, out.C = append(nodes, g.sum(g.terms(v, 2)...)), out.C+s.C
			}
		}
		if last := g.Program.Nodes[nodes[len(nodes)-1]].C; g.r.IntN(2) == 0 {
			out.C -= g.r.IntN(last)
		}
		outs = append(outs, g.op(kernels.OpConcat, act, kernels.Window{}, out, nodes...))
	}
	for _, v := range outs {
		if flat {
			g.flat[v] = true
		} else {
			g.live = append(g.live, v)
		}
	}
}

func (g *generator) randomConv(node kernels.NodeID, act kernels.Activation) []kernels.ValueID {
	in := g.Program.Nodes[node].Shape
	w := same([...]int{1, 1, 3, 3, 3, 5, 7}[g.r.IntN(7)])
	if g.r.IntN(4) == 0 {
		w.Dilation, w.Pad = 2, w.Kernel-1
	}
	if g.r.IntN(4) == 0 {
		w.Stride = 2 + g.r.IntN(2)
	}
	if g.r.IntN(8) == 0 {
		w.Pad = g.r.IntN(w.Pad + 2)
	}
	size := kernels.Shape{H: outSize(in.H, w), W: outSize(in.W, w)}
	if size.H < 1 || size.W < 1 {
		w.Pad = w.Dilation * (w.Kernel - 1) / 2
		size = kernels.Shape{H: outSize(in.H, w), W: outSize(in.W, w)}
	}
	if g.r.IntN(10) == 0 { // the shifted half of a factorised reduction, which reads zeros beyond an odd edge
		w = kernels.Window{Kernel: 1, Stride: 2, Pad: -1, Dilation: 1}
		size = kernels.Shape{H: (in.H + 1) / 2, W: (in.W + 1) / 2}
	}
	groups, widths := 1, []int{1, 2, 3, 4, 5, 8, 11, 16, 17}
	if g.r.IntN(3) == 0 {
		groups = in.C
		if in.C%2 == 0 && g.r.IntN(3) == 0 {
			groups = in.C / 2
		}
		widths = []int{groups, groups, 2 * groups}
	}
	outs := make([]int, 1+g.r.IntN(3))
	for i := range outs {
		outs[i] = widths[g.r.IntN(len(widths))]
	}
	return g.conv(node, act, w, size, groups, outs...)
}

func (g *generator) randomPool(node kernels.NodeID, act kernels.Activation) []kernels.ValueID {
	in := g.Program.Nodes[node].Shape
	w := [...]kernels.Window{
		{Kernel: 3, Stride: 1, Pad: 1, Dilation: 1},
		{Kernel: 3, Stride: 2, Pad: 1, Dilation: 1},
		{Kernel: 2, Stride: 2, Pad: 0, Dilation: 1},
		{Kernel: 3, Stride: 1, Pad: 2, Dilation: 2},
	}[g.r.IntN(4)]
	if in.H < 2 || in.W < 2 {
		w = same(3)
	}
	op := kernels.OpMaxPool
	if g.r.IntN(2) == 0 {
		op = kernels.OpAvgPool
	}
	out := kernels.Shape{C: in.C, H: outSize(in.H, w), W: outSize(in.W, w)}
	return []kernels.ValueID{g.op(op, act, w, out, node)}
}
