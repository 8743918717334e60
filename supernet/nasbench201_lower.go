package supernet

import (
	"fmt"

	"bnas.example/kernels"
)

// Lower builds TinyNetwork of AutoDL-Projects: a stem without ReLU, three stages of equal cells with a residual
// reduction block before the second and third, BatchNorm, ReLU, global average, classifier.
func (s nasBench201) Lower(b *Builder, a Arch) error {
	ops := make([][]int, len(a))
	for e, o := range a {
		if o != nb201None {
			ops[e] = []int{o}
		}
	}
	return s.lower(b, ops)
}

// Whole returns the network of all operators but none, with which Chen, Gong and Wang ("TE-NAS", ICLR 2021) begin.
func (s nasBench201) Whole() Mixture {
	m := make(Mixture, len(nb201Edges))
	for e := range m {
		m[e] = []bool{nb201None: false, nb201Skip: true, nb201Conv1: true, nb201Conv3: true, nb201Pool: true}
	}
	return m
}

// Only returns the architecture of a mixture of one operator an edge.
func (nasBench201) Only(m Mixture) Arch {
	a := make(Arch, len(m))
	for e := range m {
		a[e] = m.Operators(e)[0]
	}
	return a
}

// LowerMixture is Lower with several operators on an edge.
func (s nasBench201) LowerMixture(b *Builder, m Mixture) error {
	ops := make([][]int, len(m))
	for e := range m {
		ops[e] = m.Operators(e)
	}
	return s.lower(b, ops)
}

// lower builds the network with some operators on each edge of the cell.
func (s nasBench201) lower(b *Builder, ops [][]int) error {
	c := b.Config()
	x := b.Sum("stem", b.BN("stem.1", b.Conv("stem.0", b.Images(), kernels.Linear, Conv{Out: c.Channels, Window: same3})))
	for i := range 3*c.Cells + 2 {
		name := fmt.Sprintf("cells.%d", i)
		in := x
		if (i+1)%(c.Cells+1) == 0 {
			x = s.reduction(b, name, x)
		} else {
			x = s.cell(b, name, x, ops)
		}
		b.Block(name, in, x)
	}
	x = b.Sum("lastact", b.BN("lastact.0", b.Stored(x)))
	x = b.Sum("global_pooling", b.Bare(b.GlobalAvg("global_pooling", x, kernels.ReLU)))
	b.Linear("classifier", x, c.Classes)
	return nil
}

var (
	same1 = kernels.Window{Kernel: 1, Stride: 1, Pad: 0}
	same3 = kernels.Window{Kernel: 3, Stride: 1, Pad: 1}
)

// reduction halves the image and doubles the channels: a residual block whose shortcut has no BatchNorm.
func (nasBench201) reduction(b *Builder, name string, x Feature) Feature {
	out := 2 * b.Shape(x).C
	half := kernels.Window{Kernel: 3, Stride: 2, Pad: 1}
	y := b.Sum(name+".conv_a", b.BN(name+".conv_a.op.2", b.Conv(name+".conv_a.op.1", x, kernels.ReLU, Conv{Out: out, Window: half})))
	pooled := b.Sum(name+".downsample.0", b.Bare(b.AvgPool(name+".downsample.0", x, kernels.Linear, kernels.Window{Kernel: 2, Stride: 2})))
	return b.Sum(name,
		b.Bare(b.Conv(name+".downsample.1", pooled, kernels.Linear, Conv{Out: out, Window: same1})),
		b.BN(name+".conv_b.op.2", b.Conv(name+".conv_b.op.1", y, kernels.ReLU, Conv{Out: out, Window: same3})))
}

func (s nasBench201) cell(b *Builder, name string, x Feature, ops [][]int) Feature {
	node := [4]Feature{x}
	for e := 0; e < len(nb201Edges); {
		target := nb201Edges[e][0]
		var in []Summand
		for ; e < len(nb201Edges) && nb201Edges[e][0] == target; e++ {
			for _, op := range ops[e] {
				built := s.edge(b, fmt.Sprintf("%s.layers.%d", name, e), node[nb201Edges[e][1]], e, op)
				in = append(in, b.Weighted(built, 1/float64(len(ops[e]))))
			}
		}
		node[target] = b.SumOrZeros(fmt.Sprintf("%s.node.%d", name, target), x, in...)
	}
	return node[3]
}

// edge builds one operator other than none. In the fair placement skip and pool get a BatchNorm too. none gets none: a
// BatchNorm of zeros is a constant β, and dead cells would become live.
func (nasBench201) edge(b *Builder, module string, x Feature, gene, op int) Summand {
	return b.Operator(Spot{Place: gene, Operator: op, Module: module}, func() Summand {
		channels := b.Shape(x).C
		switch op {
		case nb201Conv1:
			return b.BN("op.2", b.Conv("op.1", x, kernels.ReLU, Conv{Out: channels, Window: same1}))
		case nb201Conv3:
			return b.BN("op.2", b.Conv("op.1", x, kernels.ReLU, Conv{Out: channels, Window: same3}))
		case nb201Pool:
			pooled := b.AvgPool("op", x, kernels.Linear, same3)
			if b.Fair() {
				return b.BN("bn", pooled)
			}
			return b.Bare(pooled)
		default:
			if b.Fair() {
				return b.BN("bn", b.Stored(x))
			}
			return b.Identity(x)
		}
	})
}
