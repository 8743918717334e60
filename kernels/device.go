package kernels

import (
	"errors"

	"bnas.example/philox"
)

// ErrUnsupported means that the Device does not support a Program or call, although it is legal. Errors wrap it.
var ErrUnsupported = errors.New("not supported by this device")

// ErrOutOfMemory means that a device has too little memory of its own left. Errors wrap it.
var ErrOutOfMemory = errors.New("out of GPU memory")

// ParamKind is the kind of a parameter.
type ParamKind int

const (
	Gamma ParamKind = iota
	Beta
	ConvWeight
	LinearWeight
	LinearBias
)

// Param is one entry of a supernet's parameter table. The table has the parameters of every convolution, BatchNorm and
// classifier of every path. Every size is positive, and a parameter has at most 2³¹ elements.
type Param struct {
	Name  string
	Kind  ParamKind
	Shape []int
}

// Len returns the number of elements.
func (p Param) Len() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Slot selects one of the arrays that a Store keeps for each parameter.
type Slot int

const (
	Data    Slot = iota
	Grad         // written by Exec.Backward, not accumulated
	Moment1      // SGD, RMSProp: velocity; AdamW: first moment
	Moment2      // AdamW: second moment; RMSProp: mean square less the rest of its start
)

// Store holds the parameters of a whole supernet on a device: a new path needs only a new Program. Frozen weights are
// written once. A device may pack them at first use into a layout of its own; a Write to Data discards that copy.
type Store interface {
	Params() []Param
	// Read copies a slot of ids to dst, one parameter after the other. One call for many parameters is faster than many
	// calls: a GPU waits once.
	Read(slot Slot, dst []float32, ids ...ParamID) error
	// Write copies src to a slot of ids, one parameter after the other.
	Write(slot Slot, src []float32, ids ...ParamID) error
	// QueueRead is Read without waiting: Wait of the result fills dst with what the slot holds now.
	QueueRead(slot Slot, dst []float32, ids ...ParamID) *Pending[Nothing]
	// Update applies one optimizer step to ids from their Grad slots. It changes no other parameter. It returns the
	// global ℓ2 norm of the gradients before clipping. If a gradient is not finite, it returns a *GradientError that names the
	// parameter, and updates nothing.
	Update(rule Update, ids []ParamID) (norm float64, err error)
	// QueueUpdate is Update without waiting: what is called next sees the new parameters, or the old ones if a gradient is
	// not finite. The GradientError then comes from Wait; its Value is NaN if the gradient has been overwritten.
	QueueUpdate(rule Update, ids []ParamID) *Pending[float64]
}

// NormalFiller is a Store that fills a parameter with normal samples on the device. The samples are those of
// Stream.Normal of a new stream, except where a double is at a rounding boundary of float32.
type NormalFiller interface {
	FillNormal(id ParamID, s *philox.Stream, sigma float64) error
}

// OptimizerKind selects the update rule.
type OptimizerKind int

const (
	// SGD as PyTorch writes it: g += wd·θ; v = μ·v + g; θ −= lr·(g + μ·v if Nesterov, else v).
	SGD OptimizerKind = iota
	// AdamW: θ −= lr·wd·θ, then θ −= lr·m̂/(√v̂+ε), with bias correction from Steps.
	AdamW
	// RMSProp is TensorFlow's RMSPropOptimizer (version 1), with which NAS-Bench-101 was trained: g += wd·θ; ms = β₂·ms + (1−β₂)g²;
	// v = μ·v + lr·g/√(ms+ε); θ −= v. ms starts at one, ε is inside the root, and the rate is in the velocity:
	// torch.optim.RMSprop differs in all three. Moment2 is ms − β₂ᵗ, t from Steps, which starts at zero.
	RMSProp
)

// Update holds the settings of one optimizer step.
type Update struct {
	Kind         OptimizerKind
	LR           float64
	Momentum     float64
	Nesterov     bool
	Beta1, Beta2 float64
	Eps          float64
	// WeightDecay applies to γ and β, WeightDecayWeights to the weights of convolutions and classifier, and to its bias.
	WeightDecay, WeightDecayWeights float64
	// ClipNorm is the largest global ℓ2 norm of the gradients: larger ones are scaled down to it. 0 does not clip.
	ClipNorm float64
	// ClipValue is the largest magnitude of an element of a gradient, after ClipNorm. 0 does not clip.
	ClipValue float64
	// Steps[i] is the number of updates of ids[i], this one included. AdamW's bias correction and the start
	// of RMSProp's mean square need it; SGD ignores it.
	Steps []int
}

// Info describes a device.
type Info struct {
	Name    string // "cpu", "reference", …
	Detail  string // instruction set, threads, memory, in one line for logs and `bnas doctor`
	Threads int
	// Arithmetic names what decides the bits of results beside the kind of device: "avx512", "float64", "bf16, half". Two
	// devices of one Name and one Arithmetic give the same bits.
	Arithmetic string
}

// Device makes Stores and compiles Programs. [Guard] makes a Device from a [Backend]. Only one goroutine at a time may
// use a Device, its Stores and its Execs.
type Device interface {
	Info() Info
	// NewStore makes a Store of zeros. It keeps params: do not change them afterwards.
	NewStore(params []Param) (Store, error)
	// Compile plans p for batches of up to n images with the parameters of s. It must be cheap, because each training
	// step draws a new path. The Exec keeps p: do not change it afterwards. The activations of all Execs of a Device share
	// one arena: a Forward of one Exec invalidates the saved activations of the others.
	Compile(p *Program, s Store, n int) (Exec, error)
	Close() error
	guarded() // only Guard makes a Device
}

