// Package kernels is the contract between what a network computes and what computes it.
//
// A [Program] is one sub-network as plain data: a straight line of fused steps over numbered values. A [Device]
// compiles a Program and runs it, forward and backward. Nothing above a Device knows which one it is. The package
// kerneltest holds the one suite that every Device must pass.
package kernels

// Identifiers index the slices of a Program; a ParamID indexes the parameter table of the whole supernet.
type (
	ValueID int
	NodeID  int
	BNID    int
	ParamID int
)

// NoBN marks a term that is read as it is; NoParam an absent parameter (a linear layer without bias).
const (
	NoBN    BNID    = -1
	NoParam ParamID = -1
)

// MaxTerms is how many BatchNorm outputs a load can sum. A longer sum is split by an OpSum step.
const MaxTerms = 3

// Images is the value that holds the network's input.
const Images ValueID = 0

// Shape is the shape of one image's feature map: channels, height, width.
type Shape struct{ C, H, W int }

// Len is the number of elements, C·H·W.
func (s Shape) Len() int { return s.C * s.H * s.W }

// Value is a tensor that a step stores: the raw output of a convolution or a pool, before any BatchNorm.
type Value struct {
	Name string
	Shape
}

// BN is one BatchNorm: y = γ·x̂ + β with x̂ = (x−μ)/√(σ²+ε), μ and σ² over all images and pixels of Value.
// Several BNs may normalise the same value (identity-BatchNorms that share a source); they share its statistics.
type BN struct {
	Name        string
	Value       ValueID
	Gamma, Beta ParamID
	Eps         float64
}

// Term is one summand of a node: the value as it is (BN == NoBN) or through a BatchNorm.
type Term struct {
	Value ValueID
	BN    BNID
}

// Node is a sum of up to MaxTerms terms, all of the node's shape; no terms means zeros. A node is never stored:
// whoever loads it forms it. Each BN belongs to exactly one node, so that ∂loss/∂node is the gradient at the output
// of each of its BatchNorms.
type Node struct {
	Name string
	Shape
	Terms []Term
}

// Activation is applied to a node as a step loads it.
type Activation int

const (
	Linear Activation = iota
	ReLU
	ReLU6
)

// Op says what a step computes from its loaded input u = act(node).
type Op int

const (
	OpConv      Op = iota // a convolution for each branch, all on the same u
	OpMaxPool             // maximum over the window, padding ignored
	OpAvgPool             // mean over the part of the window inside the image (count_include_pad = false)
	OpSum                 // the stored value is u itself
	OpConcat              // channels of act(node) of every In, in order
	OpGlobalAvg           // mean over pixels: C×1×1
	OpLinear              // y = W·u + b on a C×1×1 node; the step that makes the logits
)

// Window is the geometry of a convolution or pool. Output pixel o reads inputs o·Stride − Pad + k·Dilation,
// k < Kernel; outside the image there are zeros (for pools: nothing). The output's size is that of its value, so a
// negative Pad (a shifted stride-2 convolution) is a legal geometry.
type Window struct{ Kernel, Stride, Pad, Dilation int }

// Branch is one convolution of an OpConv step. Weight has shape [out, in/Groups, Kernel, Kernel].
type Branch struct {
	Weight ParamID
	Out    ValueID
}

// Step is one fused operation: load and activate, compute, store, and gather what the BatchNorms of the stored
// values need.
type Step struct {
	Name string
	Op   Op
	In   []NodeID // one, or several for OpConcat
	Act  Activation
	Window
	Groups   int      // OpConv: 1, or the number of input channels (depthwise), or a divisor of both
	Branches []Branch // OpConv: sibling convolutions that share u, the window and Groups
	Out      ValueID  // all other ops
	Weight   ParamID  // OpLinear: [out, in]
	Bias     ParamID  // OpLinear: [out], or NoParam
	ReLUs    int      // how many activation modules of the original network this load stands for (≥ 1 if Act ≠ Linear)
}

// Block is a stretch of the network that indicators look at, a cell or a stage: from node In to node Out.
type Block struct {
	Name    string
	In, Out NodeID
}

// Program is one sub-network. Steps are in an order in which every node's values are stored before they are loaded.
// The last step is the only OpLinear and its value the logits.
type Program struct {
	Name   string
	Values []Value // Values[Images] is the input
	BNs    []BN
	Nodes  []Node
	Steps  []Step
	Blocks []Block
}

// Logits is the value that the last step stores.
func (p *Program) Logits() ValueID { return p.Steps[len(p.Steps)-1].Out }

// Classes is the number of logits.
func (p *Program) Classes() int { return p.Values[p.Logits()].C }

// BNParams is the number of γ and β of the program: the columns of a per-sample Jacobian, which come BN after BN in
// the order of BNs, each all its γ and then all its β.
func (p *Program) BNParams() int {
	n := 0
	for _, b := range p.BNs {
		n += 2 * p.Values[b.Value].C
	}
	return n
}

// NodeOf returns the node that each BN enters.
func (p *Program) NodeOf() []NodeID {
	of := make([]NodeID, len(p.BNs))
	for n, node := range p.Nodes {
		for _, t := range node.Terms {
			if t.BN != NoBN {
				of[t.BN] = NodeID(n)
			}
		}
	}
	return of
}

// EachRectified calls f for every node that a step loads through an activation, in the order of the steps.
func (p *Program) EachRectified(f func(s *Step, node NodeID)) {
	for i := range p.Steps {
		if s := &p.Steps[i]; s.Act != Linear {
			for _, node := range s.In {
				f(s, node)
			}
		}
	}
}

// RectifiedChannels is the number of channels that steps load through an activation.
func (p *Program) RectifiedChannels() int {
	n := 0
	p.EachRectified(func(_ *Step, node NodeID) { n += p.Nodes[node].C })
	return n
}
