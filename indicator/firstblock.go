package indicator

import (
	"fmt"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// blockNet is the first block of an untrained standard network of the fewest channels, alone, on images of pixels×pixels with the
// channels of its input. BatchNorm, a rectifier, the global average and a classifier follow.
type blockNet struct {
	program *kernels.Program
	params  []kernels.Param
	data    [][]float32 // by parameter
	factors []float32   // of the terms with one, the same for each image
}

// thinnest returns the supernet of the space of net in the standard placement, untrained, with the fewest channels and one cell a stage.
func thinnest(net *supernet.Net) (*supernet.Net, error) {
	c := net.Config
	c.BN, c.Gamma, c.Channels = supernet.Standard, supernet.GammaOne, 1
	if c.Cells > 0 {
		c.Cells = 1
	}
	if dividing, ok := net.Space.(supernet.Dividing); ok {
		c.Channels = dividing.LeastChannels(c)
	}
	return supernet.New(c)
}

// blockBuilder copies the part of a program that the output of its first block depends on.
type blockBuilder struct {
	blockNet
	net    *supernet.Net
	from   *kernels.Program
	given  []float32               // the factors of from
	rows   [][kernels.MaxTerms]int // of its terms, in given
	values map[kernels.ValueID]kernels.ValueID
	nodes  map[kernels.NodeID]kernels.NodeID
}

// firstBlock extracts the first block of a Program of net, whose terms have some factors. It returns nil if a block has another input
// than its node In.
func firstBlock(net *supernet.Net, p *kernels.Program, factors []float32, pixels int) (*blockNet, error) {
	if len(p.Blocks) == 0 {
		return nil, nil
	}
	block := p.Blocks[0]
	needed := neededSteps(p, block)
	if needed == nil {
		return nil, nil
	}
	image := kernels.Shape{C: p.Nodes[block.In].C, H: pixels, W: pixels}
	b := &blockBuilder{net: net, from: p, given: factors, rows: p.FactorRows(), values: map[kernels.ValueID]kernels.ValueID{}, nodes: map[kernels.NodeID]kernels.NodeID{block.In: 0}}
	b.program = &kernels.Program{
		Name:   p.Name,
		Values: []kernels.Value{{Name: "images", Shape: image}},
		Nodes:  []kernels.Node{{Name: p.Nodes[block.In].Name, Shape: image, Terms: []kernels.Term{{Value: kernels.Images, BN: kernels.NoBN}}}},
	}
	for _, s := range needed {
		b.step(s)
	}
	b.head(b.node(block.Out))
	return &b.blockNet, b.program.Validate()
}

// neededSteps lists the steps between the nodes of a block, in their order; nil if they read another input.
func neededSteps(p *kernels.Program, block kernels.Block) []*kernels.Step {
	var needed []*kernels.Step
	values := map[kernels.ValueID]bool{}
	need := func(n kernels.NodeID) {
		for _, t := range p.Nodes[n].Terms {
			values[t.Value] = true
		}
	}
	need(block.Out)
	for i := len(p.Steps) - 1; i >= 0; i-- {
		s := &p.Steps[i]
		used := false
		for _, v := range s.Outputs() {
			used = used || values[v]
		}
		if !used {
			continue
		}
		needed = append([]*kernels.Step{s}, needed...)
		for _, in := range s.In {
			if in != block.In {
				need(in)
			}
		}
	}
	if values[kernels.Images] {
		return nil
	}
	return needed
}

// step copies a step for the smaller images.
func (b *blockBuilder) step(s *kernels.Step) {
	q := *s
	q.In = make([]kernels.NodeID, len(s.In))
	for i, in := range s.In {
		q.In[i] = b.node(in)
	}
	shape := b.program.Nodes[q.In[0]].Shape
	if s.Kernel > 0 {
		side := func(n int) int { return (n+2*s.Pad-s.Dilation*(s.Kernel-1)-1)/s.Stride + 1 }
		shape.H, shape.W = side(shape.H), side(shape.W)
	}
	q.Branches = make([]kernels.Branch, len(s.Branches))
	for i, branch := range s.Branches {
		q.Branches[i] = kernels.Branch{Weight: b.param(branch.Weight, b.from.WeightShape(s, branch)), Out: b.value(branch.Out, shape)}
	}
	if s.Op != kernels.OpConv {
		q.Out = b.value(s.Out, shape)
	}
	b.program.Steps = append(b.program.Steps, q)
}

// value adds a value with the channels that it has in the network.
func (b *blockBuilder) value(v kernels.ValueID, shape kernels.Shape) kernels.ValueID {
	old := b.from.Values[v]
	shape.C = old.C
	b.values[v] = b.add(old.Name, shape)
	return b.values[v]
}

func (b *blockBuilder) add(name string, shape kernels.Shape) kernels.ValueID {
	b.program.Values = append(b.program.Values, kernels.Value{Name: name, Shape: shape})
	return kernels.ValueID(len(b.program.Values) - 1)
}

// node copies a node with its BatchNorms when a step first loads it.
func (b *blockBuilder) node(n kernels.NodeID) kernels.NodeID {
	if at, ok := b.nodes[n]; ok {
		return at
	}
	old := b.from.Nodes[n]
	node := kernels.Node{Name: old.Name, Shape: kernels.Shape{C: old.C, H: b.program.Nodes[0].H, W: b.program.Nodes[0].W}}
	for k, t := range old.Terms {
		v := b.values[t.Value]
		node.Shape = b.program.Values[v].Shape
		term := kernels.Term{Value: v, BN: kernels.NoBN, Factor: t.Factor}
		if t.Factor {
			b.factors = append(b.factors, b.given[b.rows[n][k]])
		}
		if t.BN != kernels.NoBN {
			bn := b.from.BNs[t.BN]
			bn.Gamma, bn.Beta = b.param(bn.Gamma, []int{old.C}), b.param(bn.Beta, []int{old.C})
			term.BN = b.norm(bn, v)
		}
		node.Terms = append(node.Terms, term)
	}
	b.nodes[n] = b.load(node)
	return b.nodes[n]
}

func (b *blockBuilder) norm(bn kernels.BN, v kernels.ValueID) kernels.BNID {
	bn.Value = v
	b.program.BNs = append(b.program.BNs, bn)
	return kernels.BNID(len(b.program.BNs) - 1)
}

func (b *blockBuilder) load(n kernels.Node) kernels.NodeID {
	b.program.Nodes = append(b.program.Nodes, n)
	return kernels.NodeID(len(b.program.Nodes) - 1)
}

// param copies the used part of a parameter's initial value.
func (b *blockBuilder) param(id kernels.ParamID, shape []int) kernels.ParamID {
	p := b.net.Params()[id]
	return b.own(p.Kind, p.Name, shape, kernels.Gather(p.View(shape...), b.net.Initial(id)))
}

func (b *blockBuilder) own(kind kernels.ParamKind, name string, shape []int, data []float32) kernels.ParamID {
	b.params = append(b.params, kernels.Param{Name: name, Kind: kind, Shape: shape})
	b.data = append(b.data, data)
	return kernels.ParamID(len(b.params) - 1)
}

// head adds what follows the block.
func (b *blockBuilder) head(out kernels.NodeID) {
	shape := b.program.Nodes[out].Shape
	pooled := kernels.Shape{C: shape.C, H: 1, W: 1}
	step := func(s kernels.Step) { b.program.Steps = append(b.program.Steps, s) }
	sum := b.add("out", shape)
	step(kernels.Step{Name: "out", Op: kernels.OpSum, In: []kernels.NodeID{out}, Out: sum, Weight: kernels.NoParam, Bias: kernels.NoParam})
	gamma := b.own(kernels.Gamma, "last.gamma", []int{shape.C}, ones(shape.C))
	beta := b.own(kernels.Beta, "last.beta", []int{shape.C}, make([]float32, shape.C))
	bn := b.norm(kernels.BN{Name: "last", Gamma: gamma, Beta: beta, Eps: 1e-5}, sum)
	last := b.load(kernels.Node{Name: "last", Shape: shape, Terms: []kernels.Term{{Value: sum, BN: bn}}})
	pool := b.add("pool", pooled)
	step(kernels.Step{Name: "pool", Op: kernels.OpGlobalAvg, In: []kernels.NodeID{last}, Act: kernels.ReLU, ReLUs: 1, Out: pool, Weight: kernels.NoParam, Bias: kernels.NoParam})
	in := b.load(kernels.Node{Name: "pool", Shape: pooled, Terms: []kernels.Term{{Value: pool, BN: kernels.NoBN}}})
	weight := b.own(kernels.LinearWeight, "classifier", []int{1, shape.C}, ones(shape.C))
	step(kernels.Step{Name: "classifier", Op: kernels.OpLinear, In: []kernels.NodeID{in}, Out: b.add("logit", kernels.Shape{C: 1, H: 1, W: 1}), Weight: weight, Bias: kernels.NoParam})
}

// compile plans the block for n images.
func (b *blockNet) compile(dev kernels.Device, n int) (kernels.Exec, error) {
	store, err := dev.NewStore(b.params)
	if err != nil {
		return nil, err
	}
	for i, data := range b.data {
		if err := store.Write(kernels.Data, data, kernels.ParamID(i)); err != nil {
			return nil, fmt.Errorf("%s: %w", b.params[i].Name, err)
		}
	}
	exec, err := dev.Compile(b.program, store, n)
	if err != nil {
		return nil, err
	}
	return exec, setFactors(exec, b.factors, n)
}
