package cost

import (
	"math"
	"slices"
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

// A step of the all-3×3 path at 256 images: at most 120 launches and 5.7 GB (PyTorch: about 640 and 18.5 GB).
func TestCountAll3x3(t *testing.T) {
	p, params := program(t, supernet.Config{Space: "nas-bench-201", BN: supernet.Standard}, all3x3)
	c, err := CountStep(p, params, 256, cuda.Storage{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d launches, %.2f GB, %.1f GFLOP, peak %.2f GiB", c.Launches, float64(c.DRAMBytes)/1e9, float64(c.FLOPs)/1e9, float64(c.PeakBytes)/(1<<30))
	if c.Launches > 120 || c.DRAMBytes > 5.7e9 {
		t.Errorf("%d launches and %.2f GB, at most 120 and 5.7", c.Launches, float64(c.DRAMBytes)/1e9)
	}
	if want := 2 * 2 * 256 * (p.MACs() - 27*16*32*32); !(math.Abs(float64(c.FLOPs)/float64(want)-1) <= 0.01) {
		t.Errorf("%d FLOP, twice the convolutions' are %d", c.FLOPs, want)
	}
}

// What the documented steps may take at most: launches, warp instructions, and milliseconds of tails on an H100.
func TestStepLimits(t *testing.T) {
	type limit struct {
		launches     int
		instructions float64
		tails        float64
	}
	limits := map[string]map[cuda.Precision]limit{
		"all3x3": {cuda.BF16: {120, 0.8e9, 0.23}, cuda.TF32: {120, 1.15e9, 0.23}, cuda.FP32: {120, 4.5e9, 0.23}},
		"darts":  {cuda.BF16: {360, 1.8e9, 0.23}},
		"macro":  {cuda.BF16: {72, 1.45e9, 0.13}},
		"mixed":  {cuda.BF16: {180, 0.65e9, 0.24}, cuda.TF32: {180, 0.8e9, 0.24}, cuda.FP32: {180, 2.19e9, 0.24}},
	}
	h100 := GPUs[slices.IndexFunc(GPUs, func(g GPU) bool { return g.Name == "H100" })]
	for _, d := range DocumentedSteps() {
		p, params, err := d.Program()
		if err != nil {
			t.Fatal(err)
		}
		c, err := CountStep(p, params, 256, d.Storage)
		if err != nil {
			t.Fatal(err)
		}
		times, err := c.Times(h100)
		if err != nil {
			t.Fatal(err)
		}
		var instructions int64
		tails := 0.
		for i, k := range c.Kernels {
			instructions += k.WarpInstructions
			tails += 1e3 * times[i].Tail
		}
		most, ok := limits[d.Name][d.Storage.Precision]
		if !ok || c.Launches > most.launches || float64(instructions) > most.instructions || tails > most.tails {
			t.Errorf("%s, %v: %d launches, %d warp instructions, tails of %.3f ms; at most %+v", d.Name, d.Storage.Precision, c.Launches, instructions, tails, most)
		}
	}
}

// A launch of 300 blocks of 256 threads on a GPU of 10 multiprocessors with two blocks each: 15 rounds. One of 3 blocks issues
// on 3 multiprocessors.
func TestTimes(t *testing.T) {
	g := GPU{Capability: 80, Bandwidth: 100, Peak: map[cuda.Precision]float64{cuda.FP32: 1000}, Clock: 10, SMs: 10, Threads: 512, Registers: 1 << 20, SharedMemory: 1 << 20, Blocks: 32}
	many := LaunchCount{Kernel: "sum", Grid: [3]int{150, 2, 1}, Block: 256, Read: 250, Write: 50, FLOPs: 2000, Instructions: Instructions{4000, 20, 7}}
	few := many
	few.Grid = [3]int{3, 1, 1}
	c := &Count{Precision: cuda.FP32, Kernels: []LaunchCount{many, few}}
	got, err := c.Times(g)
	if err != nil {
		t.Fatal(err)
	}
	want := []Bounds{{Memory: 3, Arithmetic: 2, Issue: 10, Latency: 30, Tail: 0.7}, {Memory: 3, Arithmetic: 2, Issue: 4000.0 / 3 / 4 / 10, Latency: 2, Tail: 0.7}}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("launch %d: %+v, want %+v", i, got[i], want[i])
		}
	}
	if got[0].Time() != 30.7 || got[0].Longest() != "latency" || got[1].Longest() != "issue" || got[0].Plus(got[1]).Memory != 6 {
		t.Errorf("%v, %s, %s, %v", got[0].Time(), got[0].Longest(), got[1].Longest(), got[0].Plus(got[1]))
	}
	if g.Has(cuda.TF32) || !g.Has(cuda.FP32) {
		t.Error("the GPU has fp32 alone")
	}
	c.Kernels[0].Kernel = "none"
	if _, err := c.Times(g); err == nil {
		t.Error("a kernel without registers has times")
	}
}

// The occupancy of a launch of 256 threads, 64 registers and 24 KiB. Registers allow 4 blocks on an SM of each GPU. Shared
// memory allows 2 (T4), 4 (4090), 6 (A100) and 9 (H100) blocks. An SM holds 1024, 1536 or 2048 threads.
func TestOccupancy(t *testing.T) {
	want := map[string]float64{"A100": 0.5, "H100": 0.5, "H200": 0.5, "RTX 4090": 1024.0 / 1536, "T4": 0.5}
	for _, g := range GPUs {
		l := LaunchCount{Block: 256, Shared: 24 << 10}
		got := g.occupancy(l, g.resident(l, gpu.Usage{Registers: 64}))
		if !(math.Abs(got-want[g.Name]) <= 1e-12) {
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
