package ntk

import (
	"fmt"

	"bnas.example/kernels"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// jacobianElements bounds the elements of a Jacobian in memory: 1 GiB of float32.
const jacobianElements = 1 << 28

// OutputKernels returns the tangent kernel of all outputs for each group of parameters of s, whose Exec is e:
//
//	Θ_g = J_g J_gᵀ,  row i·K + k of J_g is ∂f_k(x_i)/∂θ_g                    (n·K)×(n·K)
//
// f_k(x_i) is logit k of image i of n. Kernels of disjoint groups add up to that of their union. If how is
// DifferentiateStatistics, the statistics of BatchNorm are those of the n images and depend on θ, as in a step of training
// with all of them as one batch; this takes n·K backward passes of n images. If how is FreezeStatistics, they are those that
// e has, and a pass has one image. It overwrites the Grad slots, and e has no Forward of the images afterwards.
func OutputKernels(e kernels.Exec, s kernels.Store, images []float32, how kernels.StatGrad, groups ...[]kernels.ParamID) ([]*mat.SymDense, error) {
	return outputKernels(e, s, images, how, groups, jacobianElements)
}

// outputKernels is [OutputKernels] with a bound of the Jacobian's elements.
func outputKernels(e kernels.Exec, s kernels.Store, images []float32, how kernels.StatGrad, groups [][]kernels.ParamID, most int) ([]*mat.SymDense, error) {
	rows := len(images) / e.Program().Values[kernels.Images].Len() * e.Program().Classes()
	out := make([]*mat.SymDense, len(groups))
	for g := range out {
		out[g] = mat.NewSymDense(rows, nil)
	}
	for _, part := range parts(s.Params(), groups, most/max(1, rows)) {
		j := make([]float32, rows*part.width)
		err := eachGradient(e, images, how, part.weights, func(row int) error {
			return s.Read(kernels.Grad, j[row*part.width:(row+1)*part.width], part.ids...)
		})
		if err != nil {
			return nil, fmt.Errorf("ntk: %s: %w", e.Program().Name, err)
		}
		for _, c := range part.columns {
			addColumns(out[c.group], j, part.width, c.from, c.to)
		}
	}
	return out, nil
}

// part is a share of the parameters whose Jacobian is in memory at one time.
type part struct {
	ids     []kernels.ParamID
	width   int  // their elements
	weights bool // some are weights of convolutions
	columns []columns
}

// columns are those of a part that belong to one group.
type columns struct{ group, from, to int }

// parts divides the parameters of the groups into parts of at most so many elements, or of one parameter.
func parts(params []kernels.Param, groups [][]kernels.ParamID, most int) []part {
	var all []part
	for g, ids := range groups {
		for _, id := range ids {
			size := params[id].Len()
			if len(all) == 0 || all[len(all)-1].width+size > most {
				all = append(all, part{})
			}
			p := &all[len(all)-1]
			if last := len(p.columns) - 1; last >= 0 && p.columns[last].group == g {
				p.columns[last].to += size
			} else {
				p.columns = append(p.columns, columns{g, p.width, p.width + size})
			}
			p.ids = append(p.ids, id)
			p.width += size
			p.weights = p.weights || params[id].Kind == kernels.ConvWeight
		}
	}
	return all
}

// eachGradient runs a backward pass for each output, in the order of the rows of OutputKernels. The Grad slots then have
// its gradient.
func eachGradient(e kernels.Exec, images []float32, how kernels.StatGrad, weights bool, see func(row int) error) error {
	size, classes := e.Program().Values[kernels.Images].Len(), e.Program().Classes()
	n := len(images) / size
	if how == kernels.DifferentiateStatistics {
		if err := e.Forward(images, n); err != nil {
			return err
		}
		return backwardEach(e, n, how, weights, see)
	}
	for i := range n {
		if err := e.Forward(images[i*size:(i+1)*size], 0); err != nil {
			return err
		}
		err := backwardEach(e, 1, how, weights, func(class int) error { return see(i*classes + class) })
		if err != nil {
			return err
		}
	}
	return nil
}

// backwardEach runs a backward pass for each output of the last Forward, of n images.
func backwardEach(e kernels.Exec, n int, how kernels.StatGrad, weights bool, see func(output int) error) error {
	d := make([]float32, n*e.Program().Classes())
	for i := range d {
		clear(d)
		d[i] = 1
		if err := e.SetLogitGradient(d); err != nil {
			return err
		}
		if err := e.Backward(how, weights); err != nil {
			return err
		}
		if err := see(i); err != nil {
			return err
		}
	}
	return nil
}

// addColumns adds to Θ the kernel of the columns from … to of a Jacobian with so many columns. Sums are in float64.
func addColumns(theta *mat.SymDense, j []float32, width, from, to int) {
	const block = 1024 // columns: the copy in float64 then stays in the cache
	n := theta.SymmetricDim()
	g := make([]float64, n*block)
	for ; from < to; from += block {
		cols := min(block, to-from)
		for i := range n {
			for c, v := range j[i*width+from : i*width+from+cols] {
				g[i*cols+c] = float64(v)
			}
		}
		blas64.Syrk(blas.NoTrans, 1, blas64.General{Rows: n, Cols: cols, Stride: cols, Data: g[:n*cols]}, 1, theta.RawSymmetric())
	}
}

// TraceOutputs returns Σ_k of the rows and columns i·K + k of a kernel of outputs: n×n, over the images alone.
func TraceOutputs(outputs mat.Symmetric, classes int) *mat.SymDense {
	n := outputs.SymmetricDim() / classes
	sum := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			var v float64
			for k := range classes {
				v += outputs.At(i*classes+k, j*classes+k)
			}
			sum.SetSym(i, j, v)
		}
	}
	return sum
}
