// Package kernels defines the contract between networks and the devices that run them.
//
// A [Program] is one sub-network as plain data: a list of fused steps over numbered values. A [Device] compiles a
// Program and runs it, forward and backward. The packages above do not depend on a particular Device. Every Device must
// pass the test suite of the package kerneltest.
package kernels

// ValueID, NodeID and BNID index the slices of a Program. ParamID indexes the parameter table of the whole supernet.
type (
	ValueID int
	NodeID  int
	BNID    int
	ParamID int
)

// NoBN marks a term without a BatchNorm. NoParam marks an absent parameter: the bias of a linear layer without one.
const (
	NoBN    BNID    = -1
	NoParam ParamID = -1
)

// MaxTerms is the largest number of terms that a step can sum as it loads a node. An OpSum step splits a longer sum.
const MaxTerms = 3

// Images is the value that holds the network's input.
const Images ValueID = 0

// Shape is the shape of one image's feature map: channels, height, width.
type Shape struct{ C, H, W int }

// Len is the number of elements, C·H·W.
func (s Shape) Len() int { return s.C * s.H * s.W }

// Value is a tensor that a step writes to memory: the output of a convolution or a pool, before any BatchNorm.
type Value struct {
	Name string
	Shape
}

// BN is one BatchNorm: y = γ·x̂ + β with x̂ = (x−μ)/√(σ²+ε). μ and σ² are taken over all images and pixels of Value.
// Several BNs may normalise the same value and then share its statistics: identity-BatchNorms with one source do.
type BN struct {
	Name        string
	Value       ValueID
	Gamma, Beta ParamID
	Eps         float64
}

// Term is one summand of a node: a value, either unchanged (BN == NoBN) or through a BatchNorm. With Factor it is multiplied
// by a number of its own for each image, f_i·(γ·x̂ + β): see Runner.SetFactors. The statistics are of the value, without the
// factor.
type Term struct {
	Value  ValueID
	BN     BNID
	Factor bool
}

// Node is a sum of up to MaxTerms terms, all of the node's shape. A node without terms is zero. A node is not
// materialised; each step that reads it recomputes the sum. Each BN belongs to exactly one node, so that ∂loss/∂node,
// times the factor of the term, is the gradient at the output of each of its BatchNorms.
type Node struct {
	Name string
	Shape
	Terms []Term
}

// Activation is the function that a step applies to a node as it loads it.
type Activation int

const (
	Linear Activation = iota
	ReLU
	ReLU6
)

// Op is the operation that a step computes from its loaded input u = act(node).
type Op int

const (
	OpConv      Op = iota // one convolution for each branch, all of the same u
	OpMaxPool             // maximum over the window, padding ignored
	OpAvgPool             // mean over the part of the window inside the image (count_include_pad = false)
	OpSum                 // the stored value is u itself
	OpConcat              // the channels of act(node) of every In, in order; the value may lack the last channels of the last
	OpGlobalAvg           // mean over pixels: C×1×1
	OpLinear              // y = W·u + b on a C×1×1 node: the logits of a classifier
)

// Window is the geometry of a convolution or pool. Output pixel o reads the inputs o·Stride − Pad + k·Dilation,
// k < Kernel. A convolution reads zeros outside of the image; a pool skips these positions. The output value gives the
// output's size. A negative Pad is legal: it shifts a stride-2 convolution.
type Window struct{ Kernel, Stride, Pad, Dilation int }

// Branch is one convolution of an OpConv step. Its weight has the shape [out, in/Groups, Kernel, Kernel], or is the leading
// part of a larger one: see View.
type Branch struct {
	Weight ParamID
	Out    ValueID
}

// Step is one fused operation: it loads a node, applies the activation, computes, stores, and gathers the statistics of
// the stored values for their BatchNorms.
type Step struct {
	Name string
	Op   Op
	In   []NodeID // one, or several for OpConcat
	Act  Activation
	Window
	Groups   int      // OpConv: 1, or the number of input channels (depthwise), or a divisor of both
	Branches []Branch // OpConv: convolutions with the same u, window and Groups
	Out      ValueID  // all other ops
	Weight   ParamID  // OpLinear: [out, in]
	Bias     ParamID  // OpLinear: [out], or NoParam
	ReLUs    int      // number of activation modules of the original network that this load replaces (≥ 1 if Act ≠ Linear)
}

// Block is a part of the network from node In to node Out, a cell or a stage. Indicators measure it.
type Block struct {
	Name    string
	In, Out NodeID
}

// Program is one sub-network. The order of Steps is such that every value of a node is stored before a step loads the
// node. The last step is an OpLinear; its value is the logits.
//
// A Program of training may have an auxiliary classifier: one more OpLinear, with as many outputs. AuxWeight, above 0, is the
// weight of its cross entropy in the loss. A Program without one has an AuxWeight of 0.
type Program struct {
	Name      string
	Values    []Value // Values[Images] is the input
	BNs       []BN
	Nodes     []Node
	Steps     []Step
	Blocks    []Block
	AuxWeight float64
}

// Logits returns the value that the last step stores.
func (p *Program) Logits() ValueID { return p.Steps[len(p.Steps)-1].Out }

// Classes returns the number of logits of an image.
func (p *Program) Classes() int { return p.Values[p.Logits()].C }

// BNParams returns the number of γ and β of the program. This is the number of columns of a per-sample Jacobian. Its
// columns follow the order of BNs; each BN has first all its γ, then all its β.
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

// RectifiedChannels returns the number of channels that steps load through an activation.
func (p *Program) RectifiedChannels() int {
	n := 0
	p.EachRectified(func(_ *Step, node NodeID) { n += p.Nodes[node].C })
	return n
}
