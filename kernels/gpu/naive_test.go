//go:build cgo && linux && gpusim

package gpu_test

import "testing"

// The plain loops compute every case of the fast kernels: dense, depthwise and grouped.
func TestNaive(t *testing.T) {
	for seed, c := range convCases {
		c.kernel = "conv_naive"
		t.Log(describe(uint64(seed), c))
		c.check(newKit(t, uint64(seed)), "batch_norm_naive", "batch_norm_naive_gradient")
	}
}
