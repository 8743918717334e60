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
	genes := t.net.Space.Genes()
	type sum struct {
		abs float64
		n   int
	}
	sums := supernet.ByOption[sum](genes)
	for _, b := range t.net.BNs() {
		if b.Gene < 0 {
			continue
		}
		gamma, err := t.read(b.Gamma)
		if err != nil {
			return line, err
		}
		s := &sums[b.Gene][b.Option]
		for _, v := range gamma {
			s.abs += math.Abs(float64(v))
		}
		s.n += len(gamma)
	}
	for i, g := range genes {
		means := map[string]float64{}
		for o, s := range sums[i] {
			if s.n > 0 {
				means[g.Options[o]] = s.abs / float64(s.n)
			}
		}
		line.MeanAbsGamma[g.Name] = means
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

// nodeNorms returns ‖θ_v‖, the ℓ2 norm of the γ and β that enter a node, for each node where it is not 0.
func (t *Trainer) nodeNorms(p *kernels.Program) ([]float64, error) {
	var norms []float64
	for _, n := range p.Nodes {
		square := 0.0
		for _, term := range n.Terms {
			if term.BN == kernels.NoBN {
				continue
			}
			b := p.BNs[term.BN]
			for _, id := range []kernels.ParamID{b.Gamma, b.Beta} {
				theta, err := t.read(id)
				if err != nil {
					return nil, err
				}
				for _, v := range theta {
					square += float64(v) * float64(v)
				}
			}
		}
		if square > 0 {
			norms = append(norms, math.Sqrt(square))
		}
	}
	return norms, nil
}

func (t *Trainer) read(id kernels.ParamID) ([]float32, error) {
	p := t.net.Params()[id]
	v := make([]float32, p.Len())
	if err := t.store.Read(id, kernels.Data, v); err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	return v, nil
}

func spread(v []float64) Spread {
	if len(v) == 0 {
		return Spread{}
	}
	s := slices.Sorted(slices.Values(v))
	return Spread{Min: s[0], Median: s[len(s)/2], Max: s[len(s)-1]}
}
