package export

import (
	"fmt"
	"math"
	"slices"

	"bnas.example/kernels"
	"bnas.example/onnx"
	"bnas.example/supernet"
)

// The names of the input, N×C×H×W normalised images, and of the output, N×K.
const (
	imagesName = "images"
	logitsName = "logits"
)

// ONNX returns the network in evaluation mode as an ONNX model. Its constants have the names of the state dict. With fold a
// BatchNorm is a part of the convolution before it, where nothing else reads that convolution:
//
//	s = γ/√(σ² + ε)    W' = s·W    bias' = β − s·μ
//
// The other BatchNorms, those behind a pool, a sum or a concatenation, stay.
func ONNX(d *supernet.StateDict, metadata map[string]string, fold bool) ([]byte, error) {
	g := graph{
		dict: d, program: d.Program, taken: map[string]bool{imagesName: true, logitsName: true},
		value: make([]string, len(d.Program.Values)), loaded: map[load]string{}, folded: map[kernels.ValueID]kernels.BN{}, numbers: map[float32]string{},
	}
	g.value[kernels.Images] = imagesName
	for _, m := range d.Modules {
		for _, a := range []supernet.Array{m.Weight, m.Bias, m.Mean, m.Variance} {
			g.taken[a.Name] = true
		}
	}
	if fold {
		g.findFolds()
	}
	for i := range d.Program.Steps {
		s := &d.Program.Steps[i]
		if err := g.step(s); err != nil {
			return nil, fmt.Errorf("export: %s: %s: %w", d.Program.Name, s.Name, err)
		}
	}
	image := d.Program.Values[kernels.Images].Shape
	g.Name = d.Program.Name
	g.Inputs = []onnx.Value{{Name: imagesName, Shape: []any{"batch", image.C, image.H, image.W}}}
	g.Outputs = []onnx.Value{{Name: logitsName, Shape: []any{"batch", d.Program.Classes()}}}
	return onnx.Encode(onnx.Model{Producer: "bnas", Graph: g.Graph, Metadata: metadata})
}

// graph is an ONNX graph in the making.
type graph struct {
	onnx.Graph
	dict    *supernet.StateDict
	program *kernels.Program
	taken   map[string]bool
	value   []string                       // by ValueID: the tensor, once stored
	loaded  map[load]string                // the tensors of nodes
	folded  map[kernels.ValueID]kernels.BN // the BatchNorms that are parts of convolutions
	numbers map[float32]string             // the constants of a single number
	batch   string                         // the tensor with the number of images, if one is needed
}

// load is a node as a step loads it.
type load struct {
	node kernels.NodeID
	act  kernels.Activation
}

// findFolds finds the outputs of convolutions that one BatchNorm and nothing else reads.
func (g *graph) findFolds() {
	readers := map[kernels.ValueID][]kernels.Term{}
	for n := range loadedNodes(g.program) {
		for _, t := range g.program.Nodes[n].Terms {
			readers[t.Value] = append(readers[t.Value], t)
		}
	}
	for _, s := range g.program.Steps {
		for _, b := range s.Branches {
			if r := readers[b.Out]; len(r) == 1 && r[0].BN != kernels.NoBN {
				g.folded[b.Out] = g.program.BNs[r[0].BN]
			}
		}
	}
}

// loadedNodes is the set of nodes that steps load.
func loadedNodes(p *kernels.Program) map[kernels.NodeID]bool {
	nodes := map[kernels.NodeID]bool{}
	for _, s := range p.Steps {
		for _, n := range s.In {
			nodes[n] = true
		}
	}
	return nodes
}

