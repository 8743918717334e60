package ref

import "bnas.example/kernels"

// The results of the last calls in float64, for tests. They are the Exec's own: read them only, before the next call.

// Values is a stored value of the last Forward, n×C×H×W.
func (e *Exec) Values(v kernels.ValueID) []float64 { return e.values[v] }

// Node is a node's sum in the last Forward, n×C×H×W.
func (e *Exec) Node(n kernels.NodeID) []float64 { return e.sum(n) }

// Moments are a normalised value's μ and σ², by channel.
func (e *Exec) Moments(v kernels.ValueID) (mean, variance []float64) { return e.mean[v], e.variance[v] }

// Gradient is a parameter's gradient of the last Backward; nil where it is zero or was not asked for.
func (e *Exec) Gradient(id kernels.ParamID) []float64 { return e.grads[id] }

// Sample is what the last SampleGradients found, n×BNParams.
func (e *Exec) Sample() []float64 { return e.sample }
