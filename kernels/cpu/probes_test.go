//go:build cgo

package cpu

import (
	"slices"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
	"bnas.example/kernels/plan"
)

// TestProbesWithoutScratch: a backward pass that finds no memory leaves less scratch than the Exec has come to need, or none. The
// probes have what they need all the same, and the numbers of before.
func TestProbesWithoutScratch(t *testing.T) {
	c := kerneltest.Cell(1, kernels.Shape{C: 16, H: 8, W: 8}, 4)
	d, err := newDevice(2, Strict)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s := newStore(c.Params)
	for id, data := range c.Data {
		if err := s.Write(kernels.Data, data, kernels.ParamID(id)); err != nil {
			t.Fatal(err)
		}
	}
	compiled, err := d.Compile(c.Program, s, c.Batch)
	if err != nil {
		t.Fatal(err)
	}
	e := compiled.(*exec)
	tap := kernels.NodeTap(c.Program.Blocks[0].Out)
	shape, err := c.Program.TapShape(tap)
	if err != nil {
		t.Fatal(err)
	}
	wide := func(x []float32) (all []float64) {
		for _, v := range x {
			all = append(all, float64(v))
		}
		return all
	}
	for _, probe := range []struct {
		name string
		run  func() ([]float64, error)
	}{
		{"Read", func() ([]float64, error) {
			x := make([]float32, c.N*shape.Len())
			err := e.Read(tap, x)
			return wide(x), err
		}},
		{"SpatialMean", func() ([]float64, error) {
			x := make([]float64, c.N*shape.C)
			return x, e.SpatialMean(tap, x)
		}},
		{"Covariance", func() ([]float64, error) {
			x := make([]float64, shape.C*shape.C)
			return x, e.Covariance(tap, make([]float64, shape.C), x)
		}},
		{"CodeGram", func() ([]float64, error) {
			x := make([]int64, c.N*c.N)
			_, err := e.CodeGram(x)
			all := make([]float64, len(x))
			for i, v := range x {
				all[i] = float64(v)
			}
			return all, err
		}},
		{"FiringRate", func() ([]float64, error) {
			x := make([]float64, c.Program.RectifiedChannels())
			return x, e.FiringRate(x)
		}},
	} {
		if err := e.Forward(c.Images, c.N); err != nil {
			t.Fatal(err)
		}
		want, err := probe.run()
		if err != nil {
			t.Fatal(err)
		}
		e.rates = nil
		d.scratch.free()
		e.gradPlan(plan.Route{From: noNode, To: noNode, Weights: true}).size = maxFloats
		if e.Backward(kernels.FreezeStatistics, true) == nil {
			t.Fatal("a backward pass has memory for a size beyond measure")
		}
		got, err := probe.run()
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: other numbers after a backward pass without memory: error %v", probe.name, err)
		}
		if need := e.scratch * d.threads; d.scratch.size < need {
			t.Errorf("%s: %d floats of scratch, %d are needed", probe.name, d.scratch.size, need)
		}
	}
}