func (g *graph) step(s *kernels.Step) error {
	in := make([]string, len(s.In))
	for i, n := range s.In {
		in[i] = g.load(n, s.Act)
	}
	switch s.Op {
	case kernels.OpConv:
		g.convolutions(s, in[0])
	case kernels.OpMaxPool, kernels.OpAvgPool:
		g.pool(s, in[0])
	case kernels.OpSum:
		g.value[s.Out] = in[0]
	case kernels.OpConcat:
		g.concat(s, in)
	case kernels.OpGlobalAvg:
		g.store(s.Out, "GlobalAveragePool", in)
	case kernels.OpLinear:
		g.linear(s, in[0])
	default:
		return fmt.Errorf("ONNX: no operator for %v", s.Op)
	}
	return nil
}

// load returns the tensor of act(node).
func (g *graph) load(n kernels.NodeID, act kernels.Activation) string {
	key := load{n, act}
	if name, ok := g.loaded[key]; ok {
		return name
	}
	var name string
	switch act {
	case kernels.ReLU:
		in := g.load(n, kernels.Linear)
		name = g.node(in+".relu", "Relu", []string{in})
	case kernels.ReLU6:
		in := g.load(n, kernels.Linear)
		name = g.node(in+".relu6", "Clip", []string{in, g.number("zero", 0), g.number("six", 6)})
	default:
		name = g.sum(&g.program.Nodes[n])
	}
	g.loaded[key] = name
	return name
}

// sum returns the tensor of a node.
func (g *graph) sum(n *kernels.Node) string {
	if len(n.Terms) == 0 {
		return g.zeros(n)
	}
	total := g.term(n.Terms[0])
	for _, t := range n.Terms[1:] {
		total = g.node(n.Name+".sum", "Add", []string{total, g.term(t)})
	}
	return total
}

func (g *graph) term(t kernels.Term) string {
	name := g.value[t.Value]
	if _, folded := g.folded[t.Value]; folded || t.BN == kernels.NoBN {
		return name
	}
	bn := g.program.BNs[t.BN]
	m := g.dict.Of(bn.Gamma)
	return g.node(bn.Name, "BatchNormalization",
		[]string{name, g.constant(m.Weight), g.constant(m.Bias), g.constant(m.Mean), g.constant(m.Variance)},
		onnx.Attribute{Name: "epsilon", Value: float32(bn.Eps)})
}

// zeros returns zeros of the shape of a node, for as many images as there are.
func (g *graph) zeros(n *kernels.Node) string {
	if g.batch == "" {
		g.batch = g.node("batch", "Shape", []string{imagesName}, onnx.Attribute{Name: "start", Value: int64(0)}, onnx.Attribute{Name: "end", Value: int64(1)})
	}
	shape := g.node(n.Name+".shape", "Concat", []string{g.batch, g.ints(n.Name+".size", n.C, n.H, n.W)}, axis(0))
	return g.node(n.Name+".zeros", "ConstantOfShape", []string{shape})
}

func (g *graph) convolutions(s *kernels.Step, in string) {
	from := g.program.Nodes[s.In[0]].Shape
	rows, columns := frames(from, g.program.Values[s.Branches[0].Out].Shape, s.Window)
	in = g.cropped(in, from, rows, columns)
	attributes := append(windowAttributes(s.Window, rows, columns),
		onnx.Attribute{Name: "dilations", Value: []int64{int64(s.Dilation), int64(s.Dilation)}},
		onnx.Attribute{Name: "group", Value: int64(s.Groups)})
	for _, b := range s.Branches {
		m := g.dict.Of(b.Weight)
		weights := []string{in, ""}
		if bn, ok := g.folded[b.Out]; ok {
			weight, bias := foldInto(m, g.dict.Of(bn.Gamma), bn.Eps)
			weights = []string{in, g.constant(weight), g.constant(bias)}
		} else {
			weights[1] = g.constant(m.Weight)
		}
		g.store(b.Out, "Conv", weights, attributes...)
	}
}

