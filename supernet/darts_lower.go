package supernet

import (
	"fmt"
	"slices"
	"strings"

	"bnas.example/kernels"
)

// Lower builds NetworkCIFAR or NetworkImageNet of the authors' code: a stem, three stages of
// normal cells with a reduction cell before the second and third, global average, classifier. The BatchNorms of the authors'
// search network have no γ and β; here they have.
func (s darts) Lower(b *Builder, a Arch) error {
	c := b.Config()
	cells := s.cells(a)
	before, x := s.stem(b)
	channels, reduced := c.Channels, c.Stem == dartsImageNet
	for i := range 3*c.Cells + 2 {
		cell := dartsBuild{b: b, name: fmt.Sprintf("cells.%d", i), channels: channels}
		if (i+1)%(c.Cells+1) == 0 {
			channels *= 2
			cell.kind, cell.channels = 1, channels
		}
		out := cell.lower(cells[cell.kind], before, x, reduced)
		b.Block(cell.name, x, out)
		if i == 2*c.Cells+1 && b.HasAuxiliary() {
			s.auxiliary(b, out)
		}
		before, x, reduced = x, out, cell.kind == 1
	}
	x = b.Sum("global_pooling", b.Bare(b.GlobalAvg("global_pooling", x, kernels.Linear)))
	b.Linear("classifier", x, c.Classes)
	return nil
}

// stem returns the inputs of the first cell. The stem for CIFAR is one convolution of 3·C channels without ReLU. That for ImageNet
// has three of stride 2, and its second input is half as large as its first.
func (darts) stem(b *Builder) (before, x Feature) {
	channels := b.Config().Channels
	if b.Config().Stem == dartsCIFAR {
		x = b.Sum("stem", b.BN("stem.1", b.Conv("stem.0", b.Images(), kernels.Linear, Conv{Out: 3 * channels, Window: same3})))
		return x, x
	}
	half := kernels.Window{Kernel: 3, Stride: 2, Pad: 1}
	x = b.Sum("stem0.1", b.BN("stem0.1", b.Conv("stem0.0", b.Images(), kernels.Linear, Conv{Out: max(channels/2, 1), Window: half})))
	before = b.Sum("stem0", b.BN("stem0.4", b.Conv("stem0.3", x, kernels.ReLU, Conv{Out: channels, Window: half})))
	x = b.Sum("stem1", b.BN("stem1.2", b.Conv("stem1.1", before, kernels.ReLU, Conv{Out: channels, Window: half})))
	return before, x
}

// auxiliary builds AuxiliaryHeadCIFAR or AuxiliaryHeadImageNet of the authors' code on the output of the second reduction cell. That
// for ImageNet has no BatchNorm behind its second convolution, as in their experiments. The ReLU before its pool works in place
// there; nothing changes, because all readers of the cell's output begin with a ReLU.
func (s darts) auxiliary(b *Builder, x Feature) {
	name := func(i int) string { return fmt.Sprintf("auxiliary_head.features.%d", i) }
	x = b.Sum(name(1), b.Bare(b.AvgPool(name(1), x, kernels.ReLU, s.auxiliaryPool(b.Config()))))
	x = b.Sum(name(3), b.BN(name(3), b.Conv(name(2), x, kernels.Linear, Conv{Out: 128, Window: same1})))
	conv := b.Conv(name(5), x, kernels.ReLU, Conv{Out: 768, Window: kernels.Window{Kernel: 2}})
	last := b.Bare(conv)
	if b.Config().Stem == dartsCIFAR {
		last = b.BN(name(6), conv)
	}
	b.Auxiliary("auxiliary_head.classifier", b.Sum(name(6), last), kernels.ReLU, b.Config().Classes)
}

// auxiliaryPool is the first window of the auxiliary head. It leaves 2×2 pixels, of which the second convolution makes one.
func (darts) auxiliaryPool(c Config) kernels.Window {
	if c.Stem == dartsImageNet {
		return kernels.Window{Kernel: 5, Stride: 2}
	}
	return kernels.Window{Kernel: 5, Stride: 3}
}

// CheckAuxiliary refuses images of which the pool of the auxiliary head does not leave 2×2 pixels.
func (s darts) CheckAuxiliary(c Config) error {
	w, shrunk := s.auxiliaryPool(c), 1<<s.Halvings(c)
	var fit []string
	for side := w.Kernel + w.Stride; side < w.Kernel+2*w.Stride; side++ {
		fit = append(fit, fmt.Sprint(side*shrunk))
	}
	if !slices.Contains(fit, fmt.Sprint(c.Height)) || !slices.Contains(fit, fmt.Sprint(c.Width)) {
		return fmt.Errorf("the auxiliary head of %s with the stem %s is for images of %s pixels a side, not for %d×%d", s.Name(), c.Stem, strings.Join(fit, " or "), c.Height, c.Width)
	}
	return nil
}

// dartsBuild is a cell being built.
type dartsBuild struct {
	b        *Builder
	name     string
	kind     int // 1: its edges from the states 0 and 1 halve the image
	channels int
}

