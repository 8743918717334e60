package indicator

import (
	"fmt"
	"math"
	"slices"

	"bnas.example/kernels"
	"bnas.example/ntk"
	"bnas.example/philox"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// takeProbes propagates Rademacher noise from the output of every block back to its input.
func (e *evidence) takeProbes() error {
	var all []transport
	for _, b := range e.program.Blocks {
		in, out := e.program.Nodes[b.In].Shape, e.program.Nodes[b.Out].Shape
		if in.H%out.H != 0 || in.W%out.W != 0 {
			continue
		}
		if err := e.stopped(); err != nil {
			return err
		}
		probe, err := e.probe(b.Out)
		if err != nil {
			return err
		}
		t := transport{make([]float64, in.Len()/(out.H*out.W)*out.C), out.C, e.frozenImages() * out.H * out.W, false}
		if err := e.exec.NodeProducts(t.products, b.In, probe.noise, b.Out); err != nil {
			return fmt.Errorf("gradient through %s: %w", b.Name, err)
		}
		t.identity = in == out && slices.Equal(t.products, probe.squares)
		all = append(all, t)
	}
	e.isometries = make([]float64, len(all))
	return e.each(len(all), func(i int) (err error) {
		e.isometries[i], err = all[i].isometry()
		return err
	})
}

// transport holds the products of the noise with its gradient at the input of a block, summed over images and pixels.
type transport struct {
	products []float64 // by row and column
	columns  int
	summands int
	identity bool // the block does not change gradients
}

func (t transport) isometry() (float64, error) {
	if t.identity {
		return math.Inf(-1), nil
	}
	s, err := topSingular(t.products, t.columns, t.summands)
	if err != nil {
		return 0, fmt.Errorf("singular value of a block: %w", err)
	}
	return 2 - s - 1/(s+1e-6), nil
}

// probe is noise at a node: images×shape of −1 and +1, and the sums of the products of its channels.
type probe struct {
	noise   []float32
	squares []float64
}

// probe returns the noise of a node. It depends on the shape only. It needs a Forward of the images.
func (e *evidence) probe(at kernels.NodeID) (*probe, error) {
	shape := e.program.Nodes[at].Shape
	if e.probes[shape] == nil {
		p := &probe{e.rademacher(shape), make([]float64, shape.C*shape.C)}
		if err := e.exec.NodeProducts(p.squares, at, p.noise, at); err != nil {
			return nil, fmt.Errorf("products of the noise: %w", err)
		}
		e.probes[shape] = p
	}
	return e.probes[shape], nil
}

// rademacher draws images×shape of −1 and +1.
func (s *Scorer) rademacher(shape kernels.Shape) []float32 {
	x := make([]float32, s.frozenImages()*shape.Len())
	philox.New(s.cfg.Seed, "isometry probe", uint64(shape.Len())).Rademacher(x)
	return x
}

// topSingular returns the largest singular value of M = Σ g_in g_outᵀ / count, over images and output pixels, C_in×C_out. Its
// argument is the sum. For g_in = Aᵀg_out with a Rademacher g_out, M is an unbiased estimate of Aᵀ. If the input has more
// pixels, the input pixels of one output pixel are channels (space to depth).
func topSingular(sum []float64, columns, count int) (float64, error) {
	gram := mat.NewSymDense(columns, nil)
	m := blas64.General{Rows: len(sum) / columns, Cols: columns, Stride: columns, Data: sum}
	blas64.Syrk(blas.Trans, 1/(float64(count)*float64(count)), m, 0, gram.RawSymmetric())
	values, err := ntk.Eigenvalues(gram)
	if err != nil {
		return 0, err
	}
	return math.Sqrt(max(values[columns-1], 0)), nil
}

// isometry is the mean over blocks of 2 − s − 1/s. s is the top singular value of the block's Jacobian between channels,
// averaged over images and pixels. The term is 0 if gradients keep their length, and lower if they grow or shrink.
// Dimensionless. −∞ if a block does not change them: it learns nothing (as in AZ-NAS). Not gauge-invariant: the factor of
// a block's output node scales its Jacobian. Source: AZ-NAS's trainability (Lee and Ham, CVPR 2024), with the Rademacher
// probe of its code. Statistics are frozen. A block is left out if the size of its input is no multiple of that of its
// output.
func isometry(e *evidence) float64 { return mean(e.isometries) }