// foldInto returns the weights and the bias of a convolution with the BatchNorm behind it.
func foldInto(conv, bn *supernet.Module, eps float64) (weight, bias supernet.Array) {
	weight = supernet.Array{Name: conv.Weight.Name, Shape: conv.Weight.Shape, Values: slices.Clone(conv.Weight.Values)}
	channels := conv.Weight.Shape[0]
	bias = supernet.Array{Name: conv.Name + ".bias", Shape: []int{channels}, Values: make([]float32, channels)}
	row := len(weight.Values) / channels
	for c := range channels {
		scale := float64(bn.Weight.Values[c]) / math.Sqrt(float64(bn.Variance.Values[c])+eps)
		for i := c * row; i < (c+1)*row; i++ {
			weight.Values[i] = float32(scale * float64(weight.Values[i]))
		}
		bias.Values[c] = float32(float64(bn.Bias.Values[c]) - scale*float64(bn.Mean.Values[c]))
	}
	return weight, bias
}

// pool stores a pool. Operator set 17 has no dilated average: it is a sum by a convolution, times one over the pixels of each
// window. A margin of the image that is as wide as the kernel, as a dilated maximum may have, is a padding of its own:
// onnxruntime takes only smaller ones.
func (g *graph) pool(s *kernels.Step, in string) {
	from, to := g.program.Nodes[s.In[0]].Shape, g.program.Values[s.Out].Shape
	rows, columns := frames(from, to, s.Window)
	name := g.program.Values[s.Out].Name
	in = g.cropped(in, from, rows, columns)
	dilations := onnx.Attribute{Name: "dilations", Value: []int64{int64(s.Dilation), int64(s.Dilation)}}
	switch {
	case s.Op == kernels.OpAvgPool && s.Dilation == 1:
		g.store(s.Out, "AveragePool", []string{in}, append(windowAttributes(s.Window, rows, columns), onnx.Attribute{Name: "count_include_pad", Value: int64(0)})...)
	case s.Op == kernels.OpAvgPool:
		ones := g.floats(name+".ones", slices.Repeat([]float32{1}, from.C*s.Kernel*s.Kernel), from.C, 1, s.Kernel, s.Kernel)
		sum := g.node(name+".sum", "Conv", []string{in, ones},
			append(windowAttributes(s.Window, rows, columns), dilations, onnx.Attribute{Name: "group", Value: int64(from.C)})...)
		g.store(s.Out, "Mul", []string{sum, g.floats(name+".shares", shares(s.Window, from, to), 1, 1, to.H, to.W)})
	default:
		rows, columns = rows.padded(), columns.padded()
		if max(rows.before, rows.after, columns.before, columns.after) >= s.Kernel {
			pads := g.ints(name+".margins", 0, 0, rows.before, columns.before, 0, 0, rows.after, columns.after)
			in = g.node(name+".padded", "Pad", []string{in, pads, g.number("least", float32(math.Inf(-1)))})
			rows, columns = frame{}, frame{}
		}
		g.store(s.Out, "MaxPool", []string{in}, append(windowAttributes(s.Window, rows, columns), dilations)...)
	}
}

// shares returns one over the number of pixels of the image in each window.
func shares(w kernels.Window, in, out kernels.Shape) []float32 {
	rows, columns := inside(w, in.H, out.H), inside(w, in.W, out.W)
	list := make([]float32, 0, out.H*out.W)
	for _, r := range rows {
		for _, c := range columns {
			list = append(list, 1/float32(r*c))
		}
	}
	return list
}

// inside returns how many taps of each of out windows read one of in pixels, along one axis.
func inside(w kernels.Window, in, out int) []int {
	counts := make([]int, out)
	for o := range counts {
		for k := range w.Kernel {
			if at := o*w.Stride - w.Pad + k*w.Dilation; at >= 0 && at < in {
				counts[o]++
			}
		}
	}
	return counts
}

// concat stores the channels of all inputs, or as many of them as the value has.
func (g *graph) concat(s *kernels.Step, in []string) {
	channels := 0
	for _, n := range s.In {
		channels += g.program.Nodes[n].C
	}
	out := g.program.Values[s.Out]
	if out.C == channels {
		g.store(s.Out, "Concat", in, axis(1))
		return
	}
	all := g.node(out.Name+".all", "Concat", in, axis(1))
	g.store(s.Out, "Slice", []string{all, g.ints(out.Name+".from", 0), g.ints(out.Name+".to", out.C), g.ints(out.Name+".axes", 1)})
}

