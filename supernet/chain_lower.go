package supernet

import (
	"fmt"

	"bnas.example/kernels"
)

// Lower builds the stem, the layers, a 1×1 convolution, the global average and the classifier. Its names are those of
// train/model.py of NAS-Bench-Macro. Blocks are stages, because a layer may be nothing.
func (c *chain) Lower(b *Builder, a Arch) error {
	cfg := b.Config()
	act := c.activation()
	stem := kernels.Window{Kernel: c.Stem.Kernel, Stride: c.Stem.Stride, Pad: c.Stem.Kernel / 2}
	x := b.Sum("stem", b.BN("stem.1", b.Conv("stem.0", b.Images(), kernels.Linear, Conv{Out: cfg.Channels, Window: stem})))
	due := act // the stem's activation, applied by the layer that loads it
	if c.first != nil {
		block := chainBlock{*c.first, c.width(c.First.Out, cfg), 1, due, act}
		x = b.Sum("first", block.lower(b, "first.", x))
		due = kernels.Linear
	}
	layer := 0
	for stage, s := range c.Stages {
		in := x
		for range s.Layers {
			l := c.layers[layer]
			if due != kernels.Linear && l.plain() { // its input is also a summand
				x, due = b.Sum("stem.2", b.Bare(b.Activated("stem.2", x, due))), kernels.Linear
			}
			x = c.layer(b, x, layer, a[layer], chainBlock{c.operator(a, layer), c.width(l.out, cfg), l.stride, due, act})
			due = kernels.Linear
			layer++
		}
		b.Block(fmt.Sprintf("stage %d", stage+1), in, x)
	}
	x = b.Sum("out", b.BN("out.1", b.Conv("out.0", x, kernels.Linear, Conv{Out: c.Head, Window: same1})))
	x = b.Sum("out.3", b.Bare(b.GlobalAvg("out.3", x, act)))
	b.Linear("classifier", x, cfg.Classes)
	return nil
}

func (c *chain) activation() kernels.Activation {
	if c.Activation == "relu6" {
		return kernels.ReLU6
	}
	return kernels.ReLU
}

// layer builds an option of a layer.
func (c *chain) layer(b *Builder, x Feature, gene, option int, block chainBlock) Feature {
	name := fmt.Sprintf("features.%d", gene)
	l := c.layers[gene]
	identity := block.operator.identity()
	if identity && l.plain() && (!b.Fair() || len(l.options) == 1) {
		return x
	}
	y := b.Operator(Spot{Place: gene, Operator: option, Module: name}, func() Summand {
		switch {
		case !identity:
			return block.lower(b, "", x)
		case l.plain():
			return b.BN("bn", b.Stored(x))
		default:
			return b.BN("downsample.1", b.Conv("downsample.0", x, block.input, Conv{Out: block.out, Window: kernels.Window{Kernel: 1, Stride: block.stride}}))
		}
	})
	if !identity && l.plain() {
		return b.Sum(name, y, b.Identity(x))
	}
	return b.Sum(name, y)
}

// chainBlock is a MobileNet block, its output channels, its stride, the activation that its input still lacks, and its own
// activation.
type chainBlock struct {
	operator    chainOperator
	out, stride int
	input, act  kernels.Activation
}

// lower builds a 1×1 expansion, a depthwise convolution and a 1×1 projection, each with its BatchNorm, the first two with an
// activation. Without an expansion the modules are numbered from the depthwise convolution.
func (k chainBlock) lower(b *Builder, prefix string, x Feature) Summand {
	hidden := k.operator.expansion * b.Shape(x).C
	depthwise := Conv{Out: hidden, Groups: hidden, Window: kernels.Window{Kernel: k.operator.kernel, Stride: k.stride, Pad: k.operator.kernel / 2}}
	at := 0
	name := func() string {
		at++
		return fmt.Sprintf("%sconv.%d", prefix, at-1)
	}
	convolved := func(x Feature, act kernels.Activation, c Conv) Summand {
		y := b.Conv(name(), x, act, c)
		return b.BN(name(), y)
	}
	sum := func(s Summand) Feature {
		f := b.Sum(fmt.Sprintf("%sconv.%d", prefix, at-1), s)
		at++ // the activation is a module
		return f
	}
	act := k.input
	if k.operator.expansion > 1 {
		x = sum(convolved(x, act, Conv{Out: hidden, Window: same1}))
		act = k.act
	}
	x = sum(convolved(x, act, depthwise))
	return convolved(x, k.act, Conv{Out: k.out, Window: same1})
}
