package train

import (
	"testing"

	"bnas.example/supernet"
)

// BenchmarkPathSum is the host's sum of the gradients of a strict step: five paths of NAS-Bench-201 at full size.
func BenchmarkPathSum(b *testing.B) {
	cfg := quick(1)
	cfg.Sampling = Strict
	net := supernet.Config{Space: "nas-bench-201", BN: supernet.Fair, Classes: 10, Height: 32, Width: 32, Channels: 16, Cells: 5}
	tr := newRig(b, net, cfg).trainer(b, cfg, b.TempDir())
	u := &underway{paths: tr.paths(0)}
	paths, err := tr.lower(u)
	if err != nil {
		b.Fatal(err)
	}
	var gradients [][]float32
	for _, p := range paths {
		gradients = append(gradients, make([]float32, p.elements))
	}
	elements := 0
	for b.Loop() {
		_, all := tr.sum(paths, gradients)
		elements = len(all)
	}
	b.ReportMetric(float64(elements), "elements")
}
