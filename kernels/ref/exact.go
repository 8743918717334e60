package ref

import "bnas.example/kernels"

// These methods return the results of the last calls in float64, for tests. The slices belong to the Exec: do not write
// to them, and read them before the next call.

// Values returns a stored value of the last Forward, n×C×H×W.
func (e *Exec) Values(v kernels.ValueID) []float64 { return e.values[v] }

// Node returns the sum of a node in the last Forward, n×C×H×W.
func (e *Exec) Node(n kernels.NodeID) []float64 { return e.sum(n) }

// Moments returns μ and σ² of a normalised value, by channel.
func (e *Exec) Moments(v kernels.ValueID) (mean, variance []float64) { return e.mean[v], e.variance[v] }

// Gradient returns the gradient of a parameter in the last Backward. It returns nil if the gradient is zero or was not
// requested.
func (e *Exec) Gradient(id kernels.ParamID) []float64 { return e.grads[id] }

// Sample returns the result of the last SampleGradients, n×BNParams.
func (e *Exec) Sample() []float64 { return e.sample }
