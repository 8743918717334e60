package cuda

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"bnas.example/kernels"
)

// NodeProducts propagates the seed on the device, and sums the products on the host.
func (e *exec) NodeProducts(dst []float64, to kernels.NodeID, seed []float32, from kernels.NodeID) error {
	end, start := e.p.Nodes[to].Shape, e.p.Nodes[from].Shape
	g := make([]float32, e.n*end.Len())
	if err := e.NodeGradient(g, to, seed, from); err != nil {
		return err
	}
	if end.H != start.H || end.W != start.W {
		g = spaceToDepth(g, end, start, e.n)
	}
	pixels := start.H * start.W
	rows := end.Len() / pixels
	sum := blas32.General{Rows: rows, Cols: start.C, Stride: start.C, Data: make([]float32, rows*start.C)}
	for i := range e.n {
		a := blas32.General{Rows: rows, Cols: pixels, Stride: pixels, Data: g[i*end.Len() : (i+1)*end.Len()]}
		b := blas32.General{Rows: start.C, Cols: pixels, Stride: pixels, Data: seed[i*start.Len() : (i+1)*start.Len()]}
		blas32.Gemm(blas.NoTrans, blas.Trans, 1, a, b, 1, sum)
	}
	for i, v := range sum.Data {
		dst[i] = float64(v)
	}
	return nil
}

// spaceToDepth moves the pixels of a window of in that belong to one pixel of out into channels: n × (C·h·w) × out.H × out.W.
func spaceToDepth(x []float32, in, out kernels.Shape, n int) []float32 {
	h, w := in.H/out.H, in.W/out.W
	y := make([]float32, 0, len(x))
	for plane := range n * in.C {
		p := x[plane*in.H*in.W:]
		for dy := range h {
			for dx := range w {
				for oy := range out.H {
					for ox := range out.W {
						y = append(y, p[(oy*h+dy)*in.W+ox*w+dx])
					}
				}
			}
		}
	}
	return y
}
