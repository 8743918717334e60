package ref

import "bnas.example/kernels"

// sum computes a node, n×shape: the sum of its terms, or zeros if it has none.
func (e *Exec) sum(node kernels.NodeID) []float64 {
	z := make([]float64, e.n*e.p.Nodes[node].Len())
	for k, t := range e.p.Nodes[node].Terms {
		y := e.values[t.Value]
		if t.BN != kernels.NoBN {
			y = e.norm(t.BN).output(e.n)
		}
		add(z, e.noisy(e.scaled(y, e.rows[node][k])))
	}
	return z
}

// SetFactors sets the factors of each image.
func (e *Exec) SetFactors(factors []float32) error {
	e.factors = nil
	if len(factors) > 0 {
		e.factors = widen(factors)
	}
	return nil
}

// scaled returns x, n images, times the factors of a row.
func (e *Exec) scaled(x []float64, row int) []float64 {
	if row == kernels.NoFactor || e.factors == nil {
		return x
	}
	images := len(e.factors) / e.p.Factors() // of the Forward, of which Restrict keeps the first n
	size := len(x) / e.n
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = e.factors[row*images+i/size] * v
	}
	return y
}

// gate returns the node's sums that decide about rectifiers and maxima: see SetGate.
func (e *Exec) gate(node kernels.NodeID) []float64 {
	if z, ok := e.gates[node]; ok {
		return widen(z)
	}
	return e.sum(node)
}

// load returns act(node).
func (e *Exec) load(node kernels.NodeID, act kernels.Activation) []float64 {
	return activate(e.sum(node), act)
}

// activate applies act in place.
func activate(z []float64, act kernels.Activation) []float64 {
	if act != kernels.Linear {
		for i, v := range z {
			z[i] = rectify(v, act)
		}
	}
	return z
}

func rectify(v float64, act kernels.Activation) float64 {
	switch {
	case v <= 0:
		return 0
	case act == kernels.ReLU6 && v >= 6:
		return 6
	}
	return v
}

// passes reports whether the activation's derivative at z is 1 and not 0; at its corners it is 0.
func passes(z float64, act kernels.Activation) bool {
	switch act {
	case kernels.ReLU:
		return z > 0
	case kernels.ReLU6:
		return z > 0 && z < 6
	}
	return true
}
