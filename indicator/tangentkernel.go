package indicator

import (
	"fmt"

	"bnas.example/ntk"

	"gonum.org/v1/gonum/mat"
)

// takeJacobians sums the kernels of all directions: the raw ones of each of the batches, and the gauge-normalised one of all images,
// which has those of the batches on its diagonal. It averages log κ over the batches, and samples the Fisher matrix.
func (e *evidence) takeJacobians() error {
	n, batches := e.cfg.NTKImages, e.cfg.NTKBatches
	factors := ntk.GaugeFactors(e.program, e.gamma, e.beta)
	fisher := newFisherSample(e.program, factors)
	sums, err := e.sumDirections(fisher, ntk.Wanted{Factors: factors}, ntk.Wanted{Batch: n})
	if err != nil {
		return err
	}
	gauge, raw := sums.Kernels[0], sums.Kernels[1]
	if e.kernelVolume, err = logVolume(gauge); err != nil {
		return fmt.Errorf("neural tangent kernel: %w", err)
	}
	if e.dimension, err = fisher.dimension(); err != nil {
		return err
	}
	for b := range batches {
		for _, k := range []struct {
			theta *mat.SymDense
			mean  *float64
		}{{raw, &e.logCondition}, {gauge, &e.gaugeLogCondition}} {
			values, err := ntk.Eigenvalues(k.theta.SliceSym(b*n, (b+1)*n))
			if err != nil {
				return fmt.Errorf("neural tangent kernel: %w", err)
			}
			*k.mean += ntk.LogCondition(values) / float64(batches)
		}
	}
	return nil
}

// sumDirections sums kernels over the directions, and fills the sample of the Fisher matrix.
func (e *evidence) sumDirections(fisher *fisherSample, wanted ...ntk.Wanted) (ntk.Sums, error) {
	sums, err := ntk.SumDirections(e.exec, e.frozenImages(), e.directions, fisher.columns, e.stopped, wanted...)
	if err == nil {
		fisher.take(sums.Columns)
	}
	return sums, err
}

// ntkRaw is −log κ(Θ), the condition number of the neural tangent kernel of the γ and β of the path,
//
//	Θ = Σ_v J_v J_vᵀ,  J_v = ∂⟨v, f(x_n)⟩/∂(γ, β),  κ = λ_max / max(λ_min, 1e-6·λ_max),
//
// with the frozen statistics of the calibration images. v are Rademacher vectors over the classes, or all unit vectors if those were as
// many. The term is the mean of log κ over batches of images. Dimensionless, at most 0; −∞ if no gradient reaches γ and β. Under
// gradient flow the slowest mode of the training loss decays 1/κ times as fast as the fastest. Not gauge-invariant after
// training: columns scale by 1/s. Source: Chen, Gong and Wang (TE-NAS, ICLR 2021), restricted to the parameters of BatchNorm,
// as the claim of arXiv 2112.00265 on the NTK suggests. Frozen statistics, directions and floor are ours.
func ntkRaw(e *evidence) float64 { return -e.logCondition }

// ntkGauge is ntkRaw of the kernel whose columns are multiplied by GaugeFactors: Θ̃ = Σ_v (‖θ_v‖²/P_v)·G_v G_vᵀ over
// nodes. Invariant; equal to ntkRaw at γ = 1, β = 0. Source: ours.
func ntkGauge(e *evidence) float64 { return -e.gaugeLogCondition }

// ntkCorr is the log volume of the images' gradients by γ and β,
//
//	T = Σ log(λ + 1e-3),  λ the eigenvalues of the correlation matrix Θ̃_nm/√(Θ̃_nn·Θ̃_mm)
//
// of the kernel of ntkGauge over all images together. It is high if the images can be learned independently of one another: κ
// looks at the two ends of the spectrum, this at all of it, and the scale of an image does not matter. Gauge-invariant.
// Source: ours, from Mellor et al. (2020), who take the correlation of gradients by the image.
func ntkCorr(e *evidence) float64 { return e.kernelVolume }
