package indicator

import (
	"fmt"
	"math"
	"slices"

	"bnas.example/kernels"
	"bnas.example/ntk"
	"bnas.example/philox"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/mat"
)

// takeProbes propagates Rademacher noise from the output of every block back to its input.
func (e *evidence) takeProbes() error {
	n := e.frozenImages()
	for _, b := range e.program.Blocks {
		in, out := e.program.Nodes[b.In].Shape, e.program.Nodes[b.Out].Shape
		if in.H%out.H != 0 || in.W%out.W != 0 {
			continue
		}
		probe := e.probe(out, n)
		back := e.floats(n * in.Len())
		if err := e.stopped(); err != nil {
			return err
		}
		if err := e.exec.NodeGradient(back, b.In, probe, b.Out); err != nil {
			return fmt.Errorf("gradient through %s: %w", b.Name, err)
		}
		if in == out && slices.Equal(back, probe) {
			e.isometries = append(e.isometries, math.Inf(-1))
			continue
		}
		s, err := topSingular(back, in, probe, out, n)
		if err != nil {
			return fmt.Errorf("singular value of %s: %w", b.Name, err)
		}
		e.isometries = append(e.isometries, 2-s-1/(s+1e-6))
	}
	return nil
}

// probe returns n×shape of −1 and +1. It depends on the shape only.
func (s *Scorer) probe(shape kernels.Shape, n int) []float32 {
	if s.probes[shape] == nil {
		p := make([]float32, n*shape.Len())
		philox.New(s.cfg.Seed, "isometry probe", uint64(shape.Len())).Rademacher(p)
		s.probes[shape] = p
	}
	return s.probes[shape]
}

// topSingular returns the largest singular value of M = Σ g_in g_outᵀ / (n·H·W), over images and output pixels, C_in×C_out.
// For g_in = Aᵀg_out with a Rademacher g_out, M is an unbiased estimate of Aᵀ. If the input has more pixels, the input
// pixels of one output pixel become channels (space to depth).
func topSingular(back []float32, in kernels.Shape, probe []float32, out kernels.Shape, n int) (float64, error) {
	pixels := out.H * out.W
	rows := in.Len() / pixels
	m := blas32.General{Rows: rows, Cols: out.C, Stride: out.C, Data: make([]float32, rows*out.C)}
	folded := back
	if in.H != out.H || in.W != out.W {
		folded = spaceToDepth(back, in, out, n)
	}
	for i := range n {
		a := blas32.General{Rows: rows, Cols: pixels, Stride: pixels, Data: folded[i*in.Len() : (i+1)*in.Len()]}
		b := blas32.General{Rows: out.C, Cols: pixels, Stride: pixels, Data: probe[i*out.Len() : (i+1)*out.Len()]}
		blas32.Gemm(blas.NoTrans, blas.Trans, 1/float32(n*pixels), a, b, 1, m)
	}
	gram := make([]float64, out.C*out.C)
	for r := range rows {
		row := m.Data[r*out.C : (r+1)*out.C]
		for i, a := range row {
			for k := i; k < out.C; k++ {
				gram[i*out.C+k] += float64(a) * float64(row[k])
			}
		}
	}
	values, err := ntk.Eigenvalues(mat.NewSymDense(out.C, gram))
	if err != nil {
		return 0, err
	}
	return math.Sqrt(max(values[len(values)-1], 0)), nil
}

// spaceToDepth moves the pixels of a window of in that belong to one pixel of out into channels: n × (C·s_h·s_w) ×
// out.H × out.W.
func spaceToDepth(x []float32, in, out kernels.Shape, n int) []float32 {
	sh, sw := in.H/out.H, in.W/out.W
	y := make([]float32, 0, len(x))
	for plane := range n * in.C {
		p := x[plane*in.H*in.W:]
		for dy := range sh {
			for dx := range sw {
				for oy := range out.H {
					for ox := range out.W {
						y = append(y, p[(oy*sh+dy)*in.W+ox*sw+dx])
					}
				}
			}
		}
	}
	return y
}

// isometry is the mean over blocks of 2 − s − 1/s. s is the top singular value of the block's Jacobian between channels,
// averaged over images and pixels. The term is 0 if gradients keep their length, and lower if they grow or shrink.
// Dimensionless. −∞ if a block does not change them: it learns nothing (as in AZ-NAS). Not gauge-invariant: the factor of
// a block's output node scales its Jacobian. Source: AZ-NAS's trainability (Lee and Ham, CVPR 2024), with the Rademacher
// probe of its code. Statistics are frozen. A block is left out if the size of its input is no multiple of that of its
// output.
func isometry(e *evidence) float64 { return mean(e.isometries) }
