package supernet

import (
	"fmt"

	"bnas.example/kernels"
)

// Lower builds Network of the benchmark's train/model.py. Blocks are stages, because a layer may be nothing.
func (nasBenchMacro) Lower(b *Builder, a Arch) error {
	c := b.Config()
	x := b.Sum("stem", b.BN("stem.1", b.Conv("stem.0", b.Images(), kernels.Linear, Conv{Out: c.Channels, Window: same3})))
	layer := 0
	for stage, layers := range macroStages {
		in := x
		for i := range layers {
			l := macroLayer{gene: layer, op: a[layer], out: b.Shape(x).C, stride: 1}
			if i == 0 {
				l.out, l.stride = 2*l.out, 2
			}
			if layer == 0 {
				l.act = kernels.ReLU // the stem's, applied by the one layer that loads it
			}
			x = l.lower(b, x)
			layer++
		}
		b.Block("stage "+digit(stage+1), in, x)
	}
	x = b.Sum("out", b.BN("out.1", b.Conv("out.0", x, kernels.Linear, Conv{Out: macroHead, Window: same1})))
	x = b.Sum("out.3", b.Bare(b.GlobalAvg("out.3", x, kernels.ReLU)))
	b.Linear("classifier", x, c.Classes)
	return nil
}

// macroLayer is one layer: an operator, its output channels, its stride, and the activation of its input.
type macroLayer struct {
	gene, op, out, stride int
	act                   kernels.Activation
}

func (l macroLayer) lower(b *Builder, x Feature) Feature {
	name := fmt.Sprintf("features.%d", l.gene)
	plain := l.stride == 1 && b.Shape(x).C == l.out
	if l.op == macroIdentity && plain && !b.Fair() {
		return x
	}
	y := b.Operator(l.gene, l.op, name, func() Summand {
		switch {
		case l.op != macroIdentity:
			return l.invertedResidual(b, x)
		case plain:
			return b.BN("bn", b.Stored(x))
		default:
			return b.BN("downsample.1", b.Conv("downsample.0", x, l.act, Conv{Out: l.out, Window: kernels.Window{Kernel: 1, Stride: l.stride}}))
		}
	})
	if l.op != macroIdentity && plain {
		return b.Sum(name, y, b.Identity(x))
	}
	return b.Sum(name, y)
}

// invertedResidual builds a 1×1 expansion, a depthwise convolution and a 1×1 projection, each with its BatchNorm, the
// first two with ReLU.
func (l macroLayer) invertedResidual(b *Builder, x Feature) Summand {
	expansion, kernel := macroBlock(l.op)
	hidden := expansion * b.Shape(x).C
	depthwise := Conv{Out: hidden, Groups: hidden, Window: kernels.Window{Kernel: kernel, Stride: l.stride, Pad: kernel / 2}}
	y := b.Sum("conv.1", b.BN("conv.1", b.Conv("conv.0", x, l.act, Conv{Out: hidden, Window: same1})))
	y = b.Sum("conv.4", b.BN("conv.4", b.Conv("conv.3", y, kernels.ReLU, depthwise)))
	return b.BN("conv.7", b.Conv("conv.6", y, kernels.ReLU, Conv{Out: l.out, Window: same1}))
}
