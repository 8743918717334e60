package ntk

import (
	"fmt"
	"math"

	"bnas/kernels"

	"gorgonia.org/tensor"
)

// Jacobian is the derivative of ⟨v, logits⟩ of each of the n images of the last Forward by every γ and β of the
// program, with the batch statistics held: n×BNParams float32, columns as Program.BNParams orders them. One backward
// pass serves all images, since with statistics held no image feels another.
func Jacobian(e kernels.Exec, n int, v []float32) (*tensor.Dense, error) {
	p := e.Program()
	j := make([]float32, n*p.BNParams())
	if err := jacobian(j, e, n, v); err != nil {
		return nil, err
	}
	return tensor.New(tensor.WithShape(n, p.BNParams()), tensor.WithBacking(j)), nil
}

// jacobian is Jacobian into dst.
func jacobian(dst []float32, e kernels.Exec, n int, v []float32) error {
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
// free: ‖θ_v‖/√P_v for every γ and β that enters node v, θ_v all of them along the path and P_v their number. The
// Jacobian's columns fall as 1/s where ‖θ_v‖ grows as s. At γ = 1, β = 0 every factor is √½.
func GaugeFactors(p *kernels.Program, s kernels.Store) ([]float64, error) {
	var gamma, beta [][]float64
	for _, bn := range p.BNs {
		g, err := readParam(s, bn.Gamma, kernels.Data)
		if err != nil {
			return nil, err
		}
		b, err := readParam(s, bn.Beta, kernels.Data)
		if err != nil {
			return nil, err
		}
		gamma, beta = append(gamma, g), append(beta, b)
	}
	return gaugeFactors(p, gamma, beta), nil
}

func gaugeFactors(p *kernels.Program, gamma, beta [][]float64) []float64 {
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

// takeJacobians sums the kernels of all directions, raw and gauge-normalised, for each of the batches, and averages
// log κ over the batches.
func (e *evidence) takeJacobians() error {
	n, batches, p := e.cfg.NTKImages, e.cfg.NTKBatches, e.program.BNParams()
	factors := gaugeFactors(e.program, e.gamma, e.beta)
	j := e.floats(e.heldImages() * p)
	raw, gauge := make([]float64, batches*n*n), make([]float64, batches*n*n)
	for _, v := range e.directions {
		if err := jacobian(j, e.exec, e.heldImages(), v); err != nil {
			return err
		}
		for b := range batches {
			rows := j[b*n*p : (b+1)*n*p]
			addKernel(raw[b*n*n:(b+1)*n*n], rows, n, nil, 1)
			addKernel(gauge[b*n*n:(b+1)*n*n], rows, n, factors, 1)
		}
	}
	for b := range batches {
		for _, k := range []struct {
			theta []float64
			mean  *float64
		}{{raw, &e.logCondition}, {gauge, &e.gaugeLogCondition}} {
			values, err := eigenvalues(k.theta[b*n*n:(b+1)*n*n], n)
			if err != nil {
				return fmt.Errorf("neural tangent kernel: %w", err)
			}
			*k.mean += LogCondition(values) / float64(batches)
		}
	}
	return nil
}

// ntkRaw is −log κ(Θ), the condition number of the neural tangent kernel of the γ and β of the path,
//
//	Θ = Σ_v J_v J_vᵀ,  J_v = ∂⟨v, f(x_n)⟩/∂(γ, β),  κ = λ_max / max(λ_min, 1e-6·λ_max),
//
// statistics held at the calibration images', v Rademacher vectors over the classes or all unit vectors, mean of log κ
// over batches of images. Dimensionless, at most 0; −∞ where nothing reaches the logits. Under gradient flow the slowest mode of the
// training loss decays 1/κ as fast as the quickest. Not invariant under gauge after training: columns scale by 1/s.
// Source: Chen, Gong and Wang (TE-NAS, ICLR 2021), restricted to BatchNorm's parameters as arXiv 2112.00265's claim on
// the NTK suggests; statistics held, directions and floor are ours.
func ntkRaw(e *evidence) float64 { return -e.logCondition }

// ntkGauge is ntkRaw of the kernel whose columns are multiplied by GaugeFactors: Θ̃ = Σ_v (‖θ_v‖²/P_v)·G_v G_vᵀ over
// nodes. Invariant; equal to ntkRaw at γ = 1, β = 0. Source: ours.
func ntkGauge(e *evidence) float64 { return -e.gaugeLogCondition }
