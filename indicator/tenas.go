package indicator

import (
	"fmt"

	"bnas.example/kernels"
	"bnas.example/ntk"

	"gonum.org/v1/gonum/mat"
)

// takeWeightKernel takes the condition number of the tangent kernel of all weights and γ, at the images of one kernel, which have their
// own statistics and are differentiated through them.
func (e *evidence) takeWeightKernel() error {
	s, n := e.standard, e.cfg.NTKImages
	if err := s.forward(e.images[:n*e.imageLen], n); err != nil {
		return err
	}
	classes := s.program.Classes()
	rows := make([][][]float32, n) // by image and parameter
	for i := range rows {
		if err := e.stopped(); err != nil {
			return err
		}
		seed := make([]float32, n*classes)
		copy(seed[i*classes:], ones(classes))
		if err := s.backwardFrom(seed, kernels.DifferentiateStatistics); err != nil {
			return err
		}
		weights, err := s.gradients()
		if err != nil {
			return err
		}
		gamma, _, err := kernels.ReadAffine(s.store, kernels.Grad, s.program)
		if err != nil {
			return fmt.Errorf("read γ and β: %w", err)
		}
		rows[i] = append(weights, gamma...)
	}
	theta := mat.NewSymDense(n, nil)
	for p := range rows[0] {
		var jacobian []float32
		for _, row := range rows {
			jacobian = append(jacobian, row[p]...)
		}
		ntk.AddKernel(theta, jacobian, nil)
	}
	values, err := ntk.Eigenvalues(theta)
	if err != nil {
		return fmt.Errorf("tangent kernel of the untrained standard network: %w", err)
	}
	e.weightCondition = ntk.LogCondition(values)
	return nil
}

// teNTK is −log κ(JJᵀ), J the gradients of the sum of each image's logits by all weights and γ that the logits depend on, on the
// untrained standard network, with batch statistics that are differentiated. There are score.ntk_images images (16, as the authors').
// The floor of κ is that of [ntkRaw]; the authors have none. No γ or β of the supernet is read. Source: Chen, Gong and Wang, "TE-NAS"
// (ICLR 2021).
func teNTK(e *evidence) float64 { return -e.weightCondition }
