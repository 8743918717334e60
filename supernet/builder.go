package supernet

import (
	"fmt"

	"bnas.example/kernels"
)

// Builder records a network module by module, in the order of execution, and turns the record into a Program. Features
// are lazy sums: a feature is stored only if an operation needs it as a stored value.
//
// The names given to a Builder are those of the space's own PyTorch code, relative to the operator being built (see
// Operator). The Builder keeps the first error, which ends the lowering. Further calls after an error are harmless.
type Builder struct {
	net      *Net
	register bool // record parameters into net instead of looking them up
	training Training
	scope    scope
	exported map[kernels.ParamID]string // names in the space's own PyTorch code

	features []feature
	raws     []raw
	bns      []recordedBN
	log      []logEntry
	blocks   []recordedBlock
	modules  []module
	aux      Raw // the logits of the auxiliary classifier, or none
	err      error
}

// Feature is a node being recorded: a lazy sum of summands.
type Feature int

// Raw is a value being recorded: the output of a convolution, a pool, a concatenation, or a stored feature, before any
// BatchNorm.
type Raw int

// Summand is one term of a feature's sum: a Raw, either unchanged or through its BatchNorm.
type Summand struct {
	raw    Raw
	bn     int
	factor bool    // see Dropped
	weight float64 // of a factor: see Weighted
}

// Conv is the geometry of a convolution. Zero Stride, Dilation and Groups mean 1.
type Conv struct {
	Out int // channels
	kernels.Window
	Groups int
	// SharedOut and SharedIn are the channels of the weight that networks of several widths share. This convolution uses
	// the leading part. 0 means as many as this convolution has.
	SharedOut, SharedIn int
}

const none = -1

type feature struct {
	name     string
	shape    kernels.Shape
	summands []Summand
	boundary bool // a block starts or ends here
}

type raw struct {
	name  string
	shape kernels.Shape
	of    Feature // the feature that is stored here, or none if an operation makes it
}

type recordedBN struct {
	name        string
	raw         Raw
	gamma, beta kernels.ParamID
	added       bool // to a feature
}

// logEntry is one thing recorded: a feature, or an operation that loads features and makes a raw.
type logEntry struct {
	feature Feature // none for an operation
	step    kernels.Step
	in      []Feature
	out     Raw
	weight  kernels.ParamID
}

type recordedBlock struct {
	name    string
	in, out Feature
}

// module is one PyTorch module with state, in the order of recording.
type module struct {
	name   string // as exported
	kind   ModuleKind
	params []kernels.ParamID
	shapes [][]int // of the part of each parameter that this network uses
	conv   Conv    // of a convolution
}

// scope is the operator being built.
type scope struct {
	place, operator int
	module          string // prefix of exported names
	variant         string // prefix of parameter names, which tells operators of a place apart
	last            int    // the BatchNorm made last
	convolves       bool   // it has a convolution
}

// Spot says where an operator is in the network.
type Spot struct {
	Place, Operator int
	Module          string // of the space's own PyTorch code
	// Name is the name in the supernet. It is Module if it is empty. A space needs it if the module of an operator differs
	// between architectures.
	Name string
}

// newBuilder returns a Builder of a network that reads images of the given shape.
func newBuilder(net *Net, images kernels.Shape, register bool) *Builder {
	b := &Builder{net: net, register: register, aux: none, exported: map[kernels.ParamID]string{}, scope: scope{place: none, operator: none, last: none}}
	b.raws = []raw{{name: "images", shape: images, of: none}}
	b.Sum("images", Summand{raw: 0, bn: none})
	return b
}

// Build returns a Program that belongs to no search space, with its parameters. record records its network, which reads
// images of the given shape.
func Build(name string, images kernels.Shape, record func(*Builder)) (*kernels.Program, []kernels.Param, error) {
	net := emptyNet(Config{Space: name})
	b := newBuilder(net, images, true)
	record(b)
	p, err := b.program(name)
	return p, net.params, err
}

// Config returns the configuration of the supernet.
func (b *Builder) Config() Config { return b.net.Config }

