package kerneltest

import (
	"math"

	"bnas.example/kernels"
)

// Broken is a change that makes a legal program illegal. Compile must refuse the result.
type Broken struct {
	Name  string
	Error string // part of Validate's error
	Break func(p *kernels.Program)
}

// Illegal lists a change for each rule of a Program. They apply to the programs of Cell.
func Illegal() []Broken {
	last := func(p *kernels.Program) *kernels.Step { return &p.Steps[len(p.Steps)-1] }
	pool := func(p *kernels.Program) *kernels.Step { return &p.Steps[len(p.Steps)-2] }
	return []Broken{
		{"it has no values", "no values", func(p *kernels.Program) { p.Values = nil }},
		{"it has no steps", "no steps", func(p *kernels.Program) { p.Steps = nil }},
		{"a value has no channels", "value 1 (conv1): shape", func(p *kernels.Program) { p.Values[1].C = 0 }},
		{"a value has a negative height", "value 1 (conv1): shape", func(p *kernels.Program) { p.Values[1].H = -6 }},
		{"a value is too wide", "value 1 (conv1): shape", func(p *kernels.Program) { p.Values[1].W = math.MaxInt }},
		{"a value is too large", "value 1 (conv1): shape", func(p *kernels.Program) {
			p.Values[1].Shape = kernels.Shape{C: 1 << 12, H: 1 << 12, W: 1 << 12}
		}},
		{"no step stores a value", "no step stores it", func(p *kernels.Program) {
			p.Values = append(p.Values, kernels.Value{Name: "x", Shape: kernels.Shape{C: 1, H: 1, W: 1}})
		}},
		{"a BN normalises no value", "BN 0 (bn0): no value 99", func(p *kernels.Program) { p.BNs[0].Value = 99 }},
		{"a BN normalises the images", "BN 0 (bn0): normalises the images", func(p *kernels.Program) { p.BNs[0].Value = 0 }},
		{"a BN has no γ", "BN 0 (bn0): needs both", func(p *kernels.Program) { p.BNs[0].Gamma = kernels.NoParam }},
		{"a BN has ε = 0", "BN 0 (bn0): ε", func(p *kernels.Program) { p.BNs[0].Eps = 0 }},
		{"a BN has ε = NaN", "BN 0 (bn0): ε", func(p *kernels.Program) { p.BNs[0].Eps = math.NaN() }},
		{"a BN belongs to no node", "BN 0 (bn0): belongs to no node", func(p *kernels.Program) { p.Nodes[1].Terms = nil }},
		{"a BN belongs to two nodes", "node 2 (n2): term 1: BN 0 (bn0) already belongs to node 1", func(p *kernels.Program) {
			p.Nodes[2].Terms = append(p.Nodes[2].Terms[:1:1], p.Nodes[1].Terms[0])
		}},
		{"a BN is given another's value", "normalises value 1", func(p *kernels.Program) { p.Nodes[1].Terms[0].Value = 2 }},
		{"two BNs share γ", "is already used by", func(p *kernels.Program) { p.BNs[1].Gamma = p.BNs[0].Gamma }},
		{"a node has too many terms", "node 0 (n0): 4 terms", func(p *kernels.Program) {
			p.Nodes[0].Terms = []kernels.Term{bare(0), bare(0), bare(0), bare(0)}
		}},
		{"a node sums no value", "node 0 (n0): term 0: no value -1", func(p *kernels.Program) { p.Nodes[0].Terms[0].Value = -1 }},
		{"a node sums no BN", "node 1 (n1): term 0: no BN 99", func(p *kernels.Program) { p.Nodes[1].Terms[0].BN = 99 }},
		{"a node sums another shape", "node 0 (n0): term 0: value 1", func(p *kernels.Program) { p.Nodes[0].Terms[0].Value = 1 }},
		{"a node has no width", "node 0 (n0): shape", func(p *kernels.Program) { p.Nodes[0].W = 0 }},
		{"the logits enter a node", "the logits enter no node", func(p *kernels.Program) {
			p.Nodes = append(p.Nodes, kernels.Node{Shape: p.Values[p.Logits()].Shape, Terms: []kernels.Term{bare(p.Logits())}})
		}},
		{"the last step is not linear", "the last step", func(p *kernels.Program) { p.Steps = p.Steps[:len(p.Steps)-1] }},
		{"another step is linear", "step 0 (s0): the last step", func(p *kernels.Program) { p.Steps[0].Op = kernels.OpLinear }},
		{"an auxiliary weight is negative", "auxiliary weight -1", func(p *kernels.Program) { p.AuxWeight = -1 }},
		{"an auxiliary weight is no number", "auxiliary weight NaN", func(p *kernels.Program) { p.AuxWeight = math.NaN() }},
		{"an auxiliary weight is infinite", "auxiliary weight +Inf", func(p *kernels.Program) { p.AuxWeight = math.Inf(1) }},
		{"an auxiliary weight is of no classifier", "no step but the last is linear", func(p *kernels.Program) { p.AuxWeight = 1 }},
		{"there are two auxiliary classifiers", "a second auxiliary classifier", func(p *kernels.Program) {
			p.AuxWeight = 1
			p.Steps[0].Op, p.Steps[1].Op = kernels.OpLinear, kernels.OpLinear
		}},
		{"an auxiliary classifier has no weight in the loss", "without an auxiliary weight", func(p *kernels.Program) { auxiliary(p).AuxWeight = 0 }},
		{"an auxiliary classifier has other outputs", "has 9 outputs, must be 10", func(p *kernels.Program) {
			p.Values[auxiliary(p).Steps[len(p.Steps)-2].Out].C = 9
		}},
		{"the auxiliary logits enter a node", "the logits enter no node", func(p *kernels.Program) {
			v := auxiliary(p).Steps[len(p.Steps)-2].Out
			p.Nodes = append(p.Nodes, kernels.Node{Shape: p.Values[v].Shape, Terms: []kernels.Term{bare(v)}})
		}},
		{"a step has no op", "step 0 (s0)", func(p *kernels.Program) {
			p.Steps[0] = kernels.Step{Name: "s0", Op: 99, In: []kernels.NodeID{0}, Out: 1}
		}},
		{"a step has an unknown activation", "step 1 (s1): no activation", func(p *kernels.Program) { p.Steps[1].Act = 9 }},
		{"a rectified load counts no activation", "step 1 (s1): a relu load", func(p *kernels.Program) { p.Steps[1].ReLUs = 0 }},
		{"a rectified load counts activations beyond measure", "step 1 (s1): a relu load", func(p *kernels.Program) { p.Steps[1].ReLUs = 1<<20 + 1 }},
		{"a linear load counts an activation", "step 0 (s0): a linear load", func(p *kernels.Program) { p.Steps[0].ReLUs = 1 }},
		{"a step loads nothing", "step 0 (s0): conv loads 0", func(p *kernels.Program) { p.Steps[0].In = nil }},
		{"a convolution loads two nodes", "step 0 (s0): conv loads 2", func(p *kernels.Program) { p.Steps[0].In = []kernels.NodeID{0, 0} }},
		{"a step loads no node", "step 0 (s0): no node 99", func(p *kernels.Program) { p.Steps[0].In[0] = 99 }},
		{"a step loads what is not yet stored", "before value", func(p *kernels.Program) { p.Steps[0], p.Steps[1] = p.Steps[1], p.Steps[0] }},
		{"a value is stored twice", "is already stored", func(p *kernels.Program) { p.Steps[1].Branches[0].Out = 1 }},
		{"the images are stored", "is already stored", func(p *kernels.Program) { p.Steps[0].Branches[0].Out = 0 }},
		{"a step stores no value", "step 0 (s0): no value 99", func(p *kernels.Program) { p.Steps[0].Branches[0].Out = 99 }},
		{"a convolution has no branch", "step 0 (s0): conv has 0 branches", func(p *kernels.Program) { p.Steps[0].Branches = nil }},
		{"a pool has a branch", "branches", func(p *kernels.Program) { pool(p).Branches = p.Steps[0].Branches }},
		{"a branch has no weight", "branch 0: no weight", func(p *kernels.Program) { p.Steps[0].Branches[0].Weight = -1 }},
		{"groups do not divide the channels", "branch 0: 3 groups", func(p *kernels.Program) { p.Steps[1].Groups = 3 }},
		{"there are no groups", "branch 0: 0 groups", func(p *kernels.Program) { p.Steps[1].Groups = 0 }},
		{"branches store two sizes", "branch 1: stores 4×5×6 beside 4×6×6", func(p *kernels.Program) {
			p.Values = append(p.Values, kernels.Value{Name: "lower", Shape: kernels.Shape{C: 4, H: 5, W: 6}})
			branch := kernels.Branch{Weight: p.Steps[0].Branches[0].Weight, Out: kernels.ValueID(len(p.Values) - 1)}
			p.Steps[0].Branches = append(p.Steps[0].Branches, branch)
		}},
		{"a kernel has no size", "step 0 (s0): window", func(p *kernels.Program) { p.Steps[0].Kernel = 0 }},
		{"a stride is 0", "step 0 (s0): window", func(p *kernels.Program) { p.Steps[0].Stride = 0 }},
		{"a dilation is −1", "step 0 (s0): window", func(p *kernels.Program) { p.Steps[0].Dilation = -1 }},
		{"a pad is beyond measure", "step 0 (s0): window", func(p *kernels.Program) { p.Steps[0].Pad = math.MaxInt }},
		{"a pool's stride is 0", "pool): window", func(p *kernels.Program) {
			*pool(p) = kernels.Step{Name: "pool", Op: kernels.OpMaxPool, In: pool(p).In, Out: pool(p).Out, Window: kernels.Window{Kernel: 2, Dilation: 1}}
		}},
		{"a pool's window misses the image", "reads nothing of the image", func(p *kernels.Program) {
			*pool(p) = kernels.Step{Name: "pool", Op: kernels.OpMaxPool, In: pool(p).In, Out: pool(p).Out,
				Window: kernels.Window{Kernel: 2, Stride: 1, Pad: 2, Dilation: 1}}
		}},
		{"a pool changes the channels", "maxpool stores", func(p *kernels.Program) {
			p.Nodes[0].Shape.C = 1
			p.Values[0].C = 1
			p.Steps[0] = kernels.Step{Name: "s0", Op: kernels.OpMaxPool, In: []kernels.NodeID{0}, Out: 1, Window: same(3)}
		}},
		{"a sum changes the shape", "sum stores", func(p *kernels.Program) { pool(p).Op = kernels.OpSum }},
		{"a concatenation adds up wrongly", "concat stores", func(p *kernels.Program) {
			pool(p).Op, pool(p).In = kernels.OpConcat, append(pool(p).In[:1:1], pool(p).In...)
		}},
		{"a concatenation is of two sizes", "concatenates", func(p *kernels.Program) {
			pool(p).Op, pool(p).In = kernels.OpConcat, append(pool(p).In[:1:1], last(p).In...)
			p.Nodes[last(p).In[0]].Terms = nil
		}},
		{"a global mean keeps pixels", "globalavg stores", func(p *kernels.Program) {
			p.Steps[0] = kernels.Step{Name: "s0", Op: kernels.OpGlobalAvg, In: []kernels.NodeID{0}, Out: 1}
		}},
		{"a linear step has pixels", "linear on", func(p *kernels.Program) { last(p).In[0] = 1 }},
		{"a linear step has no weight", "linear with weight -1", func(p *kernels.Program) { last(p).Weight = -1 }},
		{"a linear step has a bias of −2", "linear with weight", func(p *kernels.Program) { last(p).Bias = -2 }},
		{"the logits have pixels", "linear stores", func(p *kernels.Program) { p.Values[p.Logits()].H = 2 }},
		{"a parameter is used twice", "is already used by", func(p *kernels.Program) { p.Steps[1].Branches[0].Weight = p.Steps[0].Branches[0].Weight }},
		{"a block ends at no node", "block 0 (all): no nodes", func(p *kernels.Program) { p.Blocks[0].Out = 99 }},
	}
}

// auxiliary gives a program an auxiliary classifier beside its own. Its weight is not in the table of parameters.
func auxiliary(p *kernels.Program) *kernels.Program {
	last := p.Steps[len(p.Steps)-1]
	p.Values = append(p.Values, p.Values[last.Out])
	aux := last
	aux.Name, aux.Out, aux.Bias = "aux", kernels.ValueID(len(p.Values)-1), kernels.NoParam
	aux.Weight += kernels.ParamID(len(p.Shapes())) // one that no step uses
	p.Steps = append(p.Steps[:len(p.Steps)-1], aux, last)
	p.AuxWeight = 0.4
	return p
}
