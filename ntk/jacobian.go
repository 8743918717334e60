package ntk

import (
	"fmt"
	"math"

	"bnas.example/kernels"
)

// Jacobian writes the derivative of ⟨v, logits⟩ for each of the n images of the last Forward with respect to every γ and
// β of the program, with frozen batch statistics: n×BNParams, row by row, columns as Program.BNParams orders them. v has
// one element for each logit. One backward pass serves all images: with frozen statistics an image does not depend on
// another.
func Jacobian(dst []float32, e kernels.Exec, n int, v []float32) error {
	if len(v) != e.Program().Classes() {
		return fmt.Errorf("ntk: direction of length %d for %d logits", len(v), e.Program().Classes())
	}
	d := make([]float32, 0, n*len(v))
	for range n {
		d = append(d, v...)
	}
	if err := e.SetLogitGradient(d); err != nil {
		return fmt.Errorf("ntk: logit gradient: %w", err)
	}
	if err := e.SampleGradients(dst); err != nil {
		return fmt.Errorf("ntk: sample gradients: %w", err)
	}
	return nil
}

// GaugeFactors returns column factors that make a kernel of γ and β gauge-invariant (see package indicator):
// ‖θ_v‖/√P_v for each γ and β that enters node v, with θ_v all γ and β that enter v and P_v their number. gamma and beta
// hold the values of each BN of p, by channel. If ‖θ_v‖ grows by a factor s, the Jacobian's columns shrink by s, and the
// product is constant. At γ = 1, β = 0 every factor is √½. Source: ours.
func GaugeFactors(p *kernels.Program, gamma, beta [][]float64) []float64 {
	node := p.NodeOf()
	squares, count := make([]float64, len(p.Nodes)), make([]float64, len(p.Nodes))
	for i, v := range node {
		for c := range gamma[i] {
			squares[v] += gamma[i][c]*gamma[i][c] + beta[i][c]*beta[i][c]
			count[v] += 2
		}
	}
	factors := make([]float64, 0, p.BNParams())
	for i, v := range node {
		f := math.Sqrt(squares[v] / count[v])
		for range 2 * len(gamma[i]) {
			factors = append(factors, f)
		}
	}
	return factors
}
