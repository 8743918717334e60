package cuda

import (
	"errors"
	"testing"

	"bnas.example/internal/gpusim/fake"
	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
)

// A GPU has grids for all calls with more images than a grid has blocks along y.
func TestGridsOfManyImages(t *testing.T) {
	const n = 1 << 16
	f := fake.New(nil)
	d, err := New(f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := kerneltest.Pixel(1)
	s, err := c.NewStore(d)
	if err != nil {
		t.Fatal(err)
	}
	e, err := d.Compile(c.Program, s, n)
	if err != nil {
		t.Fatal(err)
	}
	p := c.Program
	last := kernels.NodeID(len(p.Nodes) - 1)
	shape, tap := p.Nodes[last].Shape, kernels.NodeTap(last)
	err = errors.Join(
		e.Forward(make([]float32, n*p.Values[kernels.Images].Len()), n),
		e.CrossEntropy(make([]int, n), 0),
		e.Backward(kernels.DifferentiateStatistics, true),
		e.SampleGradients(make([]float32, n*p.BNParams())),
		e.Read(tap, make([]float32, n*shape.Len())),
		e.SpatialMean(tap, make([]float64, n*shape.C)),
		e.Covariance(tap, make([]float64, shape.C), make([]float64, shape.C*shape.C)),
		e.FiringRate(make([]float64, p.RectifiedChannels())),
		e.NodeGradient(make([]float32, n*shape.Len()), last, make([]float32, n*shape.Len()), last),
		d.Close(),
	)
	if err != nil {
		t.Error(err)
	}
	check(t, f)
}
