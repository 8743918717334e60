package cuda

import (
	"fmt"

	"bnas.example/kernels"
	"bnas.example/kernels/gpu"
)

// LaunchCount is what one launch of a training step is made of.
type LaunchCount struct {
	Step      string  `json:"step,omitempty"`
	Kernel    string  `json:"kernel"`
	Grid      [3]int  `json:"grid"`
	Block     int     `json:"block"`
	Shared    int     `json:"shared_bytes"`
	Read      int64   `json:"read_bytes"`
	Write     int64   `json:"write_bytes"`
	FLOPs     int64   `json:"flops"`
	Intensity float64 `json:"flops_per_byte"`
}

// Count is what one training step of a Program costs a GPU: forward, loss, backward to γ and β, one update.
type Count struct {
	Images    int           `json:"images"`
	Precision Precision     `json:"precision"`
	Half      bool          `json:"half"` // stored values in half precision
	Launches  int           `json:"launches"`
	DRAMBytes int64         `json:"dram_bytes"` // each byte that a launch touches, once
	FLOPs     int64         `json:"flops"`
	PeakBytes int64         `json:"peak_bytes"` // of the GPU's memory, parameters included
	Kernels   []LaunchCount `json:"kernels"`
}

// CountStep plans a training step of n images and counts it, without a GPU. What is done once, the packing of the
// weights, is not counted.
func CountStep(p *kernels.Program, params []kernels.Param, n int, s Storage) (*Count, error) {
	driver := newPaper()
	d, err := New(driver, Options{Storage: s, NoGraphs: true})
	if err != nil {
		return nil, err
	}
	defer d.Close()
	c := &Count{Images: n, Precision: d.options.Precision, Half: s.Half}
	d.counting = func(o *op) { c.add(o) }
	if err := d.step(p, params, n); err != nil {
		return nil, err
	}
	c.PeakBytes = driver.peak
	return c, nil
}

func (c *Count) add(o *op) {
	l := LaunchCount{
		Step: o.step, Kernel: o.Kernel, Grid: o.Grid, Block: o.Block[0] * o.Block[1] * o.Block[2], Shared: o.Shared,
		Read: o.read, Write: o.write, FLOPs: o.flops,
	}
	if bytes := o.read + o.write; bytes > 0 {
		l.Intensity = float64(o.flops) / float64(bytes)
	}
	c.Launches++
	c.DRAMBytes += o.read + o.write
	c.FLOPs += o.flops
	c.Kernels = append(c.Kernels, l)
}

// step makes one training step, of zeros.
func (d *Device) step(p *kernels.Program, params []kernels.Param, n int) error {
	s, err := d.NewStore(params)
	if err != nil {
		return err
	}
	e, err := d.Compile(p, s, n)
	if err != nil {
		return err
	}
	if err := e.Forward(make([]float32, n*p.Values[kernels.Images].Len()), n); err != nil {
		return err
	}
	if err := e.CrossEntropy(make([]int, n), 0); err != nil {
		return err
	}
	if err := e.Backward(kernels.DifferentiateStatistics, false); err != nil {
		return err
	}
	var ids []kernels.ParamID
	for _, b := range p.BNs {
		ids = append(ids, b.Gamma, b.Beta)
	}
	_, err = s.Update(kernels.Update{Kind: kernels.SGD, LR: 0.1, Momentum: 0.9}, ids)
	return err
}

// GPU is what a roofline needs to know of a GPU: the makers' figures.
type GPU struct {
	Name         string
	Capability   int
	Bandwidth    float64               // bytes a second
	Peak         map[Precision]float64 // FLOP a second
	SMs          int
	Threads      int // an SM holds
	Registers    int // of an SM
	SharedMemory int // bytes of an SM
	Blocks       int // an SM holds
}

// GPUs are those that `bnas plan` speaks of.
var GPUs = []GPU{
	{"A100", 80, 1555e9, map[Precision]float64{FP32: 19.5e12, TF32: 156e12, F16: 312e12, BF16: 312e12}, 108, 2048, 65536, 164 << 10, 32},
	{"H100", 90, 3350e9, map[Precision]float64{FP32: 66.9e12, TF32: 494.7e12, F16: 989.4e12, BF16: 989.4e12}, 132, 2048, 65536, 228 << 10, 32},
	{"RTX 4090", 89, 1008e9, map[Precision]float64{FP32: 82.6e12, TF32: 82.6e12, F16: 165.2e12, BF16: 165.2e12}, 128, 1536, 65536, 100 << 10, 24},
	{"T4", 75, 320e9, map[Precision]float64{FP32: 8.1e12}, 40, 1024, 65536, 64 << 10, 16},
}

// Time is the least time in seconds that the counted launches can take: each as long as its bytes or its FLOPs, the
// longer. It is an error where the GPU has no such precision.
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

// Occupancy is, of each counted launch, the share of an SM's threads that it can keep there.
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
	perWarp := (u.Registers*32 + 255) / 256 * 256 // registers are given to warps in units of 256
	blocks := min(g.Blocks, g.Threads/(warps*32), g.Registers/(perWarp*warps))
	blocks = min(blocks, g.SharedMemory/(l.Shared+u.Shared+1024)) // the system keeps 1 KiB a block
	return float64(blocks*warps*32) / float64(g.Threads)
}
