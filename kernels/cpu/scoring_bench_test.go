//go:build cgo

package cpu_test

import (
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/cpu"
	"bnas.example/philox"
	"bnas.example/supernet"
)

// BenchmarkScoring times the passes of scoring, one thread, on a cell of NAS-Bench-201 with every operator: 64 images forward, the
// covariances of the inputs of all BatchNorms, and of 32 images the gradients by γ and β, the gradients through each cell and those
// from the last cell to the first.
func BenchmarkScoring(b *testing.B) {
	const frozen = 32
	net, err := supernet.New(supernet.Config{Space: "nas-bench-201"})
	must(b, err)
	a, err := net.Space.Parse("|avg_pool_3x3~0|+|nor_conv_3x3~0|skip_connect~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_3x3~2|")
	must(b, err)
	p, err := net.Program(a)
	must(b, err)
	d, err := cpu.New(1, cpu.Fast)
	must(b, err)
	defer d.Close()
	s, err := d.NewStore(net.Params())
	must(b, err)
	must(b, net.Fill(s))
	e, err := d.Compile(p, s, batch)
	must(b, err)
	noise := func(n int) []float32 {
		x := make([]float32, n)
		philox.New(1, "noise", uint64(n)).Rademacher(x)
		return x
	}
	images, direction := noise(batch*p.Values[kernels.Images].Len()), noise(frozen*p.Classes())
	samples := make([]float32, frozen*p.BNParams())
	first, last := p.Blocks[0].In, p.Blocks[len(p.Blocks)-1].Out
	gradient, seed := make([]float32, frozen*p.Nodes[first].Len()), noise(frozen*p.Nodes[last].Len())
	probes := map[kernels.NodeID][]float32{}
	for _, k := range p.Blocks {
		probes[k.Out] = noise(frozen * p.Nodes[k.Out].Len())
	}
	forward := func() { must(b, e.Forward(images, batch)) }
	passes := []struct {
		name string
		run  func()
	}{
		{"forward", forward},
		{"covariances", func() {
			for _, bn := range p.BNs {
				c := p.Values[bn.Value].C
				must(b, e.Covariance(kernels.ValueTap(bn.Value), make([]float64, c), make([]float64, c*c)))
			}
		}},
		{"samples", func() {
			must(b, e.SetLogitGradient(direction))
			must(b, e.SampleGradients(samples))
		}},
		{"cells", func() {
			for _, k := range p.Blocks {
				products, err := p.NodeProducts(k.In, k.Out)
				must(b, err)
				must(b, e.NodeProducts(make([]float64, products), k.In, probes[k.Out], k.Out))
			}
		}},
		{"blocks", func() { must(b, e.NodeGradient(gradient, first, seed, last)) }},
	}
	for k, pass := range passes {
		b.Run(pass.name, func(b *testing.B) {
			forward()
			if k > 1 {
				must(b, e.Restrict(frozen))
			}
			pass.run() // packs the weights
			from := processorTime(b)
			for b.Loop() {
				pass.run()
			}
			b.ReportMetric(float64(processorTime(b)-from)/1e6/float64(b.N), "cpu-ms/op")
		})
	}
}

func must(b testing.TB, err error) {
	if err != nil {
		b.Helper()
		b.Fatal(err)
	}
}
