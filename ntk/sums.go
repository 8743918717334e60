package ntk

import (
	"errors"
	"fmt"

	"bnas.example/kernels"

	"gonum.org/v1/gonum/mat"
)

// Wanted is a kernel Θ = Σ_v J_v·diag(c²)·J_vᵀ over directions v of the logits, J_v the [Jacobian] of v.
type Wanted struct {
	// Factors are c, of length BNParams; nil stands for ones. [GaugeFactors] makes Θ gauge-invariant.
	Factors []float64
	// Batch is the number of images of a batch: what is between images of two batches is not wanted, and may be 0. 0: all are one batch.
	Batch int
}

// Sums are sums over directions.
type Sums struct {
	Kernels []*mat.SymDense // n×n, one for each that is wanted
	Columns []float32       // of the Jacobians, directions × n × columns
}

// SumDirections forms the kernels that are wanted, and keeps some columns of the Jacobians, at the n images of the last Forward, with
// frozen batch statistics. Sums are in float64: on the device if it forms such kernels, where the Jacobians then stay, else on the
// host. There stop, which may be nil, is called before each direction; its error ends the sum.
func SumDirections(e kernels.Exec, n int, directions [][]float32, columns []int, stop func() error, wanted ...Wanted) (Sums, error) {
	t := kernels.Tangents{Directions: directions, Columns: columns}
	for _, w := range wanted {
		t.Factors = append(t.Factors, w.Factors)
	}
	on, err := kernels.SumTangents(e, t)
	if errors.Is(err, kernels.ErrUnsupported) {
		return sumOnHost(e, n, directions, columns, stop, wanted)
	}
	if err != nil {
		return Sums{}, err
	}
	sums := Sums{Columns: on.Columns}
	for _, k := range on.Kernels {
		if len(k) != n*n {
			return Sums{}, fmt.Errorf("ntk: the last Forward had other than %d images", n)
		}
		sums.Kernels = append(sums.Kernels, mat.NewSymDense(n, k))
	}
	return sums, nil
}

func sumOnHost(e kernels.Exec, n int, directions [][]float32, columns []int, stop func() error, wanted []Wanted) (Sums, error) {
	p := e.Program().BNParams()
	sums := Sums{Columns: make([]float32, 0, len(directions)*n*len(columns))}
	for range wanted {
		sums.Kernels = append(sums.Kernels, mat.NewSymDense(n, nil))
	}
	j := narrow.take(n * p)
	defer narrow.give(j)
	for _, v := range directions {
		if stop != nil {
			if err := stop(); err != nil {
				return sums, err
			}
		}
		if err := Jacobian(j, e, n, v); err != nil {
			return sums, err
		}
		for k, w := range wanted {
			addBatches(sums.Kernels[k], j, p, w)
		}
		for i := range n {
			for _, c := range columns {
				sums.Columns = append(sums.Columns, j[i*p+c])
			}
		}
	}
	return sums, nil
}

// addBatches adds to each batch's block of Θ the kernel of its images, whose Jacobians have p columns.
func addBatches(theta *mat.SymDense, j []float32, p int, w Wanted) {
	n, batch := theta.SymmetricDim(), w.Batch
	if batch == 0 {
		batch = n
	}
	for first := 0; first < n; first += batch {
		end := min(first+batch, n)
		AddKernel(theta.SliceSym(first, end).(*mat.SymDense), j[first*p:end*p], w.Factors)
	}
}

// NodeGram returns the products ⟨g_i, g_k⟩ of the gradients at node to of the n images, of seed at node from: n×n, sums in float64,
// on the device if it forms them. [kernels.Observer.NodeGradient] has the gradients.
func NodeGram(e kernels.Exec, n int, to kernels.NodeID, seed []float32, from kernels.NodeID) (*mat.SymDense, error) {
	products := make([]float64, n*n)
	err := kernels.NodeGram(e, products, to, seed, from)
	if !errors.Is(err, kernels.ErrUnsupported) {
		return mat.NewSymDense(n, products), err
	}
	g := narrow.take(n * e.Program().Nodes[to].Len())
	defer narrow.give(g)
	if err := e.NodeGradient(g, to, seed, from); err != nil {
		return nil, err
	}
	gram := mat.NewSymDense(n, nil)
	AddKernel(gram, g, nil)
	return gram, nil
}
