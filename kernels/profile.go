package kernels

import "time"

// Phase is a part of the work of a pass.
type Phase int

// The phases, in the order of a step's work.
const (
	FormPhase       Phase = iota // inputs of convolutions: BatchNorm, sum, activation
	TransformPhase               // Winograd's transforms, of inputs and of outputs
	ProductPhase                 // the products of convolutions
	GradientPhase                // adding to the gradients of nodes, with the sums for dγ and dβ
	StatisticsPhase              // of the outputs of convolutions
	WeightPhase                  // the gradients of weights, and their layout
	OtherPhase                   // all steps but convolutions, and images into the layout of the device
	Phases                       // their number
)

func (p Phase) String() string {
	return [...]string{"form", "transforms", "products", "gradients", "statistics", "weights", "other steps"}[p]
}

// Profiler is an Exec that can measure its phases.
type Profiler interface {
	// Profile begins to measure, or begins again.
	Profile()
	// Phases returns the time of each phase since Profile, the sum over threads, and the number of multiplications and additions of
	// the products. Profile must have been called.
	Phases() (phases [Phases]time.Duration, flops float64)
}
