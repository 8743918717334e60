package ntk

import (
	"errors"
	"fmt"
	"math"

	"bnas.example/kernels"

	"gonum.org/v1/gonum/mat"
)

// Regime compares one path of a supernet after training with the same path at initialisation. In the regime of the
// neural tangent kernel the kernel stays constant (drift 0, alignment 1) and the network is linear in its parameters
// (linearised error 0). See [Compare] for the definitions. All figures are dimensionless.
type Regime struct {
	Images            int     `json:"images"`
	LogConditionStart float64 `json:"log_condition_start"` // log κ(Θ_0)
	LogCondition      float64 `json:"log_condition"`       // log κ(Θ_t)
	Drift             float64 `json:"drift"`               // ‖Θ_t − Θ_0‖_F / ‖Θ_0‖_F
	Alignment         float64 `json:"alignment"`           // of Θ_t with Θ_0
	CentredAlignment  float64 `json:"centred_alignment"`   // the same of the centred kernels
	LinearisedError   float64 `json:"linearised_error"`
}

// Compare measures p with the parameters of two stores of dev: start at initialisation, now after training. images are
// n images, n×C×H×W. θ is γ and β of p. The batch statistics are those of the images at θ_0 and stay frozen, so that f
// is a function of θ and of single images.
//
//	Θ = Σ_k J_k J_kᵀ,  J_k = ∂f_k(x_n)/∂θ                                    n×n, summed over the logits k
//	f_lin(θ_t) = f(θ_0) + J(θ_0)·(θ_t − θ_0)
//	LinearisedError = ‖f(θ_t) − f_lin(θ_t)‖_F / ‖f(θ_t) − f(θ_0)‖_F           over the images and logits
//
// The linearised network is that of Lee et al., "Wide neural networks of any depth evolve as linear models under
// gradient descent" (NeurIPS 2019). The relative error, the restriction to γ and β and the frozen statistics are ours:
// the error is 0 for a linear network and 1 if f_lin predicts no better than f(θ_0). It is 0 if θ_t = θ_0.
//
// Parameters other than γ and β are taken from the store at hand. If they trained too, the figures contain their
// effect. It is an error if a kernel is zero (no gradient reaches γ and β).
func Compare(dev kernels.Device, p *kernels.Program, start, now kernels.Store, images []float32) (Regime, error) {
	r, err := compare(dev, p, start, now, images)
	if err != nil {
		return Regime{}, fmt.Errorf("ntk: %s: %w", p.Name, err)
	}
	return r, nil
}

func compare(dev kernels.Device, p *kernels.Program, start, now kernels.Store, images []float32) (Regime, error) {
	n := len(images) / p.Values[kernels.Images].Len()
	if n < 2 {
		return Regime{}, fmt.Errorf("%d images; at least 2 are needed", n)
	}
	step, err := affineStep(p, start, now)
	if err != nil {
		return Regime{}, err
	}
	e, err := dev.Compile(p, start, n)
	if err != nil {
		return Regime{}, err
	}
	mean, variance := make([]float64, p.BNParams()/2), make([]float64, p.BNParams()/2)
	if err := e.Forward(images, n); err != nil {
		return Regime{}, err
	}
	if err := e.Statistics(mean, variance); err != nil {
		return Regime{}, err
	}
	before, err := lookAt(e, images, mean, variance, step)
	if err != nil {
		return Regime{}, fmt.Errorf("at initialisation: %w", err)
	}
	if e, err = dev.Compile(p, now, n); err != nil {
		return Regime{}, err
	}
	after, err := lookAt(e, images, mean, variance, nil)
	if err != nil {
		return Regime{}, fmt.Errorf("after training: %w", err)
	}
	r := Regime{Images: n}
	r.LinearisedError, err = linearisedError(before.logits, before.change, after.logits)
	if err != nil {
		return Regime{}, err
	}
	return r, r.compareKernels(before.kernel, after.kernel)
}

// compareKernels fills the figures of the two kernels.
func (r *Regime) compareKernels(start, now *mat.SymDense) error {
	var err error
	if r.Drift, err = Drift(now, start); err != nil {
		return err
	}
	if r.Alignment, err = Alignment(now, start); err != nil {
		return err
	}
	for _, k := range []struct {
		kernel *mat.SymDense
		log    *float64
	}{{start, &r.LogConditionStart}, {now, &r.LogCondition}} {
		values, err := Eigenvalues(k.kernel)
		if err != nil {
			return err
		}
		*k.log = LogCondition(values)
	}
	r.CentredAlignment, err = Alignment(Centre(now), Centre(start))
	return err
}

// look is what a path shows of itself with given parameters.
type look struct {
	logits []float32     // n×K
	kernel *mat.SymDense // n×n
	change []float64     // n×K: J·step
}

// lookAt runs the images with the given statistics. step is a change of γ and β, in the order of the Jacobian's
// columns; nil asks for no J·step.
func lookAt(e kernels.Exec, images []float32, mean, variance, step []float64) (look, error) {
	n, classes := len(images)/e.Program().Values[kernels.Images].Len(), e.Program().Classes()
	l := look{logits: make([]float32, n*classes)}
	if err := e.SetStatistics(mean, variance); err != nil {
		return l, err
	}
	if err := e.Forward(images, 0); err != nil {
		return l, err
	}
	if err := e.Logits(l.logits); err != nil {
		return l, err
	}
	if step != nil {
		l.change = make([]float64, n*classes)
	}
	l.kernel = mat.NewSymDense(n, nil)
	jacobian := narrow.take(n * e.Program().BNParams())
	defer narrow.give(jacobian)
	for class := range classes {
		if err := Jacobian(jacobian, e, n, unit(classes, class)); err != nil {
			return l, err
		}
		AddKernel(l.kernel, jacobian, nil)
		for i := range n {
			for c, d := range step {
				l.change[i*classes+class] += float64(jacobian[i*len(step)+c]) * d
			}
		}
	}
	return l, nil
}

// affineStep is θ_t − θ_0, in the order of the Jacobian's columns: of each BN all γ, then all β.
func affineStep(p *kernels.Program, start, now kernels.Store) ([]float64, error) {
	wasGamma, wasBeta, err := kernels.ReadAffine(start, kernels.Data, p)
	if err != nil {
		return nil, fmt.Errorf("γ and β at initialisation: %w", err)
	}
	gamma, beta, err := kernels.ReadAffine(now, kernels.Data, p)
	if err != nil {
		return nil, fmt.Errorf("γ and β after training: %w", err)
	}
	step := make([]float64, 0, p.BNParams())
	for i := range p.BNs {
		for c := range gamma[i] {
			step = append(step, float64(gamma[i][c])-float64(wasGamma[i][c]))
		}
		for c := range beta[i] {
			step = append(step, float64(beta[i][c])-float64(wasBeta[i][c]))
		}
	}
	return step, nil
}

// linearisedError is ‖now − (start + change)‖ / ‖now − start‖.
func linearisedError(start []float32, change []float64, now []float32) (float64, error) {
	var missed, moved float64
	for i := range start {
		d := float64(now[i]) - float64(start[i])
		moved += d * d
		missed += (d - change[i]) * (d - change[i])
	}
	switch {
	case missed == 0:
		return 0, nil
	case moved == 0:
		return 0, errors.New("linearised error: γ and β changed and no logit did")
	}
	return math.Sqrt(missed / moved), nil
}
