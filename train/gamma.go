package train

import (
	"fmt"
	"math"
	"slices"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// gammaLine reads the γ of the whole supernet, and the γ and β of the path p.
func (t *Trainer) gammaLine(lr float64, p *kernels.Program) (GammaLine, error) {
	line := GammaLine{Kind: "gamma", Step: t.state.Step, MeanAbsGamma: map[string]map[string]float64{}}
	places := t.net.Space.Places()
	type sum struct {
		abs float64
		n   int
	}
	sums := supernet.ByOperator[sum](places)
	var ids []kernels.ParamID
	var owners []*sum
	var operators []string // of each γ
	for _, b := range t.net.BNs() {
		if b.Place >= 0 {
			ids, owners = append(ids, b.Gamma), append(owners, &sums[b.Place][b.Operator])
			operators = append(operators, places[b.Place].Operators[b.Operator])
		}
	}
	gammas, err := kernels.ReadEach(t.store, kernels.Data, ids...)
	if err != nil {
		return line, fmt.Errorf("γ of the supernet: %w", err)
	}
	for i, gamma := range gammas {
		if err := finite(t.net.Params()[ids[i]].Name, gamma); err != nil {
			return line, err
		}
	}
	line.Histograms = histograms(operators, gammas)
	for i, gamma := range gammas {
		for _, v := range gamma {
			owners[i].abs += math.Abs(float64(v))
		}
		owners[i].n += len(gamma)
	}
	for i, p := range places {
		means := map[string]float64{}
		for o, s := range sums[i] {
			if s.n > 0 {
				means[p.Operators[o]] = s.abs / float64(s.n)
			}
		}
		line.MeanAbsGamma[p.Name] = means
	}

	norms, err := t.nodeNorms(p)
	if err != nil {
		return line, err
	}
	rates := make([]float64, len(norms))
	for i, n := range norms {
		rates[i] = lr / (n * n)
	}
	line.NodeNorm, line.EffectiveLR = spread(norms), spread(rates)
	return line, nil
}

// finite returns a NonFiniteError if a value of a parameter is not finite.
func finite(param string, values []float32) error {
	for i, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return &NonFiniteError{What: fmt.Sprintf("value at element %d", i), Layer: param}
		}
	}
	return nil
}

// nodeNorms returns ‖θ_v‖, the ℓ2 norm of the γ and β that enter a node, for each node where it is not 0. A norm that is not finite
// is a NonFiniteError.
func (t *Trainer) nodeNorms(p *kernels.Program) ([]float64, error) {
	gamma, beta, err := kernels.ReadAffine(t.store, kernels.Data, p)
	if err != nil {
		return nil, fmt.Errorf("γ and β of the path: %w", err)
	}
	var norms []float64
	for _, n := range p.Nodes {
		square := 0.0
		for _, term := range n.Terms {
			if term.BN == kernels.NoBN {
				continue
			}
			for _, affine := range [...][]float32{gamma[term.BN], beta[term.BN]} {
				for _, v := range affine {
					square += float64(v) * float64(v)
				}
			}
		}
		if math.IsNaN(square) || math.IsInf(square, 0) {
			return nil, &NonFiniteError{What: "norm of γ and β", Layer: n.Name}
		}
		if square > 0 {
			norms = append(norms, math.Sqrt(square))
		}
	}
	return norms, nil
}

func spread(v []float64) Spread {
	if len(v) == 0 {
		return Spread{}
	}
	s := slices.Sorted(slices.Values(v))
	return Spread{Min: s[0], Median: s[len(s)/2], Max: s[len(s)-1]}
}
