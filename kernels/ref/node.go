package ref

import "bnas.example/kernels"

// sum computes a node, n×shape: the sum of its terms, or zeros if it has none.
func (e *Exec) sum(node kernels.NodeID) []float64 {
	z := make([]float64, e.n*e.p.Nodes[node].Len())
	for _, t := range e.p.Nodes[node].Terms {
		if t.BN == kernels.NoBN {
			for i, v := range e.values[t.Value] {
				z[i] += v
			}
			continue
		}
		e.norm(t.BN).add(z, e.n)
	}
	return z
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
