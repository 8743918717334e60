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
		size, err := e.program.NodeProducts(b.In, b.Out)
		if err != nil {
			continue // its pixels are no windows of those of the output
		}
		if err := e.stopped(); err != nil {
			return err
		}
		probe, err := e.probe(b.Out)
		if err != nil {
			return err
		}
		t := transport{make([]float64, size), out.C, e.frozenImages() * out.H * out.W, false}
		if err := e.exec.NodeProducts(t.products, b.In, probe.noise, b.Out); err != nil {
			return fmt.Errorf("gradient through %s: %w", b.Name, err)
		}
		t.identity = in == out && slices.Equal(t.products, probe.squares)
		all = append(all, t)
	}
	spectra := make([][]float64, len(all))
	if err := e.each(len(all), func(i int) (err error) {
		spectra[i], err = all[i].squaredSingular()
		return err
	}); err != nil {
		return err
	}
	for i, t := range all {
		e.isometries = append(e.isometries, t.isometry(spectra[i]))
		if !t.identity {
			e.evenness = append(e.evenness, evenness(weightEntropy(spectra[i]), t.columns))
		}
	}
	return nil
}

// transport holds the products of the noise with its gradient at the input of a block, summed over images and pixels.
type transport struct {
	products []float64 // by row and column
	columns  int
	summands int
	identity bool // the block does not change gradients
}

// isometry is 2 − s − 1/s of the top singular value s, given the squares of all; −∞ for an identity.
func (t transport) isometry(squares []float64) float64 {
	if t.identity {
		return math.Inf(-1)
	}
	s := math.Sqrt(max(squares[len(squares)-1], 0))
	return 2 - s - 1/(s+1e-6)
}

// squaredSingular returns the squares of the singular values, ascending, of M = products/summands, C_in×C_out. For
// g_in = Aᵀg_out with a Rademacher g_out, M is an unbiased estimate of Aᵀ. If the input has more pixels, the input pixels of one
// output pixel are channels (space to depth).
func (t transport) squaredSingular() ([]float64, error) {
	gram := mat.NewSymDense(t.columns, nil)
	m := blas64.General{Rows: len(t.products) / t.columns, Cols: t.columns, Stride: t.columns, Data: t.products}
	blas64.Syrk(blas.Trans, 1/(float64(t.summands)*float64(t.summands)), m, 0, gram.RawSymmetric())
	values, err := ntk.Eigenvalues(gram)
	if err != nil {
		return nil, fmt.Errorf("singular values of a block: %w", err)
	}
	return values, nil
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
	philox.New(s.cfg.SeedOfDirections(), "isometry probe", uint64(shape.Len())).Rademacher(x)
	return x
}

// isometry is the mean over blocks of 2 − s − 1/s. s is the top singular value of the block's Jacobian between channels,
// averaged over images and pixels. The term is 0 if gradients keep their length, and lower if they grow or shrink.
// Dimensionless. −∞ if a block does not change them: it learns nothing (as in AZ-NAS). Not gauge-invariant: the factor of
// a block's output node scales its Jacobian. Source: AZ-NAS's trainability (Lee and Ham, CVPR 2024), with the Rademacher
// probe of its code. Statistics are frozen. A block is left out if the size of its input is no multiple of that of its
// output.
func isometry(e *evidence) float64 { return mean(e.isometries) }

// isometryEven is the mean over blocks of H(s²)/log C, from 0 to 1: s are the singular values of the block's Jacobian between
// channels, as in isometry, H is the entropy of their squares as a distribution, and C is the number of channels of the block's output.
// It is 1 if a block transports gradients of all directions alike (dynamical isometry: Saxe, McClelland and Ganguli 2014; Pennington,
// Schoenholz and Ganguli 2017), where isometry looks at the largest alone. A block whose input has fewer channels, C_in, has as many
// singular values, and at most log C_in/log C: the same for all architectures. Blocks that do not change gradients are left out.
// Gauge-invariant: a factor scales all s. Source: ours.
func isometryEven(e *evidence) float64 { return mean(e.evenness) }
