package cuda

import (
	"testing"

	"bnas.example/internal/gpusim/paper"
	"bnas.example/kernels"
	"bnas.example/supernet"
)

// The host's part of a step of the all-3×3 path that is drawn anew: plans, tables, launches, on a GPU that does nothing.
func BenchmarkHostStep(b *testing.B) {
	net, err := supernet.New(supernet.Config{Space: "nas-bench-201", BN: supernet.Standard})
	if err != nil {
		b.Fatal(err)
	}
	a, err := net.Space.Parse("|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|")
	if err != nil {
		b.Fatal(err)
	}
	p, err := net.Program(a)
	if err != nil {
		b.Fatal(err)
	}
	d, err := New(paper.New(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	s, err := d.NewStore(net.Params())
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
