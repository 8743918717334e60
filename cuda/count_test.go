package cuda

import (
	"math"
	"testing"

	"bnas.example/internal/gpusim/machine"
	"bnas.example/kernels"
	"bnas.example/kernels/gpu"
	"bnas.example/kernels/kerneltest"
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
	c, err := CountStep(p, params, 256, Storage{})
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

// The occupancy of a launch of 256 threads, 64 registers and 24 KiB: registers allow 4 blocks on an SM of any of them,
// shared memory 2 (T4), 4 (4090), 6 (A100) and 9 (H100), and an SM holds 1024, 1536 and 2048 threads.
func TestOccupancy(t *testing.T) {
	want := map[string]float64{"A100": 0.5, "H100": 0.5, "RTX 4090": 1024.0 / 1536, "T4": 0.5}
	for _, g := range GPUs {
		got := g.occupancy(LaunchCount{Block: 256, Shared: 24 << 10}, gpu.Usage{Registers: 64})
		if math.Abs(got-want[g.Name]) > 1e-12 {
			t.Errorf("%s: %v, want %v", g.Name, got, want[g.Name])
		}
	}
	p, params := program(t, supernet.Config{Space: "nas-bench-201", BN: supernet.Standard}, all3x3)
	c, err := CountStep(p, params, 64, Storage{})
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

// What the plan counts is what the emulated kernels touch, launch by launch: distinct sectors of 32 bytes. Tables,
// counters and the ends of rows are not in the plan.
func TestCountAgreesWithEmulator(t *testing.T) {
	if !machine.Hooked {
		t.Skip("loads and stores are not counted in this build")
	}
	cases := map[string]*kerneltest.Case{
		"cell":   kerneltest.Cell(1, kernels.Shape{C: 16, H: 16, W: 16}, 3),
		"mobile": kerneltest.Mobile(1, 3, 2, 12, 3),
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			driver, err := NewEmulated(EmulatorOptions{Threads: 1, Count: true})
			if err != nil {
				t.Fatal(err)
			}
			d, err := New(driver, Options{NoGraphs: true})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			var planned []op
			d.counting = func(o *op) { planned = append(planned, *o) }
			if err := d.step(c.Program, c.Params, c.N); err != nil {
				t.Fatal(err)
			}
			var seen []gpu.Traffic
			for _, l := range driver.Traffic() {
				if l.Kernel != "pack_weights" {
					seen = append(seen, l)
				}
			}
			agree(t, planned, seen)
		})
	}
}

func agree(t *testing.T, planned []op, seen []gpu.Traffic) {
	if len(planned) != len(seen) {
		t.Fatalf("%d launches are planned, %d were made", len(planned), len(seen))
	}
	var plannedAll, seenAll int64
	for i, o := range planned {
		read, written := 32*seen[i].SectorsRead, 32*seen[i].SectorsWritten
		plannedAll += o.read + o.write
		seenAll += read + written
		// Two KiB a launch: its table, its counters.
		if far(o.read, read) || far(o.write, written) {
			t.Errorf("launch %d, %s (%s): planned %d bytes read and %d written, seen %d and %d", i, o.Kernel, o.step, o.read, o.write, read, written)
		}
	}
	if ratio := float64(plannedAll) / float64(seenAll); ratio < 0.95 || ratio > 1.05 {
		t.Errorf("a step: planned %d bytes, seen %d", plannedAll, seenAll)
	}
}

func far(planned, seen int64) bool {
	return math.Abs(float64(planned-seen)) > 0.05*float64(seen)+2048
}
