package kerneltest

import (
	"fmt"
	"math"

	"bnas.example/kernels"
	"bnas.example/philox"
)

// Case is a program with its parameters, images and labels.
type Case struct {
	Name    string
	Program *kernels.Program
	Params  []kernels.Param
	Data    [][]float32 // each parameter's values

	Batch    int       // images to compile for
	N        int       // images to run
	StatRows int       // of the N, those that give the statistics in an MC-BatchNorm run
	Images   []float32 // N×shape
	Labels   []int
	Factors  [][]float32 // of N images for each term that has factors: see Factored
}

// NewStore makes a store of d and writes the parameters of the case into it.
func (c *Case) NewStore(d kernels.Device) (kernels.Store, error) {
	s, err := d.NewStore(c.Params)
	if err != nil {
		return nil, err
	}
	return s, c.fill(s)
}

// fill writes the parameters of the case.
func (c *Case) fill(s kernels.Store) error {
	for id, data := range c.Data {
		if err := s.Write(kernels.Data, data, kernels.ParamID(id)); err != nil {
			return err
		}
	}
	return nil
}

// builder builds a Case step by step.
type builder struct {
	*Case
	r     *philox.Stream
	views bool // one size of eight of a parameter is larger than its use
}

func newBuilder(name string, seed uint64, images kernels.Shape) *builder {
	b := &builder{
		Case: &Case{Name: name, Program: &kernels.Program{Name: name}},
		r:    philox.New(seed, "kerneltest "+name, 0),
	}
	b.value("images", images)
	return b
}

func (b *builder) value(name string, s kernels.Shape) kernels.ValueID {
	b.Program.Values = append(b.Program.Values, kernels.Value{Name: name, Shape: s})
	return kernels.ValueID(len(b.Program.Values) - 1)
}

func (b *builder) shape(v kernels.ValueID) kernels.Shape { return b.Program.Values[v].Shape }

// param adds a parameter with values from N(0, σ²), or uniform ones around center where σ is 0.
func (b *builder) param(kind kernels.ParamKind, sigma, center float64, shape ...int) kernels.ParamID {
	id := len(b.Params)
	p := kernels.Param{Name: fmt.Sprintf("p%d", id), Kind: kind, Shape: shape}
	data := make([]float32, p.Len())
	if sigma > 0 {
		b.r.Normal(data, sigma)
	} else {
		for i := range data {
			data[i] = float32(center + b.r.Float64() - 0.5)
		}
	}
	b.Params = append(b.Params, p)
	b.Data = append(b.Data, data)
	return kernels.ParamID(id)
}

// larger returns the size of a parameter for a use of n channels.
func (b *builder) larger(n int) int {
	if b.views && b.r.IntN(8) == 0 {
		n += 1 + b.r.IntN(20)
	}
	return n
}

// bare is the term of a value without a BatchNorm.
func bare(v kernels.ValueID) kernels.Term { return kernels.Term{Value: v, BN: kernels.NoBN} }

// bn is the term of a value through a new BatchNorm. γ is around 1, but negative or zero in one of eight channels; β is
// around 0.
func (b *builder) bn(v kernels.ValueID) kernels.Term {
	c := b.larger(b.shape(v).C)
	gamma, beta := b.param(kernels.Gamma, 0, 1, c), b.param(kernels.Beta, 0, 0, c)
	for i := range b.Data[gamma] {
		switch b.r.IntN(16) {
		case 0:
			b.Data[gamma][i] = 0
		case 1:
			b.Data[gamma][i] *= -1
		}
	}
	id := kernels.BNID(len(b.Program.BNs))
	b.Program.BNs = append(b.Program.BNs, kernels.BN{
		Name: fmt.Sprintf("bn%d", id), Value: v, Gamma: gamma, Beta: beta, Eps: 1e-5,
	})
	return kernels.Term{Value: v, BN: id}
}

func (b *builder) node(s kernels.Shape, terms ...kernels.Term) kernels.NodeID {
	id := kernels.NodeID(len(b.Program.Nodes))
	b.Program.Nodes = append(b.Program.Nodes, kernels.Node{Name: fmt.Sprintf("n%d", id), Shape: s, Terms: terms})
	return id
}

// sum is a node of the terms' own shape.
func (b *builder) sum(terms ...kernels.Term) kernels.NodeID {
	return b.node(b.shape(terms[0].Value), terms...)
}