// Fair reports whether the placement is fair: operators without a BatchNorm get one.
func (b *Builder) Fair() bool { return b.net.Config.BN == Fair }

// Images returns the input of the network.
func (b *Builder) Images() Feature { return 0 }

// Shape returns the shape of a feature.
func (b *Builder) Shape(x Feature) kernels.Shape { return b.features[x].shape }

// Operator builds the operator of a place. Inside build, names are relative to the module and parameters belong to that
// operator of that place alone. The last BatchNorm made in build is the one that BN-NAS trains and scores.
func (b *Builder) Operator(s Spot, build func() Summand) Summand {
	outer := b.scope
	if s.Name == "" {
		s.Name = s.Module
	}
	b.scope = scope{
		place: s.Place, operator: s.Operator, module: s.Module + ".",
		variant: s.Name + "." + b.net.places[s.Place].Operators[s.Operator] + ".", last: none,
	}
	built := build()
	if b.register && b.scope.last != none {
		b.net.markLast(b.bns[b.scope.last].gamma, b.scope.convolves)
	}
	b.scope = outer
	return built
}

// Conv records a convolution without bias of act(x); its weight is name.weight.
func (b *Builder) Conv(name string, x Feature, act kernels.Activation, c Conv) Raw {
	in := b.Shape(x)
	b.scope.convolves = true
	c.Window = normalised(c.Window)
	c.Groups = max(c.Groups, 1)
	if c.Out < 1 || in.C%c.Groups != 0 || c.Out%c.Groups != 0 {
		b.fail("%s: %d→%d channels in %d groups", name, in.C, c.Out, c.Groups)
		c.Groups = 1
	}
	shape := []int{c.Out, in.C / c.Groups, c.Kernel, c.Kernel}
	w := b.param(name+".weight", kernels.ConvWeight, max(c.SharedOut, shape[0]), max(c.SharedIn, shape[1]), c.Kernel, c.Kernel)
	b.modules = append(b.modules, module{b.scope.module + name, ConvModule, []kernels.ParamID{w}, [][]int{shape}, c})
	step := kernels.Step{Op: kernels.OpConv, Act: act, Window: c.Window, Groups: c.Groups}
	return b.operation(name, step, []Feature{x}, b.windowed(name, in, c.Window, c.Out), w)
}

// AvgPool records the mean of act(x) over the part of the window inside the image.
func (b *Builder) AvgPool(name string, x Feature, act kernels.Activation, w kernels.Window) Raw {
	return b.pool(name, kernels.OpAvgPool, x, act, w)
}

// MaxPool records the maximum of act(x) over the part of the window inside the image.
func (b *Builder) MaxPool(name string, x Feature, act kernels.Activation, w kernels.Window) Raw {
	return b.pool(name, kernels.OpMaxPool, x, act, w)
}

func (b *Builder) pool(name string, op kernels.Op, x Feature, act kernels.Activation, w kernels.Window) Raw {
	in := b.Shape(x)
	w = normalised(w)
	return b.operation(name, kernels.Step{Op: op, Act: act, Window: w}, []Feature{x}, b.windowed(name, in, w, in.C), kernels.NoParam)
}

// Concat records the channels of act(x) of every x in order.
func (b *Builder) Concat(name string, act kernels.Activation, xs ...Feature) Raw {
	s := b.Shape(xs[0])
	s.C = 0
	for _, x := range xs {
		in := b.Shape(x)
		if in.H != s.H || in.W != s.W {
			b.fail("%s: concatenates %dx%d with %dx%d", name, s.H, s.W, in.H, in.W)
		}
		s.C += in.C
	}
	return b.operation(name, kernels.Step{Op: kernels.OpConcat, Act: act}, xs, s, kernels.NoParam)
}

// Truncated records the first channels of act(x).
func (b *Builder) Truncated(name string, x Feature, act kernels.Activation, channels int) Raw {
	s := b.Shape(x)
	if channels < 1 || channels > s.C {
		b.fail("%s: %d of %d channels", name, channels, s.C)
	}
	s.C = channels
	return b.operation(name, kernels.Step{Op: kernels.OpConcat, Act: act}, []Feature{x}, s, kernels.NoParam)
}

