package cost

import (
	"math"
	"testing"

	"bnas.example/cuda"
	"bnas.example/kernels"
	"bnas.example/kernels/gpu"
	"bnas.example/supernet"
)

// all3x3 is the architecture of NAS-Bench-201 that the documents count.
const all3x3 = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"

func program(t testing.TB, cfg supernet.Config, arch string) (*kernels.Program, []kernels.Param) {
	t.Helper()
	net, err := supernet.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	a, err := net.Space.Parse(arch)
	if err != nil {
		t.Fatal(err)
	}
	p, err := net.Program(a)
	if err != nil {
		t.Fatal(err)
	}
	return p, net.Params()
}

// A step of the all-3×3 path at 256 images: at most 140 launches and 5.7 GB (PyTorch: about 640 and 18.5 GB).
func TestCountAll3x3(t *testing.T) {
	p, params := program(t, supernet.Config{Space: "nas-bench-201", BN: supernet.Standard}, all3x3)
	c, err := CountStep(p, params, 256, cuda.Storage{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d launches, %.2f GB, %.1f GFLOP, peak %.2f GiB", c.Launches, float64(c.DRAMBytes)/1e9, float64(c.FLOPs)/1e9, float64(c.PeakBytes)/(1<<30))
	if c.Launches > 140 || c.DRAMBytes > 5.7e9 {
		t.Errorf("%d launches and %.2f GB, at most 140 and 5.7", c.Launches, float64(c.DRAMBytes)/1e9)
	}
	if want := 2 * 2 * 256 * (p.MACs() - 27*16*32*32); math.Abs(float64(c.FLOPs)/float64(want)-1) > 0.01 {
		t.Errorf("%d FLOP, twice the convolutions' are %d", c.FLOPs, want)
	}
}

// The occupancy of a launch of 256 threads, 64 registers and 24 KiB. Registers allow 4 blocks on an SM of each GPU. Shared
// memory allows 2 (T4), 4 (4090), 6 (A100) and 9 (H100) blocks. An SM holds 1024, 1536 or 2048 threads.
func TestOccupancy(t *testing.T) {
	want := map[string]float64{"A100": 0.5, "H100": 0.5, "H200": 0.5, "RTX 4090": 1024.0 / 1536, "T4": 0.5}
	for _, g := range GPUs {
		l := LaunchCount{Block: 256, Shared: 24 << 10}
		got := g.occupancy(l, g.resident(l, gpu.Usage{Registers: 64}))
		if math.Abs(got-want[g.Name]) > 1e-12 {
			t.Errorf("%s: %v, want %v", g.Name, got, want[g.Name])
		}
	}
	p, params := program(t, supernet.Config{Space: "nas-bench-201", BN: supernet.Standard}, all3x3)
	c, err := CountStep(p, params, 256, cuda.Storage{})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range GPUs {
		list, err := c.Occupancy(g)
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range list {
			if o <= 0 || o > 1 {
				t.Errorf("%s: launch %d, %s: occupancy %v", g.Name, i, c.Kernels[i].Kernel, o)
			}
		}
	}
}
