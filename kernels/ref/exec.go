package ref

import (
	"fmt"
	"math/rand/v2"

	"bnas.example/kernels"
	"bnas.example/kernels/hoststore"
)

// Exec runs one Program. Its methods check no call. Call the methods of kernels.Exec on the Exec that Compile returned,
// and use [Of] only for the methods that return float64. Feature maps are dense n×C×H×W.
type Exec struct {
	p     *kernels.Program
	store *hoststore.Store

	n        int         // images of the last Forward
	values   [][]float64 // each stored value
	mean     [][]float64 // of each value that a BN normalises, by channel
	variance [][]float64
	gates    map[kernels.NodeID][]float32 // see SetGate
	rows     [][kernels.MaxTerms]int      // of the factors of the nodes' terms
	factors  []float64                    // a row after the other; nil: all are 1
	rounding Rounding
	noise    *rand.Rand // nil: none

	loss    float64
	correct int
	dLogits [][]float64 // ∂loss/∂logits of each classifier; nil: 0

	stop func() error // see StopWith; nil: passes run to their end

	columns []int                         // where each BN's γ starts in a row of sample gradients
	sample  []float64                     // n×BNParams of the last backward pass
	grads   map[kernels.ParamID][]float64 // of the last Backward
}

func newExec(p *kernels.Program, s *hoststore.Store) *Exec {
	e := &Exec{
		p:        p,
		store:    s,
		values:   make([][]float64, len(p.Values)),
		mean:     make([][]float64, len(p.Values)),
		variance: make([][]float64, len(p.Values)),
		columns:  make([]int, len(p.BNs)),
		rows:     p.FactorRows(),
	}
	at := 0
	for i, b := range p.BNs {
		e.columns[i] = at
		at += 2 * p.Values[b.Value].C
	}
	return e
}

// Program returns the program.
func (e *Exec) Program() *kernels.Program { return e.p }

// StopWith makes the passes call stop before each step.
func (e *Exec) StopWith(stop func() error) { e.stop = stop }

func (e *Exec) stopped() error {
	if e.stop == nil {
		return nil
	}
	return e.stop()
}

// SavedBytes returns the size of all values in float64.
func (e *Exec) SavedBytes(n int) int64 {
	var elements int64
	for _, v := range e.p.Values {
		elements += int64(v.Len())
	}
	return 8 * elements * int64(n)
}

// SetGate replaces the sums of a node by z, n×shape, in two decisions: whether a rectifier is on, and which element of a
// window is the maximum. It affects the backward passes, CodeGram and FiringRate of the last Forward. The next Forward
// discards it.
//
// Two devices round a sum differently, and a sum near zero may get different signs. With z from the other device both
// make the same decisions, and their gradients can be compared element by element.
func (e *Exec) SetGate(node kernels.NodeID, z []float32) error {
	if node < 0 || int(node) >= len(e.p.Nodes) {
		return fmt.Errorf("no node %d", node)
	}
	if want := e.n * e.p.Nodes[node].Len(); want == 0 || len(z) != want {
		return fmt.Errorf("sums of node %d: %d elements, must be %d and after a Forward", node, len(z), want)
	}
	e.gates[node] = append([]float32(nil), z...)
	return nil
}

// data returns the part of a parameter that has the given shape, in float64.
func (e *Exec) data(id kernels.ParamID, shape ...int) []float64 {
	return widen(kernels.Gather(e.store.Params()[id].View(shape...), e.store.Slice(id, kernels.Data)))
}

// weight returns the weight of a convolution.
func (e *Exec) weight(s *kernels.Step, b kernels.Branch) []float64 {
	return e.data(b.Weight, e.p.WeightShape(s, b)...)
}

func widen(src []float32) []float64 {
	dst := make([]float64, len(src))
	for i, v := range src {
		dst[i] = float64(v)
	}
	return dst
}

func toFloat32(dst []float32, src []float64) {
	for i, v := range src {
		dst[i] = float32(v)
	}
}
