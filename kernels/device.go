package kernels

import (
	"errors"

	"bnas.example/philox"
)

// ErrUnsupported is wrapped by the error for a legal Program or call that a Device does not support.
var ErrUnsupported = errors.New("not supported by this device")

// ParamKind is the kind of a parameter.
type ParamKind int

const (
	Gamma ParamKind = iota
	Beta
	ConvWeight
	LinearWeight
	LinearBias
)

// Param is one entry of a supernet's parameter table: every convolution, BatchNorm and classifier of every path.
type Param struct {
	Name  string
	Kind  ParamKind
	Shape []int
}

// Len is the number of elements.
func (p Param) Len() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Slot is one of the arrays that a Store keeps for each parameter.
type Slot int

const (
	Data    Slot = iota
	Grad         // written by Exec.Backward, not accumulated
	Moment1      // SGD: velocity; AdamW: first moment
	Moment2      // AdamW: second moment
)

// Store holds the parameters of a whole supernet on a device, so that the next path is only another Program. Frozen
// weights are written once and packed as the device likes at first use; Write to Data discards the packed form.
type Store interface {
	Params() []Param
	Read(id ParamID, slot Slot, dst []float32) error
	Write(id ParamID, slot Slot, src []float32) error
	// Update applies one optimizer step to ids from their Grad slots, skipping every other parameter, and returns the
	// global ℓ2 norm of the gradients before clipping. A non-finite gradient is an error that names the parameter, and
	// then nothing is updated.
	Update(rule Update, ids []ParamID) (norm float64, err error)
}

// NormalFiller is a Store that fills a parameter's Data with normal samples on the device. They are those of
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
)

// Update is one optimizer step's settings.
type Update struct {
	Kind         OptimizerKind
	LR           float64
	Momentum     float64
	Nesterov     bool
	Beta1, Beta2 float64
	Eps          float64
	// WeightDecay is for γ and β; WeightDecayWeights for convolution and classifier weights.
	WeightDecay, WeightDecayWeights float64
	// ClipNorm scales all gradients so that their global ℓ2 norm is at most this; 0 does not clip.
	ClipNorm float64
	// Steps[i] is how many updates ids[i] has had, this one included (AdamW's bias correction; others ignore it).
	Steps []int
}

// Info describes a device.
type Info struct {
	Name    string // "cpu", "reference", …
	Detail  string // instruction set, threads, memory: one line for logs and doctor
	Threads int
}

// Device makes Stores and compiles Programs. [Guard] makes one of a [Backend]. One goroutine at a time may use a Device
// and what it made.
type Device interface {
	Info() Info
	NewStore(params []Param) (Store, error)
	// Compile plans p for batches of up to n images with the parameters of s. It must be cheap (a path is drawn anew
	// each training step). The activations of all Execs of a Device share one arena: Forward of one Exec invalidates
	// what another has saved.
	Compile(p *Program, s Store, n int) (Exec, error)
	Close() error
}

// StatGrad says how Backward treats the batch statistics.
type StatGrad int

const (
	// DifferentiateStatistics: μ and σ² are functions of the batch, dx = γr(δ − dβ/m − x̂·dγ/m).
	DifferentiateStatistics StatGrad = iota
	// HoldStatistics: μ and σ² are constants, dx = γrδ.
	HoldStatistics
)

// Exec is a compiled Program. Calls are queued in order; those that return data wait for it. Slices are read or
// written before the call returns. Images and feature maps are dense N×C×H×W float32.
type Exec interface {
	Program() *Program
	Runner
	Observer
	// SavedBytes is the size of what a Forward of n images keeps for the backward pass.
	SavedBytes(n int) int64
}

// Runner runs the forward and backward passes of training and evaluation.
type Runner interface {
	// Forward runs len(images)/Values[Images].Len() images. The first statRows of them give the statistics that
	// normalise all of them (MC-BatchNorm when statRows < n; training when statRows == n); with statRows == 0 the
	// statistics are those last set by SetStatistics or left by an earlier Forward of this Exec.
	Forward(images []float32, statRows int) error
	// Logits writes n×Classes.
	Logits(dst []float32) error

	// CrossEntropy forms the loss of the last Forward, mean over its images of −Σ_k q_k log softmax_k with
	// q = (1−smoothing)·onehot + smoothing/K, and the gradient of the logits.
	CrossEntropy(labels []int, smoothing float64) error
	// Loss returns the mean loss and how many images have their label as first maximum.
	Loss() (loss float64, correct int, err error)
	// SetLogitGradient gives ∂/∂logits, n×Classes, instead of CrossEntropy.
	SetLogitGradient(d []float32) error

	// Backward writes the Grad slots of the program's γ and β and of its classifier; of its convolution weights too
	// if weights is set. DifferentiateStatistics needs a Forward with statRows == n.
	Backward(s StatGrad, weights bool) error

	// Statistics writes μ and the biased σ² of every BN in order, each of the BN's channels.
	Statistics(mean, variance []float64) error
	// SetStatistics sets them. BatchNorms of one value must be given the same. The results of the last Forward are
	// then gone.
	SetStatistics(mean, variance []float64) error
}

// Observer measures the network at the images of the last Forward.
type Observer interface {
	// SampleGradients writes the gradient of every image's own contribution with frozen statistics: n×BNParams. It
	// does not write the Grad slots.
	SampleGradients(dst []float32) error
	// NodeGradient propagates seed, a gradient at node from (n×shape), back to node to with frozen statistics, as if
	// nothing but from depended on to: dst (n×shape of to).
	NodeGradient(dst []float32, to NodeID, seed []float32, from NodeID) error

	// Covariance writes the channel covariance over images and pixels, C×C, biased, and the means, C.
	Covariance(t Tap, mean, cov []float64) error
	// SpatialMean writes the mean over pixels, n×C.
	SpatialMean(t Tap, dst []float64) error
	// Read writes the node or value, n×C×H×W.
	Read(t Tap, dst []float32) error
	// CodeGram writes K[i][j], n×n: the number of rectifiers whose on/off state (input > 0) is the same for images i
	// and j, each step counted ReLUs times; units is their number.
	CodeGram(dst []int64) (units int64, err error)
	// FiringRate writes, for each step with an activation in order, the share of images and pixels at which each
	// channel's input is > 0; the lengths are those steps' input channels.
	FiringRate(dst []float64) error
}
