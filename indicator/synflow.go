package indicator

import (
	"fmt"
	"math"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
)

// takeSynapticFlow sums |W·∂R/∂W| over all weights of the network without BatchNorm, with |W| for W. R grows exponentially with
// depth, beyond float32: the reference computes it in float64.
func (e *evidence) takeSynapticFlow() error {
	p, params := unnormalised(e.standard.program)
	dev := ref.New()
	defer dev.Close()
	store, err := dev.NewStore(params)
	if err != nil {
		return err
	}
	weights := make([][]float32, len(params))
	for i, l := range layers(e.standard.program) {
		if weights[i], err = l.read(e.standard.store, kernels.Data); err != nil {
			return err
		}
		weights[i] = magnitudes(weights[i])
		if err := store.Write(kernels.Data, weights[i], kernels.ParamID(i)); err != nil {
			return err
		}
	}
	exec, err := dev.Compile(p, store, 1)
	if err != nil {
		return fmt.Errorf("network without BatchNorm: %w", err)
	}
	kernels.StopWith(exec, e.stopped)
	if err := exec.Forward(ones(p.Values[kernels.Images].Len()), 1); err != nil {
		return fmt.Errorf("network without BatchNorm: %w", err)
	}
	if err := exec.SetLogitGradient(ones(p.Classes())); err != nil {
		return err
	}
	if err := exec.Backward(kernels.FreezeStatistics, true); err != nil {
		return fmt.Errorf("network without BatchNorm: %w", err)
	}
	for i, w := range weights {
		for k, g := range ref.Of(exec).Gradient(kernels.ParamID(i)) {
			e.flow += float64(w[k]) * math.Abs(g)
		}
	}
	return nil
}

// unnormalised returns p without its BatchNorms and biases, with linear rectifiers, and a parameter for each of its layers.
func unnormalised(p *kernels.Program) (*kernels.Program, []kernels.Param) {
	var params []kernels.Param
	for i, l := range layers(p) {
		params = append(params, kernels.Param{Name: fmt.Sprint("layer ", i), Kind: kernels.ConvWeight, Shape: l.shape})
	}
	q := *p
	q.BNs = nil
	q.Nodes = make([]kernels.Node, len(p.Nodes))
	for i, n := range p.Nodes {
		terms := make([]kernels.Term, len(n.Terms))
		for k, t := range n.Terms {
			terms[k] = kernels.Term{Value: t.Value, BN: kernels.NoBN}
		}
		q.Nodes[i] = kernels.Node{Name: n.Name, Shape: n.Shape, Terms: terms}
	}
	q.Steps = append([]kernels.Step(nil), p.Steps...)
	next := kernels.ParamID(0)
	for i := range q.Steps {
		s := &q.Steps[i]
		s.Act, s.ReLUs = kernels.Linear, 0
		s.Branches = append([]kernels.Branch(nil), s.Branches...)
		switch s.Op {
		case kernels.OpConv:
			for k := range s.Branches {
				s.Branches[k].Weight = next
				next++
			}
		case kernels.OpLinear:
			s.Weight, s.Bias = next, kernels.NoParam
			params[next].Kind = kernels.LinearWeight
			next++
		}
	}
	return &q, params
}

func magnitudes(x []float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(math.Abs(float64(v)))
	}
	return y
}

func ones(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 1
	}
	return x
}

// synflow is log Σ|W·∂R/∂W| over the convolutions and the classifier that the logits depend on, R = Σ_k logit_k of an image of
// ones in the untrained standard network with |W| for W and without BatchNorm. All values are positive there: a rectifier is the
// identity, and ReLU6 counts as one. The authors' code takes no logarithm, in float64. No γ or β is read. Source: Tanaka, Kunin,
// Yamins and Ganguli (NeurIPS 2020), summed by Abdelfattah, Mehrotra, Dudziak and Lane (ICLR 2021).
func synflow(e *evidence) float64 { return math.Log(e.flow) }
