package cost

import (
	"fmt"

	"bnas.example/cuda"
	"bnas.example/kernels/gpu"
)

// GPU holds the maker's figures of a GPU for a roofline.
type GPU struct {
	Name         string
	Capability   int
	Bandwidth    float64                    // bytes a second
	Peak         map[cuda.Precision]float64 // FLOP a second
	SMs          int
	Threads      int // of an SM
	Registers    int // of an SM
	SharedMemory int // bytes of an SM
	Blocks       int // of an SM
}

// GPUs lists the GPUs that `bnas plan` reports.
var GPUs = []GPU{
	{"A100", 80, 1555e9, map[cuda.Precision]float64{cuda.FP32: 19.5e12, cuda.TF32: 156e12, cuda.F16: 312e12, cuda.BF16: 312e12}, 108, 2048, 65536, 164 << 10, 32},
	{"H100", 90, 3350e9, map[cuda.Precision]float64{cuda.FP32: 66.9e12, cuda.TF32: 494.7e12, cuda.F16: 989.4e12, cuda.BF16: 989.4e12}, 132, 2048, 65536, 228 << 10, 32},
	{"RTX 4090", 89, 1008e9, map[cuda.Precision]float64{cuda.FP32: 82.6e12, cuda.TF32: 82.6e12, cuda.F16: 165.2e12, cuda.BF16: 165.2e12}, 128, 1536, 65536, 100 << 10, 24},
	{"T4", 75, 320e9, map[cuda.Precision]float64{cuda.FP32: 8.1e12}, 40, 1024, 65536, 64 << 10, 16},
}

// Time returns the least time in seconds of the counted launches. That of a launch is the longer of the times of its bytes
// and its FLOPs. It is an error if the GPU does not have the precision.
func (c *Count) Time(g GPU) (float64, error) {
	peak := g.Peak[c.Precision]
	if peak == 0 {
		return 0, fmt.Errorf("%s has no %s", g.Name, c.Precision)
	}
	total := 0.0
	for _, l := range c.Kernels {
		total += max(float64(l.Read+l.Write)/g.Bandwidth, float64(l.FLOPs)/peak)
	}
	return total, nil
}

// Occupancy returns for each counted launch the share of an SM's threads that it can keep resident.
func (c *Count) Occupancy(g GPU) ([]float64, error) {
	usage, err := gpu.UsageOf(g.Capability)
	if err != nil {
		return nil, err
	}
	list := make([]float64, len(c.Kernels))
	for i, l := range c.Kernels {
		u, ok := usage[l.Kernel]
		if !ok {
			return nil, fmt.Errorf("the table of registers has no kernel %s for %s: make kernels", l.Kernel, g.Name)
		}
		list[i] = g.occupancy(l, u)
	}
	return list, nil
}

// occupancy is bounded by the threads, registers, shared memory and blocks that an SM has.
func (g GPU) occupancy(l LaunchCount, u gpu.Usage) float64 {
	warps := (l.Block + 31) / 32
	perWarp := (u.Registers*32 + 255) / 256 * 256 // a warp gets registers in units of 256
	blocks := min(g.Blocks, g.Threads/(warps*32), g.Registers/(perWarp*warps))
	blocks = min(blocks, g.SharedMemory/(l.Shared+u.Shared+1024)) // the system uses 1 KiB for each block
	return float64(blocks*warps*32) / float64(g.Threads)
}
