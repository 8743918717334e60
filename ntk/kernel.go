package ntk

import (
	"errors"
	"fmt"
	"math"

	"bnas.example/kernels"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gorgonia.org/tensor"
)

// floor bounds a kernel's condition number: eigenvalues below floor·λ_max are taken as that.
const floor = 1e-6

// Kernel returns the empirical neural tangent kernel of a Jacobian J (n×P, float32), Θ = J·diag(c²)·Jᵀ, n×n float64.
// The column factors c have length P; nil stands for ones. [GaugeFactors] makes Θ gauge-invariant. Source: Jacot,
// Gabriel and Hongler, "Neural tangent kernel" (NeurIPS 2018).
func Kernel(j *tensor.Dense, c []float64) (*tensor.Dense, error) {
	data, ok := j.Data().([]float32)
	if !ok || j.Dims() != 2 {
		return nil, fmt.Errorf("ntk: kernel: a Jacobian is n×P float32, not %v %v", j.Shape(), j.Dtype())
	}
	n := j.Shape()[0]
	if c != nil && len(c) != j.Shape()[1] {
		return nil, fmt.Errorf("ntk: kernel: %d factors for %d columns", len(c), j.Shape()[1])
	}
	theta := make([]float64, n*n)
	AddKernel(theta, data, n, c, 1)
	return tensor.New(tensor.WithShape(n, n), tensor.WithBacking(theta)), nil
}

// AddKernel adds weight·J·diag(c²)·Jᵀ to theta (n×n, both triangles) in float64. j is n×P, row by row; c has length P or
// is nil for ones.
func AddKernel(theta []float64, j []float32, n int, c []float64, weight float64) {
	p := len(j) / n
	if p == 0 {
		return
	}
	g := make([]float64, len(j))
	for i, v := range j {
		g[i] = float64(v)
		if c != nil {
			g[i] *= c[i%p]
		}
	}
	blas64.Syrk(blas.NoTrans, weight, blas64.General{Rows: n, Cols: p, Stride: p, Data: g}, 1,
		blas64.Symmetric{Uplo: blas.Upper, N: n, Stride: n, Data: theta})
	for i := range n {
		for k := range i {
			theta[i*n+k] = theta[k*n+i]
		}
	}
}

// Trace returns the kernel Θ = Σ_k J_k J_kᵀ of the n images of the last Forward, summed over the logits k: n×n float64,
// with frozen batch statistics. It takes one backward pass for each logit.
func Trace(e kernels.Exec, n int) (*tensor.Dense, error) { return trace(e, n, func(int, []float32) {}) }

// trace is [Trace]; it gives each J_k, n×BNParams, to see.
func trace(e kernels.Exec, n int, see func(class int, jacobian []float32)) (*tensor.Dense, error) {
	theta := make([]float64, n*n)
	for class := range e.Program().Classes() {
		direction := make([]float32, e.Program().Classes())
		direction[class] = 1
		j, err := Jacobian(e, n, direction)
		if err != nil {
			return nil, err
		}
		one, err := Kernel(j, nil)
		if err != nil {
			return nil, err
		}
		for i, v := range one.Data().([]float64) {
			theta[i] += v
		}
		see(class, j.Data().([]float32))
	}
	return tensor.New(tensor.WithShape(n, n), tensor.WithBacking(theta)), nil
}

// Eigenvalues returns the eigenvalues of a symmetric n×n float64 kernel, ascending.
func Eigenvalues(kernel *tensor.Dense) ([]float64, error) {
	data, n, err := square(kernel)
	if err != nil {
		return nil, err
	}
	return Spectrum(append([]float64(nil), data...), n)
}

// LogCondition returns log κ = log(λ_max / max(λ_min, 1e-6·λ_max)) of ascending eigenvalues, from 0 to log 10⁶. It is
// +Inf if λ_max ≤ 0. The floor of 1e-6 is ours.
func LogCondition(eigenvalues []float64) float64 {
	if len(eigenvalues) == 0 || !(eigenvalues[len(eigenvalues)-1] > 0) {
		return math.Inf(1)
	}
	top := eigenvalues[len(eigenvalues)-1]
	return math.Log(top / max(eigenvalues[0], floor*top))
}

// Drift returns ‖Θ_t − Θ_0‖_F / ‖Θ_0‖_F, the relative change of a kernel in training. It is 0 in the NTK regime.
func Drift(now, start *tensor.Dense) (float64, error) {
	a, b, err := pair(now, start)
	if err != nil {
		return 0, err
	}
	var moved, size float64
	for i := range a {
		moved += (a[i] - b[i]) * (a[i] - b[i])
		size += b[i] * b[i]
	}
	if size == 0 {
		return 0, errors.New("ntk: drift: the kernel at the start is zero")
	}
	return math.Sqrt(moved / size), nil
}

// Alignment returns ⟨A, B⟩_F / (‖A‖_F ‖B‖_F). It is 1 if B is a positive multiple of A: both kernels then induce the same
// dynamics up to the learning rate. For the centred alignment of Cortes, Mohri and Rostamizadeh (JMLR 2012) give it
// kernels that [Centre] returned.
func Alignment(a, b *tensor.Dense) (float64, error) {
	x, y, err := pair(a, b)
	if err != nil {
		return 0, err
	}
	var xx, yy, xy float64
	for i := range x {
		xx += x[i] * x[i]
		yy += y[i] * y[i]
		xy += x[i] * y[i]
	}
	if xx == 0 || yy == 0 {
		return 0, errors.New("ntk: alignment: a kernel is zero")
	}
	return xy / math.Sqrt(xx*yy), nil
}

// Centre returns HΘH with H = I − 11ᵀ/n, the kernel of the features minus their mean over the images.
func Centre(kernel *tensor.Dense) (*tensor.Dense, error) {
	data, n, err := square(kernel)
	if err != nil {
		return nil, err
	}
	rows := make([]float64, n)
	var all float64
	for i := range n {
		for k := range n {
			rows[i] += data[i*n+k] / float64(n)
		}
		all += rows[i] / float64(n)
	}
	out := make([]float64, n*n)
	for i := range n {
		for k := range n {
			out[i*n+k] = data[i*n+k] - rows[i] - rows[k] + all
		}
	}
	return tensor.New(tensor.WithShape(n, n), tensor.WithBacking(out)), nil
}

// square returns the backing of a square float64 matrix.
func square(k *tensor.Dense) ([]float64, int, error) {
	data, ok := k.Data().([]float64)
	if !ok || k.Dims() != 2 || k.Shape()[0] != k.Shape()[1] {
		return nil, 0, fmt.Errorf("ntk: a kernel is n×n float64, not %v %v", k.Shape(), k.Dtype())
	}
	return data, k.Shape()[0], nil
}

// pair returns the backings of two kernels of one size.
func pair(a, b *tensor.Dense) (x, y []float64, err error) {
	x, n, err := square(a)
	if err != nil {
		return nil, nil, err
	}
	y, m, err := square(b)
	if err != nil {
		return nil, nil, err
	}
	if n != m {
		return nil, nil, fmt.Errorf("ntk: kernels of %d and %d images", n, m)
	}
	return x, y, nil
}
