package cost

import (
	"fmt"

	"bnas.example/cuda"
	"bnas.example/kernels/gpu"
)

// GPU holds the maker's figures of a GPU.
type GPU struct {
	Name         string
	Capability   int
	Bandwidth    float64                    // bytes a second
	Peak         map[cuda.Precision]float64 // FLOP a second
	Clock        float64                    // of the multiprocessors, Hz, at most
	SMs          int
	Threads      int // of an SM
	Registers    int // of an SM
	SharedMemory int // bytes of an SM
	Blocks       int // of an SM
}

// schedulers is the number of warp instructions that an SM issues a cycle.
const schedulers = 4

// GPUs lists the GPUs that `bnas plan` reports.
var GPUs = []GPU{
	{"A100", 80, 1555e9, map[cuda.Precision]float64{cuda.FP32: 19.5e12, cuda.TF32: 156e12, cuda.F16: 312e12, cuda.BF16: 312e12}, 1410e6, 108, 2048, 65536, 164 << 10, 32},
	{"H100", 90, 3350e9, map[cuda.Precision]float64{cuda.FP32: 66.9e12, cuda.TF32: 494.7e12, cuda.F16: 989.4e12, cuda.BF16: 989.4e12}, 1980e6, 132, 2048, 65536, 228 << 10, 32},
	{"H200", 90, 4800e9, map[cuda.Precision]float64{cuda.FP32: 66.9e12, cuda.TF32: 494.7e12, cuda.F16: 989.4e12, cuda.BF16: 989.4e12}, 1980e6, 132, 2048, 65536, 228 << 10, 32},
	{"RTX 4090", 89, 1008e9, map[cuda.Precision]float64{cuda.FP32: 82.6e12, cuda.TF32: 82.6e12, cuda.F16: 165.2e12, cuda.BF16: 165.2e12}, 2520e6, 128, 1536, 65536, 100 << 10, 24},
	{"T4", 75, 320e9, map[cuda.Precision]float64{cuda.FP32: 8.1e12}, 1590e6, 40, 1024, 65536, 64 << 10, 16},
}

// Bounds are the least times in seconds of a launch, or of several one after the other, for different reasons.
type Bounds struct {
	Memory     float64 // its bytes at the GPU's bandwidth
	Arithmetic float64 // its FLOPs at the GPU's peak
	Issue      float64 // its warp instructions, four a cycle of each SM that has a block
	Latency    float64 // the blocks that an SM runs one after the other, each as long as it waits for its own loads
	Tail       float64 // what the last block does after all others
}

// Longest is the name of the longest bound.
func (b Bounds) Longest() string {
	name, most := "", -1.0
	for _, x := range []struct {
		name string
		time float64
	}{{"memory", b.Memory}, {"arithmetic", b.Arithmetic}, {"issue", b.Issue}, {"latency", b.Latency}, {"tail", b.Tail}} {
		if x.time > most {
			name, most = x.name, x.time
		}
	}
	return name
}

// Plus are the bounds of both, one after the other.
func (b Bounds) Plus(c Bounds) Bounds {
	return Bounds{b.Memory + c.Memory, b.Arithmetic + c.Arithmetic, b.Issue + c.Issue, b.Latency + c.Latency, b.Tail + c.Tail}
}

// Time is the least time of one launch: the tail begins when the rest has ended.
func (b Bounds) Time() float64 {
	return max(b.Memory, b.Arithmetic, b.Issue, b.Latency) + b.Tail
}

// Has says whether the GPU has a precision.
func (g GPU) Has(p cuda.Precision) bool { return g.Peak[p] > 0 }

// Times returns the bounds of each counted launch on a GPU that has the precision.
func (c *Count) Times(g GPU) ([]Bounds, error) {
	peak := g.Peak[c.Precision]
	resident, err := c.resident(g)
	if err != nil {
		return nil, err
	}
	list := make([]Bounds, len(c.Kernels))
	for i, l := range c.Kernels {
		blocks := l.Grid[0] * l.Grid[1] * l.Grid[2]
		slots := g.SMs * resident[i]
		list[i] = Bounds{
			Memory:     float64(l.Read+l.Write) / g.Bandwidth,
			Arithmetic: float64(l.FLOPs) / peak,
			Issue:      float64(l.WarpInstructions) / (float64(min(g.SMs, blocks)*schedulers) * g.Clock),
			Latency:    float64((blocks+slots-1)/slots*l.BlockCycles) / g.Clock,
			Tail:       float64(l.TailCycles) / g.Clock,
		}
	}
	return list, nil
}

// Occupancy returns for each counted launch the share of an SM's threads that it can keep resident.
func (c *Count) Occupancy(g GPU) ([]float64, error) {
	resident, err := c.resident(g)
	list := make([]float64, len(resident))
	for i, blocks := range resident {
		list[i] = g.occupancy(c.Kernels[i], blocks)
	}
	return list, err
}

// resident returns for each counted launch how many of its blocks an SM can keep.
func (c *Count) resident(g GPU) ([]int, error) {
	usage, err := gpu.UsageOf(g.Capability)
	if err != nil {
		return nil, err
	}
	list := make([]int, len(c.Kernels))
	for i, l := range c.Kernels {
		u, ok := usage[l.Kernel]
		if !ok {
			return nil, fmt.Errorf("the table of registers has no kernel %s for %s: make kernels", l.Kernel, g.Name)
		}
		list[i] = g.resident(l, u)
	}
	return list, nil
}

// resident is bounded by the threads, registers, shared memory and blocks that an SM has.
func (g GPU) resident(l LaunchCount, u gpu.Usage) int {
	warps := l.warps()
	perWarp := (u.Registers*32 + 255) / 256 * 256 // a warp gets registers in units of 256
	blocks := min(g.Blocks, g.Threads/(warps*32), g.Registers/(perWarp*warps))
	return min(blocks, g.SharedMemory/(l.Shared+u.Shared+1024)) // the system uses 1 KiB for each block
}

func (g GPU) occupancy(l LaunchCount, blocks int) float64 {
	return float64(blocks*l.warps()*32) / float64(g.Threads)
}