func (g *graph) linear(s *kernels.Step, in string) {
	m := g.dict.Of(s.Weight)
	inputs := []string{g.node(in+".flat", "Flatten", []string{in}, axis(1)), g.constant(m.Weight)}
	if s.Bias != kernels.NoParam {
		inputs = append(inputs, g.constant(m.Bias))
	}
	g.Nodes = append(g.Nodes, onnx.Node{Name: m.Name, Op: "Gemm", Inputs: inputs, Outputs: []string{logitsName},
		Attributes: []onnx.Attribute{{Name: "transB", Value: int64(1)}}})
}

// cropped returns the tensor without the pixels that the frames leave out.
func (g *graph) cropped(in string, shape kernels.Shape, rows, columns frame) string {
	if !rows.crops() && !columns.crops() {
		return in
	}
	top, bottom := rows.kept(shape.H)
	left, right := columns.kept(shape.W)
	return g.node(in+".part", "Slice", []string{in, g.ints(in+".from", top, left), g.ints(in+".to", bottom, right), g.ints(in+".axes", 2, 3)})
}

func windowAttributes(w kernels.Window, rows, columns frame) []onnx.Attribute {
	rows, columns = rows.padded(), columns.padded()
	return []onnx.Attribute{
		{Name: "kernel_shape", Value: []int64{int64(w.Kernel), int64(w.Kernel)}},
		{Name: "strides", Value: []int64{int64(w.Stride), int64(w.Stride)}},
		{Name: "pads", Value: []int64{int64(rows.before), int64(columns.before), int64(rows.after), int64(columns.after)}},
	}
}

func axis(n int64) onnx.Attribute { return onnx.Attribute{Name: "axis", Value: n} }

// store adds the operator whose output is a value.
func (g *graph) store(v kernels.ValueID, op string, inputs []string, attributes ...onnx.Attribute) {
	g.value[v] = g.node(g.program.Values[v].Name, op, inputs, attributes...)
}

// node adds an operator and returns the name of its output.
func (g *graph) node(name, op string, inputs []string, attributes ...onnx.Attribute) string {
	name = g.unique(name)
	g.Nodes = append(g.Nodes, onnx.Node{Name: name, Op: op, Inputs: inputs, Outputs: []string{name}, Attributes: attributes})
	return name
}

// constant adds an array of the state dict.
func (g *graph) constant(a supernet.Array) string {
	g.Initializers = append(g.Initializers, onnx.Tensor{Name: a.Name, Shape: a.Shape, Floats: a.Values})
	return a.Name
}

// number returns a constant, which it adds once.
func (g *graph) number(name string, v float32) string {
	if known, ok := g.numbers[v]; ok {
		return known
	}
	g.numbers[v] = g.unique(name)
	g.Initializers = append(g.Initializers, onnx.Tensor{Name: g.numbers[v], Floats: []float32{v}})
	return g.numbers[v]
}

// floats adds numbers of a shape and returns their name.
func (g *graph) floats(name string, numbers []float32, shape ...int) string {
	name = g.unique(name)
	g.Initializers = append(g.Initializers, onnx.Tensor{Name: name, Shape: shape, Floats: numbers})
	return name
}

func (g *graph) ints(name string, numbers ...int) string {
	name = g.unique(name)
	t := onnx.Tensor{Name: name, Shape: []int{len(numbers)}}
	for _, n := range numbers {
		t.Ints = append(t.Ints, int64(n))
	}
	g.Initializers = append(g.Initializers, t)
	return name
}

// unique returns the name, or the name with a number if it is taken.
func (g *graph) unique(name string) string {
	free := name
	for i := 2; g.taken[free]; i++ {
		free = fmt.Sprintf("%s.%d", name, i)
	}
	g.taken[free] = true
	return free
}
