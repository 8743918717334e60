package indicator

import (
	"fmt"

	"bnas.example/kernels"
	"bnas.example/ntk"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// ridge of the effective dimension, relative to the largest eigenvalue.
const ridge = 1e-4

// fisherSample collects the columns of Jacobians that belong to γ and β of the first channel of each BatchNorm, times their
// factors: a row for each image and direction.
type fisherSample struct {
	columns []int
	factors []float64
	rows    []float64
}

// takeDimension samples the Fisher matrix alone, without the kernels of takeJacobians.
func (e *evidence) takeDimension() (err error) {
	fisher := newFisherSample(e.program, ntk.GaugeFactors(e.program, e.gamma, e.beta))
	if _, err := e.sumDirections(fisher); err != nil {
		return err
	}
	e.dimension, err = fisher.dimension()
	return err
}

// newFisherSample selects the columns of a Jacobian of p, whose columns have the factors of ntk.GaugeFactors.
func newFisherSample(p *kernels.Program, factors []float64) *fisherSample {
	f := &fisherSample{}
	at := 0
	for _, bn := range p.BNs {
		c := p.Values[bn.Value].C
		for _, column := range []int{at, at + c} {
			f.columns, f.factors = append(f.columns, column), append(f.factors, factors[column])
		}
		at += 2 * c
	}
	return f
}

// take takes the columns of the Jacobians, row by row.
func (f *fisherSample) take(rows []float32) {
	f.rows = make([]float64, len(rows))
	for i, v := range rows {
		f.rows[i] = float64(v) * f.factors[i%len(f.columns)]
	}
}

// dimension is Σ λ/(λ + 1e-4·λ_max) over the eigenvalues of RᵀR. RRᵀ has the same but for zeros: the smaller one is made.
func (f *fisherSample) dimension() (float64, error) {
	columns := len(f.columns)
	if columns == 0 || len(f.rows) == 0 {
		return 0, nil
	}
	r := blas64.General{Rows: len(f.rows) / columns, Cols: columns, Stride: columns, Data: f.rows}
	gram := mat.NewSymDense(min(r.Rows, r.Cols), nil)
	side := blas.NoTrans
	if r.Cols < r.Rows {
		side = blas.Trans
	}
	blas64.Syrk(side, 1, r, 0, gram.RawSymmetric())
	values, err := ntk.Eigenvalues(gram)
	if err != nil {
		return 0, fmt.Errorf("matrix of fisher_dim: %w", err)
	}
	top := values[len(values)-1]
	if !(top > 0) {
		return 0, nil
	}
	var d float64
	for _, v := range values {
		d += max(v, 0) / (max(v, 0) + ridge*top)
	}
	return d, nil
}

// fisherDim is the effective dimension of the Fisher matrix F = Σ_v Σ_n g_n g_nᵀ, g_n = ∂⟨v, f(x_n)⟩/∂θ, of θ = γ and β of the
// first channel of every BatchNorm,
//
//	U = Σ λ / (λ + 1e-4·λ_max),
//
// from 1 to the number of θ: how many parameters the data determine. Columns have the factors of ntk.GaugeFactors, so that the
// term is gauge-invariant. Images, directions and frozen statistics are those of the tangent kernel. Source: ours; the sample of
// one parameter a layer follows VKDNW, and the effective dimension is that of ridge regression.
func fisherDim(e *evidence) float64 { return e.dimension }
