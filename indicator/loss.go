package indicator

import (
	"fmt"
	"math"

	"bnas.example/kernels"
)

// takeLoss computes the loss of the calibration images with batch statistics.
func (e *evidence) takeLoss() error {
	if err := e.exec.CrossEntropy(e.labels, 0); err != nil {
		return fmt.Errorf("cross-entropy: %w", err)
	}
	nll, correct, err := e.exec.Loss()
	if err != nil {
		return fmt.Errorf("loss: %w", err)
	}
	e.nll, e.correct = nll, float64(correct)/float64(e.cfg.Images)
	return nil
}

// takeSaliency computes the gradient of the loss by γ and β, as training does.
func (e *evidence) takeSaliency() error {
	if err := e.exec.Backward(kernels.DifferentiateStatistics, false); err != nil {
		return fmt.Errorf("backward: %w", err)
	}
	gamma, beta, err := readAffine(e.store, kernels.Grad, e.program)
	if err != nil {
		return err
	}
	for i := range gamma {
		for c, g := range gamma[i] {
			e.saliency += math.Abs(e.gamma[i][c] * g)
		}
		for c, g := range beta[i] {
			e.saliency += math.Abs(e.beta[i][c] * g)
		}
	}
	return nil
}

// oneShotNLL is minus the mean cross-entropy of the calibration images with the supernet's weights and batch statistics, in
// nats. With the default number of images it is a coarse figure; train.OneShot measures it on a validation set.
// Gauge-invariant: it depends on the function only. Source: the weight-sharing baseline (Guo et al., SPOS, ECCV 2020), with
// the statistics of the images themselves.
func oneShotNLL(e *evidence) float64 { return -e.nll }

// oneShotAccuracy is the share of the calibration images that are classified correctly, in [0, 1].
// Gauge-invariant.
func oneShotAccuracy(e *evidence) float64 { return e.correct }

// bnSnip is Σ|γ ∂L/∂γ| + |β ∂L/∂β| over the BatchNorms of the path: SNIP (Lee, Ajanthan and Torr, ICLR 2019)
// restricted to the trained parameters, in nats. Gauge-invariant: if θ grows by a factor, ∂L/∂θ shrinks by it. The sum
// without absolute values is exactly 0 over a node of the fair placement.
func bnSnip(e *evidence) float64 { return e.saliency }
