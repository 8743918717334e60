package indicator

import (
	"math"

	"bnas.example/kernels"
)

// bnEntropy is the mean entropy in bits of whether a rectifier fires, in closed form and without data,
//
//	mean over rectified nodes v and channels c of H₂(Φ(β_vc/|γ_vc|)),  β_v = Σβ,  γ_v² = Σγ²  over what enters v:
//
// The output of a BatchNorm has mean β and variance γ². It is taken as normal, and the terms of a sum as independent. A node
// counts once for each activation module. Identities, sums and average pools keep mean and variance (a real average pool
// lowers the variance). Nodes with a bare convolution or a maximum pool as a term are left out. Between 0 and 1. At
// initialisation it is 1, except for nodes of zeros, which never fire; it is informative only after training.
// Gauge-invariant: it depends on β/|γ| only. Source: ours, from the moments of BatchNorm.
func bnEntropy(e *evidence) float64 {
	of := e.nodeMoments()
	var sum, count float64
	for _, step := range e.program.Steps {
		if step.Act == kernels.Linear {
			continue
		}
		for _, in := range step.In {
			m := of[in]
			if m.mean == nil {
				continue
			}
			var node float64
			for c := range m.mean {
				node += binaryEntropy(normalCDF(m.mean[c], m.variance[c])) / float64(len(m.mean))
			}
			sum += node * float64(step.ReLUs)
			count += float64(step.ReLUs)
		}
	}
	if count == 0 {
		return math.Inf(-1)
	}
	return sum / count
}

// moments are the mean and the variance of each channel, or nil if they are unknown.
type moments struct{ mean, variance []float64 }

// nodeMoments computes the moments of each node, in the order of the steps.
func (e *evidence) nodeMoments() []moments {
	p := e.program
	nodes := make([]moments, len(p.Nodes))
	values := make([]moments, len(p.Values))
	done := make([]bool, len(p.Nodes))
	for _, step := range p.Steps {
		for _, in := range step.In {
			if !done[in] {
				nodes[in], done[in] = e.sumMoments(p.Nodes[in], values), true
			}
		}
		if step.Act == kernels.Linear && len(step.In) == 1 && (step.Op == kernels.OpSum || step.Op == kernels.OpAvgPool) {
			values[step.Out] = nodes[step.In[0]]
		}
	}
	return nodes
}

// sumMoments adds up the terms of a node.
func (e *evidence) sumMoments(n kernels.Node, values []moments) moments {
	m := moments{make([]float64, n.C), make([]float64, n.C)}
	for _, t := range n.Terms {
		for c := range n.C {
			switch {
			case t.BN != kernels.NoBN:
				m.mean[c] += e.beta[t.BN][c]
				m.variance[c] += e.gamma[t.BN][c] * e.gamma[t.BN][c]
			case values[t.Value].mean == nil:
				return moments{}
			default:
				m.mean[c] += values[t.Value].mean[c]
				m.variance[c] += values[t.Value].variance[c]
			}
		}
	}
	return m
}

// normalCDF is Φ(mean/√variance), the probability that a normal variable is positive.
func normalCDF(mean, variance float64) float64 {
	if variance == 0 {
		if mean > 0 {
			return 1
		}
		return 0
	}
	return math.Erfc(-mean/math.Sqrt(2*variance)) / 2
}

// binaryEntropy is −p log₂ p − (1−p) log₂(1−p).
func binaryEntropy(p float64) float64 {
	if p <= 0 || p >= 1 {
		return 0
	}
	return -p*math.Log2(p) - (1-p)*math.Log2(1-p)
}
