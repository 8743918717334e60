package ntk

import (
	"fmt"
	"math"

	"bnas.example/kernels"

	"gorgonia.org/tensor"
)

// Jacobian is the derivative of ⟨v, logits⟩ of each of the n images of the last Forward by every γ and β of the
// program, with the batch statistics held: n×BNParams float32, columns as Program.BNParams orders them. One backward
// pass serves all images, since with statistics held no image feels another.
func Jacobian(e kernels.Exec, n int, v []float32) (*tensor.Dense, error) {
	p := e.Program()
	j := make([]float32, n*p.BNParams())
	if err := JacobianInto(j, e, n, v); err != nil {
		return nil, err
	}
	return tensor.New(tensor.WithShape(n, p.BNParams()), tensor.WithBacking(j)), nil
}

// JacobianInto is [Jacobian] into dst, of n×BNParams elements.
func JacobianInto(dst []float32, e kernels.Exec, n int, v []float32) error {
	if len(v) != e.Program().Classes() {
		return fmt.Errorf("ntk: direction of length %d for %d logits", len(v), e.Program().Classes())
	}
	d := make([]float32, 0, n*len(v))
	for range n {
		d = append(d, v...)
	}
	if err := e.SetLogitGradient(d); err != nil {
		return fmt.Errorf("logit gradient: %w", err)
	}
	if err := e.SampleGradients(dst); err != nil {
		return fmt.Errorf("sample gradients: %w", err)
	}
	return nil
}

// GaugeFactors are the column factors that make a kernel of γ and β invariant under the factors that a node leaves
// free: ‖θ_v‖/√P_v for every γ and β that enters node v, θ_v all of them along the path and P_v their number. gamma and beta
// hold the values of each BN of p, by channel. The
// Jacobian's columns fall as 1/s where ‖θ_v‖ grows as s. At γ = 1, β = 0 every factor is √½.
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
