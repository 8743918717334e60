package ntk

import (
	"fmt"

	"bnas.example/kernels"

	"gonum.org/v1/gonum/mat"
)

// Case says what reads the output of a BatchNorm behind a convolution. It decides how the tangent kernel of γ is related to
// that of the convolution's weights W ~ N(0, σ_w²), in the mean over W, with ρ the correlation of two normalised inputs and F
// the factor that is propagated back:
//
//	Linear  Θ_γ = σ_w²·Θ_W
//	Summed  the same as far as the other terms of the sum are independent of this one
//	Rectified  Θ_γ = σ_w²·Θ_W + F·√(1−ρ²)/2π
//	Free  Θ_γ = 0 where β = 0: depthwise convolutions that end in BatchNorm read it, and do not see a channel's scale
type Case string

const (
	CaseLinear    Case = "linear"    // nothing rectifies the node that it enters
	CaseSummed    Case = "summed"    // the node is a sum and is rectified
	CaseRectified Case = "rectified" // the node is this BatchNorm alone and is rectified
	CaseFree      Case = "free"      // only depthwise convolutions read the node
)

// Cases lists the cases.
func Cases() []Case { return []Case{CaseLinear, CaseSummed, CaseRectified, CaseFree} }

// Pair is a convolution and a BatchNorm of its output.
type Pair struct {
	Name          string
	Case          Case
	Weight, Gamma kernels.ParamID
	Variance      float64 // σ_w² = 2/(k²·C_out), that of the initial weights
}

// Pairs lists the pairs of a program, in the order of its BatchNorms. A BatchNorm of a pool or of an identity is in none.
func Pairs(p *kernels.Program, params []kernels.Param) []Pair {
	weightOf := map[kernels.ValueID]kernels.ParamID{}
	rectified, seen := make([]bool, len(p.Nodes)), make([]bool, len(p.Nodes)) // seen: by more than depthwise convolutions
	for _, s := range p.Steps {
		for _, b := range s.Branches {
			weightOf[b.Out] = b.Weight
		}
		for _, n := range s.In {
			rectified[n] = rectified[n] || s.Act != kernels.Linear
			seen[n] = seen[n] || s.Op != kernels.OpConv || s.Groups == 1
		}
	}
	var pairs []Pair
	node := p.NodeOf()
	for i, bn := range p.BNs {
		w, ok := weightOf[bn.Value]
		if !ok {
			continue
		}
		shape, n := params[w].Shape, node[i]
		pair := Pair{Name: bn.Name, Weight: w, Gamma: bn.Gamma, Variance: 2 / float64(shape[0]*shape[2]*shape[3])}
		switch {
		case !seen[n]:
			pair.Case = CaseFree
		case !rectified[n]:
			pair.Case = CaseLinear
		case len(p.Nodes[n].Terms) > 1:
			pair.Case = CaseSummed
		default:
			pair.Case = CaseRectified
		}
		pairs = append(pairs, pair)
	}
	return pairs
}

// Identity compares the kernels of a pair. All figures are dimensionless.
type Identity struct {
	Ratio     float64 `json:"ratio"`     // tr Θ_γ / tr σ_w²Θ_W
	Deviation float64 `json:"deviation"` // ‖Θ_γ − σ_w²Θ_W‖_F / ‖σ_w²Θ_W‖_F
	Alignment float64 `json:"alignment"` // of Θ_γ with Θ_W
}

// Identities compares the kernels of the outputs of each pair: see OutputKernels for e, s, images and how.
func Identities(e kernels.Exec, s kernels.Store, images []float32, how kernels.StatGrad, pairs []Pair) ([]Identity, error) {
	var groups [][]kernels.ParamID
	for _, p := range pairs {
		groups = append(groups, []kernels.ParamID{p.Gamma}, []kernels.ParamID{p.Weight})
	}
	all, err := OutputKernels(e, s, images, how, groups...)
	if err != nil {
		return nil, err
	}
	out := make([]Identity, len(pairs))
	for i, p := range pairs {
		if out[i], err = identity(all[2*i], all[2*i+1], p.Variance); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return out, nil
}

func identity(gamma, weight *mat.SymDense, variance float64) (id Identity, err error) {
	var scaled mat.SymDense
	scaled.ScaleSym(variance, weight)
	if id.Deviation, err = Drift(gamma, &scaled); err != nil {
		return id, err
	}
	id.Ratio = mat.Trace(gamma) / mat.Trace(&scaled)
	if id.Ratio > 0 {
		id.Alignment, err = Alignment(gamma, weight)
	}
	return id, err
}
