package indicator

import (
	"fmt"
	"slices"

	"bnas.example/kernels"

	"gonum.org/v1/gonum/floats"
)

// takeGradientFlow takes −θᵀHg, g the gradient of the loss L by the weights of the layers, H its Hessian, θ the weights whose scale the
// loss does not depend on, and those W of the classifier.
//
// L(αθ) = L(θ) makes Hθ = −g in the layer and 0 in all others. The classifier's scale changes its logits z = W·h + b by z − b, the gradient
// δ of the logits by δ′ = (diag p − ppᵀ)(z − b)/n, and the gradients that it sends back by those of δ′ and its own share, g:
//
//	−θᵀHg = −⟨g(δ), g(δ′)⟩ − ‖g_s‖²
//
// s are the layers whose scale the loss depends on. It comes after takeWeightGradients, whose gradients are those of δ.
func (e *evidence) takeGradientFlow() error {
	s := e.standard
	g, err := s.gradients()
	if err != nil {
		return err
	}
	d, err := s.scaledLogits(e.cfg.Images)
	if err != nil {
		return err
	}
	if err := s.backwardFrom(d, kernels.DifferentiateStatistics); err != nil {
		return err
	}
	changes, err := s.gradients()
	if err != nil {
		return err
	}
	for i, l := range layers(s.program) {
		e.gradientFlow -= product(g[i], changes[i])
		if l.out != s.program.Logits() && !scaleFree(s.program, l.out, true) {
			e.gradientFlow -= product(g[i], g[i])
		}
	}
	return nil
}

// scaledLogits is δ′ of the last Forward, of n images: how the gradient of the logits changes with the scale of the classifier's weights.
func (s standard) scaledLogits(n int) ([]float32, error) {
	classes := s.program.Classes()
	d := make([]float32, n*classes)
	if err := s.exec.Logits(d); err != nil {
		return nil, fmt.Errorf("logits of the untrained standard network: %w", err)
	}
	bias := make([]float32, classes)
	if id := s.program.Steps[len(s.program.Steps)-1].Bias; id != kernels.NoParam {
		if err := s.store.Read(kernels.Data, bias, id); err != nil {
			return nil, fmt.Errorf("%s: %w", s.store.Params()[id].Name, err)
		}
	}
	p, own := make([]float64, classes), make([]float64, classes)
	for i := range n {
		z := d[i*classes : (i+1)*classes]
		for k, v := range z {
			p[k], own[k] = float64(v), float64(v)-float64(bias[k])
		}
		softmax(p, p, 1)
		mean := floats.Dot(p, own)
		for k := range z {
			z[k] = float32(p[k] * (own[k] - mean) / float64(n))
		}
	}
	return d, nil
}

// product is ⟨a, b⟩.
func product(a, b []float32) (sum float64) {
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}

// scaleFree tells whether a positive factor of a value changes no logit: a BatchNorm normalises it, or what is made of it alone. whole: the
// factor is that of all channels of the value, and not of some.
func scaleFree(p *kernels.Program, v kernels.ValueID, whole bool) bool {
	for id, node := range p.Nodes {
		bare := func(t kernels.Term) bool { return t.Value == v && t.BN == kernels.NoBN }
		if !slices.ContainsFunc(node.Terms, bare) {
			continue
		}
		if len(node.Terms) > 1 || slices.ContainsFunc(p.Steps, func(s kernels.Step) bool {
			return slices.Contains(s.In, kernels.NodeID(id)) && !keepsScale(p, s, whole)
		}) {
			return false
		}
	}
	return true
}

// keepsScale tells whether a factor of a node that a step loads becomes one of whole channels that it stores, and changes no logit there.
func keepsScale(p *kernels.Program, s kernels.Step, whole bool) bool {
	if s.Op == kernels.OpLinear || s.Act == kernels.ReLU6 || s.Op == kernels.OpConv && !whole {
		return false
	}
	whole = whole && len(s.In) == 1 // a concatenation has other channels beside those
	return !slices.ContainsFunc(s.Outputs(), func(out kernels.ValueID) bool { return !scaleFree(p, out, whole) })
}

// grasp is −θᵀHg of the untrained standard network on the calibration images: what its weights keep of the gradients' flow. L is the mean
// cross-entropy. θ leaves out the weights of shortcuts without a BatchNorm, which NAS-Bench-201's residual blocks have: their Hessian
// needs a derivative that no device has. g has them. Source: Wang, Zhang and Grosse (ICLR 2020), summed by Abdelfattah et al.
func grasp(e *evidence) float64 { return e.gradientFlow }
