package kernels

import "fmt"

// GramObserver is an Exec that forms Gram matrices of the images' gradients where it computes: a matrix leaves the device, and not
// the gradients, which are megabytes.
type GramObserver interface {
	// Tangents forms tangent kernels: see the function.
	Tangents(t Tangents) (TangentSums, error)
	// NodeGram propagates seed as NodeGradient does, and writes the n×n products of the images' gradients: see the function.
	NodeGram(dst []float64, to NodeID, seed []float32, from NodeID) error
}

// Tangents asks for sums over directions v of what the Jacobians J_v give. J_v is ∂⟨v, logits⟩/∂(γ, β) of each image, n×BNParams,
// as SampleGradients writes it.
type Tangents struct {
	Directions [][]float32 // v, each of length Classes
	Factors    [][]float64 // c of each kernel Σ_v J_v·diag(c²)·J_vᵀ: BNParams, or nil for ones
	Columns    []int       // of J_v: those that are wanted themselves
}

// TangentSums is what [Tangents] asks for.
type TangentSums struct {
	Kernels [][]float64 // one for each element of Factors: n×n
	Columns []float32   // directions × n × len(Tangents.Columns)
}

// SumTangents forms t at the images of the last Forward, with frozen statistics and sums in float64. It discards the gradient of
// the logits. The error wraps [ErrUnsupported] if the device forms none: package ntk then does it on the host.
func SumTangents(e Exec, t Tangents) (TangentSums, error) {
	g, o, err := gramObserver(e)
	if err != nil {
		return TangentSums{}, err
	}
	if err = g.checkTangents(t); err != nil {
		return TangentSums{}, g.wrap("Tangents", err)
	}
	g.scored, g.seeded = false, false
	sums, err := o.Tangents(t)
	return sums, g.wrap("Tangents", err)
}

// NodeGram writes the products ⟨g_i, g_k⟩ of the gradients of the images at node to, n×n, of seed at node from: those that
// NodeGradient writes. Sums are in float64. The error wraps [ErrUnsupported] if the device forms none.
func NodeGram(e Exec, dst []float64, to NodeID, seed []float32, from NodeID) error {
	g, o, err := gramObserver(e)
	if err != nil {
		return err
	}
	if err = g.checkSeed(to, seed, from); err == nil {
		err = checkLength("products", len(dst), g.n*g.n)
	}
	if err == nil {
		err = o.NodeGram(dst, to, seed, from)
	}
	return g.wrap("NodeGram", err)
}

func gramObserver(e Exec) (*guardedExec, GramObserver, error) {
	g, ok := e.(*guardedExec)
	if !ok {
		return nil, nil, fmt.Errorf("products of gradients: %w", ErrUnsupported)
	}
	o, ok := g.exec.(GramObserver)
	if !ok {
		return nil, nil, g.wrap("products of gradients", ErrUnsupported)
	}
	return g, o, nil
}

func (e *guardedExec) checkTangents(t Tangents) error {
	if err := e.ready(); err != nil {
		return err
	}
	for i, v := range t.Directions {
		if err := checkLength(fmt.Sprintf("direction %d", i), len(v), e.p.Classes()); err != nil {
			return err
		}
	}
	for i, c := range t.Factors {
		if c == nil {
			continue
		}
		if err := checkLength(fmt.Sprintf("factors of kernel %d", i), len(c), e.p.BNParams()); err != nil {
			return err
		}
	}
	for _, c := range t.Columns {
		if c < 0 || c >= e.p.BNParams() {
			return fmt.Errorf("column %d of %d", c, e.p.BNParams())
		}
	}
	return nil
}
