package ptx

import "testing"

// BenchmarkGEMM measures a kernel of loads, shared memory, barriers and fused multiply-adds on one worker.
func BenchmarkGEMM(b *testing.B) {
	m, mod := NewMachine(Options{Workers: 1}), loadModule(b, "kernels.ptx")
	const n = 128
	a, c := put(b, m, "a", wave(n*n, 1)), put(b, m, "c", make([]float32, n*n))
	var total uint64
	for b.Loop() {
		total += launchOK(b, m, mod.Kernel("gemm"), [3]int{8, 8, 1}, [3]int{16, 16, 1}, 2048, c, a, a, n).Instructions
	}
	b.ReportMetric(float64(total)/1e6/b.Elapsed().Seconds(), "Minstr/s")
}
