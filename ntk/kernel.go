package ntk

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"

	"bnas.example/kernels"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// AddKernel adds to Θ (n×n) the empirical neural tangent kernel J·diag(c²)·Jᵀ of a Jacobian of n images: j is n×P, row by
// row. The column factors c have length P; nil stands for ones. [GaugeFactors] makes Θ gauge-invariant. Sums are in
// float64. Source: Jacot, Gabriel and Hongler, "Neural tangent kernel" (NeurIPS 2018).
func AddKernel(theta *mat.SymDense, j []float32, c []float64) {
	n := theta.SymmetricDim()
	p := len(j) / n
	if p == 0 {
		return
	}
	rows := wide.take(n * p)
	defer wide.give(rows)
	g := make([]blas64.Vector, n)
	eachRow(n, func(i int) { g[i] = scaled(rows[i*p:(i+1)*p], j[i*p:(i+1)*p], c) })
	eachRow(n, func(i int) {
		for k := i; k < n; k++ {
			theta.SetSym(i, k, theta.At(i, k)+blas64.Dot(g[i], g[k]))
		}
	})
}

// pool has memory of Jacobians, which is worth keeping: megabytes that would be touched anew in each call.
type pool[T float32 | float64] struct{ sync.Pool }

var (
	narrow pool[float32]
	wide   pool[float64]
)

// take returns memory of n elements, of any content.
func (p *pool[T]) take(n int) []T {
	kept, _ := p.Get().(*[]T)
	if kept == nil || cap(*kept) < n {
		return make([]T, n)
	}
	return (*kept)[:n]
}

func (p *pool[T]) give(x []T) { p.Put(&x) }

// scaled returns y with the elements of x times c, or x if c is nil.
func scaled(y []float64, x []float32, c []float64) blas64.Vector {
	for i, v := range x {
		y[i] = float64(v)
	}
	if c != nil {
		floats.Mul(y, c)
	}
	return blas64.Vector{N: len(y), Inc: 1, Data: y}
}

// eachRow calls f for 0…n−1, on all cores.
func eachRow(n int, f func(i int)) {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		group.Go(func() error {
			f(i)
			return nil
		})
	}
	_ = group.Wait()
}

// Trace returns the kernel Θ = Σ_k J_k J_kᵀ of the n images of the last Forward, summed over the logits k: n×n, with
// frozen batch statistics. It takes one backward pass for each logit.
func Trace(e kernels.Exec, n int) (*mat.SymDense, error) {
	units := make([][]float32, e.Program().Classes())
	for class := range units {
		units[class] = unit(len(units), class)
	}
	sums, err := SumDirections(e, n, units, nil, nil, Wanted{})
	if err != nil {
		return nil, err
	}
	return sums.Kernels[0], nil
}

// unit is the direction of one of the logits.
func unit(logits, k int) []float32 {
	v := make([]float32, logits)
	v[k] = 1
	return v
}

// Drift returns ‖Θ_t − Θ_0‖_F / ‖Θ_0‖_F, the relative change of a kernel in training. It is 0 in the NTK regime.
func Drift(now, start mat.Symmetric) (float64, error) {
	if err := sameSize(now, start); err != nil {
		return 0, err
	}
	var moved, size float64
	eachPair(now, start, func(a, b float64) {
		moved += (a - b) * (a - b)
		size += b * b
	})
	if size == 0 {
		return 0, errors.New("ntk: drift: the kernel at the start is zero")
	}
	return math.Sqrt(moved / size), nil
}

// Alignment returns ⟨A, B⟩_F / (‖A‖_F ‖B‖_F). It is 1 if B is a positive multiple of A: both kernels then induce the same
// dynamics up to the learning rate. For the centred alignment of Cortes, Mohri and Rostamizadeh (JMLR 2012) give it
// kernels that [Centre] returned.
func Alignment(a, b mat.Symmetric) (float64, error) {
	if err := sameSize(a, b); err != nil {
		return 0, err
	}
	var xx, yy, xy float64
	eachPair(a, b, func(x, y float64) {
		xx += x * x
		yy += y * y
		xy += x * y
	})
	if xx == 0 || yy == 0 {
		return 0, errors.New("ntk: alignment: a kernel is zero")
	}
	return xy / math.Sqrt(xx*yy), nil
}

// Centre returns HΘH with H = I − 11ᵀ/n, the kernel of the features minus their mean over the images.
func Centre(kernel mat.Symmetric) *mat.SymDense {
	n := kernel.SymmetricDim()
	rows := make([]float64, n)
	var all float64
	for i := range n {
		for k := range n {
			rows[i] += kernel.At(i, k) / float64(n)
		}
		all += rows[i] / float64(n)
	}
	out := mat.NewSymDense(n, nil)
	for i := range n {
		for k := i; k < n; k++ {
			out.SetSym(i, k, kernel.At(i, k)-rows[i]-rows[k]+all)
		}
	}
	return out
}

func sameSize(a, b mat.Symmetric) error {
	if a.SymmetricDim() != b.SymmetricDim() {
		return fmt.Errorf("ntk: kernels of %d and %d images", a.SymmetricDim(), b.SymmetricDim())
	}
	return nil
}

// eachPair calls f for the elements of two matrices of one size, row by row.
func eachPair(a, b mat.Symmetric, f func(a, b float64)) {
	n := a.SymmetricDim()
	for i := range n {
		for k := range n {
			f(a.At(i, k), b.At(i, k))
		}
	}
}
