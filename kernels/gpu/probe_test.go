//go:build cgo && linux && gpusim

package gpu_test

import (
	"testing"

	"bnas.example/kernels/gpu"
)

var probeCases = append([]mapCase{
	{2, 0, shape{70, 3, 11}, relu, []bool{true, true}, cut{}},
	{1, 0, shape{33, 9, 9}, relu, []bool{true}, cut{}},
}, mapCases...)

func TestProbes(t *testing.T) {
	for seed, c := range probeCases {
		t.Log(describe(uint64(seed), c))
		k := newKit(t, uint64(seed))
		d := k.node(c.n, c.shape, c.activation, c.terms...)
		at, channels, pixels := put(k, d.abi), c.shape.c, c.shape.h*c.shape.w
		mean, fires := make([]float64, c.n*channels), make([]float64, c.n*channels)
		for i, z := range d.z {
			j := i/(pixels*channels)*channels + i%channels
			mean[j] += z / float64(pixels)
			if z > 0 {
				fires[j]++
			}
		}
		got := k.alloc(8 * len(mean))
		k.launch("spatial_mean", c.n, 1, 256, 0, got, at, c.n)
		near(t, "spatial mean", get[float64](k, got, len(mean)), mean, 1e-6)
		k.launch("fire_count", c.n, 1, 256, 0, got, at, c.n)
		for i, v := range get[int64](k, got, len(fires)) {
			if float64(v) != fires[i] {
				t.Fatalf("fire count %d is %d, want %v", i, v, fires[i])
			}
		}
		k.checkCovariance(d, at, pixels)
	}
}

func (k *kit) checkCovariance(d *node, at gpu.Ptr, pixels int) {
	k.t.Helper()
	mean, _ := moments(d.z, d.c, d.n*pixels)
	want := make([]float64, d.c*d.c)
	for p := range d.n * pixels {
		for a := range d.c {
			for b := range d.c {
				want[a*d.c+b] += (d.z[p*d.c+a] - mean[a]) * (d.z[p*d.c+b] - mean[b]) / float64(d.n*pixels)
			}
		}
	}
	partial, cov := k.alloc(8*d.n*d.c*d.c), k.alloc(8*d.c*d.c)
	k.launch("covariance", d.n, 1, 256, 0, partial, put(k, mean...), at, d.n)
	k.launch("covariance_total", 2, 1, 96, 0, cov, partial, d.n, d.c, d.n*pixels)
	near(k.t, "covariance", get[float64](k, cov, d.c*d.c), want, 1e-5)
}