// StatGrad selects how Backward treats the statistics of the BatchNorms.
type StatGrad int

const (
	// DifferentiateStatistics: μ and σ² are functions of the batch, dx = γr(δ − dβ/m − x̂·dγ/m).
	DifferentiateStatistics StatGrad = iota
	// FreezeStatistics: the statistics are frozen, μ and σ² are constants, dx = γrδ.
	FreezeStatistics
)

// Exec is a compiled Program. Calls are queued in order. A call that returns data waits for the data; one that returns a
// Pending does not, and Wait of the Pending does. Slices are read or written before the call returns, and by Wait where there
// is a Pending. A device that computes when it is called returns Pendings that are Ready. Images and feature maps are dense
// N×C×H×W float32.
type Exec interface {
	Program() *Program
	Runner
	Observer
	// SavedBytes returns the size of the data that a Forward of n images keeps for the backward pass.
	SavedBytes(n int) int64
}

// Runner runs the forward and backward passes of training and evaluation.
type Runner interface {
	// Forward runs n = len(images)/Values[Images].Len() images. The statistics of the first statRows images normalise
	// all n images: statRows == n is training, statRows < n is MC-BatchNorm. With statRows == 0 the statistics are
	// frozen: those of the last SetStatistics or of an earlier Forward of this Exec.
	Forward(images []float32, statRows int) error
	// SetFactors sets the factors of the terms that have one (Term.Factor) for each of n images: Program.Factors() × n, one
	// row a term, in the order of the nodes and of their terms. They hold for all later calls of Forward, which must be of n
	// images. Without any all factors are 1; so they are before the first call. It discards the results of the last Forward.
	SetFactors(factors []float32) error
	// Restrict keeps the first n images of the last Forward and freezes its statistics. What follows is as after a Forward of
	// those images with statRows == 0.
	Restrict(n int) error
	// Logits writes n×Classes.
	Logits(dst []float32) error

	// CrossEntropy computes the loss of the last Forward and the gradient of the logits. The loss is the mean over the
	// images of −Σ_k q_k log softmax_k with q = (1−smoothing)·onehot + smoothing/K. An auxiliary classifier adds its own, times
	// Program.AuxWeight.
	CrossEntropy(labels []int, smoothing float64) error
	// Loss returns the loss and the number of images whose label is the first maximum of their logits. An auxiliary
	// classifier counts in the loss alone.
	Loss() (loss float64, correct int, err error)
	// QueueLoss is Loss without waiting.
	QueueLoss() *Pending[Loss]
	// SetLogitGradient sets the gradient of the logits, n×Classes. It replaces a call of CrossEntropy. That of the logits of an
	// auxiliary classifier is 0.
	SetLogitGradient(d []float32) error

	// Backward writes the Grad slots of the program's γ and β and of its classifiers. With weights it writes those of the
	// convolution weights too. The gradient of the part of a parameter that the program does not use is 0.
	// DifferentiateStatistics needs a Forward with statRows == n.
	Backward(s StatGrad, weights bool) error

	// Statistics writes μ and the biased σ² of every channel of every BN, in the order of the BNs.
	Statistics(mean, variance []float64) error
	// QueueStatistics is Statistics without waiting: Wait of the result fills the slices.
	QueueStatistics(mean, variance []float64) *Pending[Nothing]
	// SetStatistics sets μ and σ². BatchNorms of one value must get the same. It discards the results of the last
	// Forward.
	SetStatistics(mean, variance []float64) error
}

// Observer measures the network at the images of the last Forward.
type Observer interface {
	// SampleGradients writes the gradient of γ and β for each image alone, with frozen statistics: n×BNParams. It does
	// not write the Grad slots.
	SampleGradients(dst []float32) error
	// NodeGradient propagates the gradient seed at node from (n×shape) back to node to, with frozen statistics, along
	// the paths between the two nodes only. It writes dst (n×shape of to).
	NodeGradient(dst []float32, to NodeID, seed []float32, from NodeID) error
	// NodeProducts propagates seed as NodeGradient does. It writes the products of the channels of the result and of the seed,
	// summed over images and the pixels of from: [C(to)·h·w][C(from)]. H(to) = h·H(from) and W(to) = w·W(from): h×w pixels of to
	// belong to a pixel of from. Row (c·h + y)·w + x is channel c at pixel (y, x) of them.
	NodeProducts(dst []float64, to NodeID, seed []float32, from NodeID) error

	// Covariance writes the channel covariance over images and pixels, C×C, biased, and the means, C.
	Covariance(t Tap, mean, cov []float64) error
	// SpatialMean writes the mean over pixels, n×C.
	SpatialMean(t Tap, dst []float64) error
	// Read writes the node or value, n×C×H×W.
	Read(t Tap, dst []float32) error
	// CodeGram writes the n×n matrix K. K[i][j] is the number of rectifiers with the same on/off state (input > 0) for
	// the images i and j. The rectifiers of a step count ReLUs times. units is the number of rectifiers.
	CodeGram(dst []int64) (units int64, err error)
	// FiringRate writes the share of images and pixels at which the input of a rectified channel is > 0. The channels
	// are the input channels of each step with an activation, in the order of the steps.
	FiringRate(dst []float64) error
}