// lower builds a cell on the outputs of the two cells before it. reduced says that the image of the first is twice as large.
func (d dartsBuild) lower(cell dartsCell, before, x Feature, reduced bool) Feature {
	b := d.b
	states := []Feature{d.preprocess("preprocess0", before, reduced), d.preprocess("preprocess1", x, false)}
	for n, inputs := range cell {
		var sum []Summand
		for k, in := range inputs {
			sum = append(sum, d.edge(2*n+k, n, in, states[in.state]))
		}
		states = append(states, b.Sum(fmt.Sprintf("%s.node.%d", d.name, n+2), sum...))
	}
	return b.Sum(d.name, b.Bare(b.Concat(d.name, kernels.Linear, states[2:]...)))
}

// preprocess brings a cell's input to its channels, and to its size if half is true.
func (d dartsBuild) preprocess(name string, x Feature, half bool) Feature {
	name = d.name + "." + name
	if half {
		return d.b.Sum(name, d.factorized(name+".", x))
	}
	return d.b.Sum(name, d.b.BN(name+".op.2", d.b.Conv(name+".op.1", x, kernels.ReLU, Conv{Out: d.channels, Window: same1})))
}

// factorized is FactorizedReduce: ReLU and two 1×1 convolutions of stride 2, the second shifted by a pixel, each with half of
// the channels. The ReLU is stored, because it is one module of the authors' network.
func (d dartsBuild) factorized(prefix string, x Feature) Summand {
	b := d.b
	u := b.Sum(prefix+"relu", b.Bare(b.Activated(prefix+"relu", x, kernels.ReLU)))
	part := func(name string, out, pad int) Feature {
		return b.Sum(prefix+name, b.Bare(b.Conv(prefix+name, u, kernels.Linear, Conv{Out: out, Window: kernels.Window{Kernel: 1, Stride: 2, Pad: pad}})))
	}
	half := d.channels / 2
	return b.BN(prefix+"bn", b.Concat(prefix+"concat", kernels.Linear, part("conv_1", half, 0), part("conv_2", d.channels-half, -1)))
}

// edge builds the operator on a state, module number of the authors' cell. Drop-path drops each but the identity, as in their
// drop_path: a skip_connect of stride 2, which has convolutions, is dropped too.
func (d dartsBuild) edge(number, n int, in dartsInput, x Feature) Summand {
	b, stride := d.b, 1
	if d.kind == 1 && in.state < 2 {
		stride = 2
	}
	at := Spot{
		Place: dartsEdge(d.kind, n, in.state), Operator: in.op,
		Module: fmt.Sprintf("%s._ops.%d", d.name, number), Name: fmt.Sprintf("%s.%d<-%d", d.name, n+2, in.state),
	}
	pool := kernels.Window{Kernel: 3, Stride: stride, Pad: 1}
	built := b.Operator(at, func() Summand {
		switch in.op {
		case dartsMaxPool:
			return d.pooled(b.MaxPool("pool", x, kernels.Linear, pool))
		case dartsAvgPool:
			return d.pooled(b.AvgPool("pool", x, kernels.Linear, pool))
		case dartsSkip:
			switch {
			case stride == 2:
				return d.factorized("", x)
			case b.Fair():
				return b.BN("bn", b.Stored(x))
			}
			return b.Identity(x)
		case dartsSep3, dartsSep5:
			kernel := 3
			if in.op == dartsSep5 {
				kernel = 5
			}
			y := b.Sum("op.3", d.separable(1, x, kernels.Window{Kernel: kernel, Stride: stride, Pad: kernel / 2}))
			return d.separable(5, y, kernels.Window{Kernel: kernel, Stride: 1, Pad: kernel / 2})
		default:
			kernel := 3
			if in.op == dartsDil5 {
				kernel = 5
			}
			return d.separable(1, x, kernels.Window{Kernel: kernel, Stride: stride, Pad: kernel - 1, Dilation: 2})
		}
	})
	if in.op == dartsSkip && stride == 1 {
		return built
	}
	return b.Dropped(built)
}

// separable is ReLU, depthwise convolution, 1×1 convolution, BatchNorm. first is the number of the depthwise convolution.
func (d dartsBuild) separable(first int, x Feature, w kernels.Window) Summand {
	b := d.b
	name := func(i int) string { return fmt.Sprintf("op.%d", first+i) }
	y := b.Sum(name(0), b.Bare(b.Conv(name(0), x, kernels.ReLU, Conv{Out: d.channels, Window: w, Groups: d.channels})))
	return b.BN(name(2), b.Conv(name(1), y, kernels.Linear, Conv{Out: d.channels, Window: same1}))
}

// pooled ends a pool: with a BatchNorm in the fair placement.
func (d dartsBuild) pooled(r Raw) Summand {
	if d.b.Fair() {
		return d.b.BN("bn", r)
	}
	return d.b.Bare(r)
}