func (b *builder) step(s kernels.Step) {
	s.Name = fmt.Sprintf("s%d", len(b.Program.Steps))
	if s.Act != kernels.Linear {
		s.ReLUs = 1 + b.r.IntN(3)
	}
	b.Program.Steps = append(b.Program.Steps, s)
}

// conv adds a step with a branch for each number of output channels.
func (b *builder) conv(in kernels.NodeID, act kernels.Activation, w kernels.Window, size kernels.Shape, groups int, outs ...int) []kernels.ValueID {
	node := b.Program.Nodes[in]
	var branches []kernels.Branch
	var values []kernels.ValueID
	for _, c := range outs {
		fanIn := node.C / groups * w.Kernel * w.Kernel
		weight := b.param(kernels.ConvWeight, math.Sqrt(2/float64(fanIn)), 0,
			b.larger(c), b.larger(node.C/groups), w.Kernel, w.Kernel)
		v := b.value(fmt.Sprintf("conv%d", len(b.Program.Values)), kernels.Shape{C: c, H: size.H, W: size.W})
		branches = append(branches, kernels.Branch{Weight: weight, Out: v})
		values = append(values, v)
	}
	b.step(kernels.Step{Op: kernels.OpConv, In: []kernels.NodeID{in}, Act: act, Window: w, Groups: groups, Branches: branches})
	return values
}

// same is one convolution that keeps height and width.
func (b *builder) same(in kernels.NodeID, act kernels.Activation, kernel, groups, out int) kernels.ValueID {
	return b.conv(in, act, same(kernel), b.Program.Nodes[in].Shape, groups, out)[0]
}

// same is the window of stride 1 that keeps height and width, for odd kernels.
func same(kernel int) kernels.Window {
	return kernels.Window{Kernel: kernel, Stride: 1, Pad: kernel / 2, Dilation: 1}
}

// outSize is the natural number of outputs of a window over an axis of in pixels; it may be less than 1.
func outSize(in int, w kernels.Window) int {
	return (in+2*w.Pad-w.Dilation*(w.Kernel-1)-1)/w.Stride + 1
}

// op adds a step that has one output.
func (b *builder) op(op kernels.Op, act kernels.Activation, w kernels.Window, out kernels.Shape, in ...kernels.NodeID) kernels.ValueID {
	v := b.value(fmt.Sprintf("%v%d", op, len(b.Program.Values)), out)
	b.step(kernels.Step{Op: op, In: in, Act: act, Window: w, Out: v})
	return v
}

// finish adds the classifier on node and draws n images with labels. The Exec is compiled for batch images.
func (b *builder) finish(node kernels.NodeID, act kernels.Activation, classes, n, batch int) *Case {
	c := b.Program.Nodes[node].C
	pooled := b.op(kernels.OpGlobalAvg, act, kernels.Window{}, kernels.Shape{C: c, H: 1, W: 1}, node)
	b.linear(b.sum(bare(pooled)), kernels.Linear, classes)
	b.Program.Blocks = append(b.Program.Blocks, kernels.Block{Name: "all", In: 0, Out: node})
	b.draw(n, batch)
	return b.Case
}

// linear adds a classifier, with a bias or without.
func (b *builder) linear(in kernels.NodeID, act kernels.Activation, classes int) {
	c := b.Program.Nodes[in].C
	logits := b.value("logits", kernels.Shape{C: classes, H: 1, W: 1})
	step := kernels.Step{Op: kernels.OpLinear, In: []kernels.NodeID{in}, Act: act, Out: logits, Bias: kernels.NoParam}
	step.Weight = b.param(kernels.LinearWeight, 1/math.Sqrt(float64(c)), 0, classes, c)
	if b.r.IntN(2) == 0 {
		step.Bias = b.param(kernels.LinearBias, 0, 0, classes)
	}
	b.step(step)
}

// draw draws n images with labels. The Exec is compiled for batch images.
func (b *builder) draw(n, batch int) {
	b.N, b.Batch, b.StatRows = n, batch, (n+1)/2
	b.Images = make([]float32, n*b.shape(kernels.Images).Len())
	b.r.Normal(b.Images, 1)
	b.Labels = nil
	for range n {
		b.Labels = append(b.Labels, b.r.IntN(b.Program.Classes()))
	}
}

// redraw draws new images for the case, and new factors: a map of an image may be constant because of its factors, and the means
// of its windows then differ by rounding alone.
func (c *Case) redraw(attempt int) {
	philox.New(uint64(attempt), "kerneltest images", 0).Normal(c.Images, 1)
	c.drawFactors(philox.New(uint64(attempt), "kerneltest factors", 0))
}