// GlobalAvg records the mean of act(x) over pixels.
func (b *Builder) GlobalAvg(name string, x Feature, act kernels.Activation) Raw {
	return b.operation(name, kernels.Step{Op: kernels.OpGlobalAvg, Act: act}, []Feature{x}, kernels.Shape{C: b.Shape(x).C, H: 1, W: 1}, kernels.NoParam)
}

// Activated stores act(x). Use it if a sum contains the activated feature, or if several operations read it.
func (b *Builder) Activated(name string, x Feature, act kernels.Activation) Raw {
	if act == kernels.Linear {
		return b.Stored(x)
	}
	return b.operation(name, kernels.Step{Op: kernels.OpSum, Act: act}, []Feature{x}, b.Shape(x), kernels.NoParam)
}

// Stored returns x as a value, which an identity-BatchNorm can normalise. It stores each feature at most once, and none
// that is a value already.
func (b *Builder) Stored(x Feature) Raw {
	f := b.features[x]
	b.raws = append(b.raws, raw{name: f.name, shape: f.shape, of: x})
	return Raw(len(b.raws) - 1)
}

// Linear records the classifier, with bias, and ends the network.
func (b *Builder) Linear(name string, x Feature, classes int) {
	b.linear(name, x, kernels.Linear, classes)
}

// HasAuxiliary reports whether to record the auxiliary head: only the Program of training has it.
func (b *Builder) HasAuxiliary() bool {
	return b.register && b.net.headed || b.training.AuxWeight > 0
}

// Auxiliary records the auxiliary classifier of act(x), with bias. There is one, and Linear comes after it.
func (b *Builder) Auxiliary(name string, x Feature, act kernels.Activation, classes int) {
	if b.aux != none {
		b.fail("%s: a second auxiliary classifier", name)
	}
	b.aux = b.linear(name, x, act, classes)
}

func (b *Builder) linear(name string, x Feature, act kernels.Activation, classes int) Raw {
	in := b.Shape(x)
	if in.H != 1 || in.W != 1 {
		b.fail("%s: input has %dx%d pixels, want one", name, in.H, in.W)
	}
	w := b.param(name+".weight", kernels.LinearWeight, classes, in.C)
	bias := b.param(name+".bias", kernels.LinearBias, classes)
	b.modules = append(b.modules, module{b.scope.module + name, LinearModule, []kernels.ParamID{w, bias}, [][]int{{classes, in.C}, {classes}}, Conv{}})
	step := kernels.Step{Op: kernels.OpLinear, Act: act, Weight: w, Bias: bias}
	return b.operation(name, step, []Feature{x}, kernels.Shape{C: classes, H: 1, W: 1}, kernels.NoParam)
}

// BN returns r through a BatchNorm with the parameters name.weight (γ) and name.bias (β). Add the result to one feature
// only.
func (b *Builder) BN(name string, r Raw) Summand { return b.SharedBN(name, r, b.raws[r].shape.C) }

// SharedBN is BN with the leading part of a γ and β of so many channels, which networks of several widths share.
func (b *Builder) SharedBN(name string, r Raw, channels int) Summand {
	used := []int{b.raws[r].shape.C}
	bn := recordedBN{name: b.scope.module + name, raw: r,
		gamma: b.param(name+".weight", kernels.Gamma, channels), beta: b.param(name+".bias", kernels.Beta, channels)}
	b.bns = append(b.bns, bn)
	b.scope.last = len(b.bns) - 1
	if b.register {
		b.net.addBN(BNInfo{Gamma: bn.gamma, Beta: bn.beta, Name: bn.name, Place: b.scope.place, Operator: b.scope.operator})
	}
	b.modules = append(b.modules, module{bn.name, BatchNormModule, []kernels.ParamID{bn.gamma, bn.beta}, [][]int{used, used}, Conv{}})
	return Summand{raw: r, bn: b.scope.last}
}

