package cuda

import (
	"testing"

	"bnas.example/kernels"
	"bnas.example/supernet"
)

// The host's part of a step of the all-3×3 path that is drawn anew: plans, tables, launches, on a GPU that does nothing.
func BenchmarkHostStep(b *testing.B) {
	p, params := program(b, supernet.Config{Space: "nas-bench-201", BN: supernet.Standard}, all3x3)
	d, err := New(newPaper(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	s, err := d.NewStore(params)
	if err != nil {
		b.Fatal(err)
	}
	images, labels := make([]float32, 64*p.Values[kernels.Images].Len()), make([]int, 64)
	b.ResetTimer()
	for b.Loop() {
		e, err := d.Compile(p, s, 64)
		if err != nil {
			b.Fatal(err)
		}
		if err := e.Forward(images, 64); err != nil {
			b.Fatal(err)
		}
		if err := e.CrossEntropy(labels, 0); err != nil {
			b.Fatal(err)
		}
		if err := e.Backward(kernels.DifferentiateStatistics, false); err != nil {
			b.Fatal(err)
		}
	}
}
