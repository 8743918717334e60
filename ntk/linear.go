package ntk

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// SquaredLoss returns Σ (f − y)² / 2n of n images: f and y have all outputs, in the order of OutputKernels.
func SquaredLoss(f, y []float64, n int) float64 {
	var sum float64
	for i := range f {
		sum += (f[i] - y[i]) * (f[i] - y[i])
	}
	return sum / float64(2*n)
}

// Linear is a network that is linear in its parameters, under gradient descent with all n images in one batch on
// SquaredLoss, in closed form (Lee et al., NeurIPS 2019, eq. 9, for steps of a finite rate):
//
//	f_t = y + (I − η/n·Θ)ᵗ (f_0 − y)
type Linear struct {
	values  []float64  // of Θ, ascending
	vectors *mat.Dense // one column for each
	target  []float64
	start   []float64 // Vᵀ(f_0 − y)
	images  int
}

// NewLinear decomposes the kernel of the outputs of n images. f0 are the outputs at the start.
func NewLinear(outputs mat.Symmetric, f0, y []float64, n int) (*Linear, error) {
	if m := outputs.SymmetricDim(); len(f0) != m || len(y) != m {
		return nil, fmt.Errorf("ntk: a kernel of %d outputs, %d outputs and %d targets", m, len(f0), len(y))
	}
	var e mat.EigenSym
	if !e.Factorize(outputs, true) {
		return nil, fmt.Errorf("ntk: eigenvalues of a kernel of %d outputs: no convergence", len(y))
	}
	l := &Linear{values: e.Values(nil), vectors: new(mat.Dense), target: y, images: n}
	e.VectorsTo(l.vectors)
	residual := mat.NewVecDense(len(y), nil)
	for i := range y {
		residual.SetVec(i, f0[i]-y[i])
	}
	var start mat.VecDense
	start.MulVec(l.vectors.T(), residual)
	l.start = start.RawVector().Data
	return l, nil
}

// Rate returns the η with η·λ_max/n = x. Descent is stable for x < 2.
func (l *Linear) Rate(x float64) float64 { return x * float64(l.images) / l.values[len(l.values)-1] }

// At returns the outputs after so many steps at the rate η.
func (l *Linear) At(steps int, rate float64) []float64 {
	left := mat.NewVecDense(len(l.start), nil)
	for i, v := range l.start {
		left.SetVec(i, v*math.Pow(1-rate/float64(l.images)*l.values[i], float64(steps)))
	}
	var f mat.VecDense
	f.MulVec(l.vectors, left)
	out := f.RawVector().Data
	for i, y := range l.target {
		out[i] += y
	}
	return out
}

// Distance returns ‖a − b‖ / ‖a − start‖: how far b is from a, relative to the way that a went. It is an error if a did
// not move.
func Distance(a, b, start []float64) (float64, error) {
	var apart, way float64
	for i := range a {
		apart += (a[i] - b[i]) * (a[i] - b[i])
		way += (a[i] - start[i]) * (a[i] - start[i])
	}
	if way == 0 {
		return 0, fmt.Errorf("ntk: distance of outputs: they are those of the start")
	}
	return math.Sqrt(apart / way), nil
}