// Bare returns r without a BatchNorm.
func (b *Builder) Bare(r Raw) Summand { return Summand{raw: r, bn: none} }

// Identity returns the feature x as a summand.
func (b *Builder) Identity(x Feature) Summand { return Summand{raw: b.Stored(x), bn: none} }

// Dropped returns s as one that drop-path drops: it has a factor for each image in the Program of training.
func (b *Builder) Dropped(s Summand) Summand {
	s.factor = b.training.DropPath
	return s
}

// Sum returns the sum of its summands. All must have the same shape.
func (b *Builder) Sum(name string, s ...Summand) Feature {
	if len(s) == 0 {
		b.fail("%s: a sum of nothing has no shape; use SumOrZeros", name)
		return 0
	}
	shape := b.raws[s[0].raw].shape
	for _, t := range s[1:] {
		if got := b.raws[t.raw].shape; got != shape {
			b.fail("%s: adds %v to %v (channels, height, width)", name, got, shape)
		}
	}
	for _, t := range s {
		if t.bn == none {
			continue
		}
		if b.bns[t.bn].added {
			b.fail("%s: BatchNorm %s is in another sum already", name, b.bns[t.bn].name)
		}
		b.bns[t.bn].added = true
	}
	return b.feature(name, shape, s)
}

// SumOrZeros returns the sum of its summands, or zeros of the shape of x if there are none.
func (b *Builder) SumOrZeros(name string, x Feature, s ...Summand) Feature {
	if len(s) == 0 {
		return b.feature(name, b.Shape(x), nil)
	}
	return b.Sum(name, s...)
}

func (b *Builder) feature(name string, shape kernels.Shape, s []Summand) Feature {
	f := Feature(len(b.features))
	b.features = append(b.features, feature{name: b.scope.module + name, shape: shape, summands: s})
	b.log = append(b.log, logEntry{feature: f})
	return f
}

// Block declares a part of the network that indicators measure. The Program does not contain it if there is no path from
// in to the logits.
func (b *Builder) Block(name string, in, out Feature) {
	b.blocks = append(b.blocks, recordedBlock{name, in, out})
	b.features[in].boundary, b.features[out].boundary = true, true
}

func (b *Builder) operation(name string, step kernels.Step, in []Feature, out kernels.Shape, weight kernels.ParamID) Raw {
	step.Name = b.scope.module + name
	if step.Act != kernels.Linear {
		step.ReLUs = 1
	}
	r := Raw(len(b.raws))
	b.raws = append(b.raws, raw{name: step.Name, shape: out, of: none})
	b.log = append(b.log, logEntry{feature: none, step: step, in: in, out: r, weight: weight})
	return r
}

func (b *Builder) param(name string, kind kernels.ParamKind, shape ...int) kernels.ParamID {
	id, err := b.net.param(b.scope.variant+name, kind, shape, b.register)
	if err != nil {
		b.fail("%v", err)
	}
	b.exported[id] = b.scope.module + name
	return id
}

// windowed returns the output shape of a convolution or pool. A negative Pad crops the image at the top and left only.
func (b *Builder) windowed(name string, in kernels.Shape, w kernels.Window, channels int) kernels.Shape {
	out := func(n int) int {
		n += max(w.Pad, 0) + w.Pad - w.Dilation*(w.Kernel-1) - 1
		if n < 0 {
			return 0
		}
		return n/w.Stride + 1
	}
	s := kernels.Shape{C: channels, H: out(in.H), W: out(in.W)}
	if s.H < 1 || s.W < 1 {
		b.fail("%s: a %dx%d image is smaller than the window", name, in.H, in.W)
	}
	return s
}

func normalised(w kernels.Window) kernels.Window {
	w.Stride, w.Dilation = max(w.Stride, 1), max(w.Dilation, 1)
	return w
}

func (b *Builder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf("supernet: %s: "+format, append([]any{b.net.Config.Space}, args...)...)
	}
}
