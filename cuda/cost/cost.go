// Package cost counts what a training step costs a GPU, without a GPU: launches, bytes moved, work, instructions, memory, and
// the least time on some GPUs.
package cost

import (
	"bnas.example/cuda"
	"bnas.example/internal/gpusim/interpreted"
	"bnas.example/internal/gpusim/paper"
	"bnas.example/kernels"
)

// LaunchCount is one launch of a training step.
type LaunchCount struct {
	Step   string `json:"step,omitempty"`
	Kernel string `json:"kernel"`
	// Shape says all on which the instructions depend beside the kernel and the grid: input(terms) window -> outputs, or, of a
	// gradient, input <- outputs(gradients).
	Shape     string  `json:"shape"`
	Grid      [3]int  `json:"grid"`
	Block     int     `json:"block"`
	Shared    int     `json:"shared_bytes"`
	Read      int64   `json:"read_bytes"`
	Write     int64   `json:"write_bytes"`
	FLOPs     int64   `json:"flops"`
	Intensity float64 `json:"flops_per_byte"`
	Instructions
}

func (l LaunchCount) warps() int { return (l.Block + 31) / 32 }

// keyOf is the key of a launch that is traced.
func keyOf(w *cuda.Work) Key {
	return Key{w.Kernel, w.Shape, w.Grid, w.Block[0] * w.Block[1] * w.Block[2], w.Shared}
}

func (l LaunchCount) key() Key { return Key{l.Kernel, l.Shape, l.Grid, l.Block, l.Shared} }

// Count is what one training step of a Program costs a GPU: forward, loss, backward to γ and β, one update.
type Count struct {
	Images           int            `json:"images"`
	Precision        cuda.Precision `json:"precision"`
	Half             bool           `json:"half"` // stored values in half precision
	Launches         int            `json:"launches"`
	DRAMBytes        int64          `json:"dram_bytes"` // each byte that a launch touches, once
	FLOPs            int64          `json:"flops"`
	WarpInstructions int64          `json:"warp_instructions"` // of PTX
	PeakBytes        int64          `json:"peak_bytes"`        // of the GPU's memory, parameters included
	Kernels          []LaunchCount  `json:"kernels"`

	// Lines has of each kernel whose launches were interpreted how often warps run each line of its module's PTX.
	Lines map[string]map[int]uint64 `json:"-"`

	storage cuda.Storage
}

// CountStep plans a training step of n images and counts it, without a GPU. It does not count the packing of the weights,
// which happens once. The instructions are those of the table where it has the launch; others are interpreted.
func CountStep(p *kernels.Program, params []kernels.Param, n int, s cuda.Storage) (*Count, error) {
	c, err := plan(p, params, n, s)
	if err != nil {
		return nil, err
	}
	known, err := kept()
	if err != nil {
		return nil, err
	}
	return c, c.countInstructions(p, params, known, interpreted.Kernels)
}

// plan counts all but the instructions.
func plan(p *kernels.Program, params []kernels.Param, n int, s cuda.Storage) (*Count, error) {
	c := &Count{Images: n, Precision: s.Precision, Half: s.Half, storage: s}
	if c.Precision == "" {
		c.Precision = cuda.FP32
	}
	driver := paper.New()
	d, err := cuda.New(driver, cuda.Options{Storage: s, NoGraphs: true, Trace: c.add})
	if err != nil {
		return nil, err
	}
	defer d.Close()
	if err := step(d, p, params, n); err != nil {
		return nil, err
	}
	c.PeakBytes = driver.Peak()
	return c, nil
}

func (c *Count) add(w *cuda.Work) {
	l := LaunchCount{
		Step: w.Step, Kernel: w.Kernel, Shape: w.Shape, Grid: w.Grid, Block: w.Block[0] * w.Block[1] * w.Block[2], Shared: w.Shared,
		Read: w.Read, Write: w.Write, FLOPs: w.FLOPs,
	}
	if bytes := w.Read + w.Write; bytes > 0 {
		l.Intensity = float64(w.FLOPs) / float64(bytes)
	}
	c.Launches++
	c.DRAMBytes += w.Read + w.Write
	c.FLOPs += w.FLOPs
	c.Kernels = append(c.Kernels, l)
}

// step makes one training step on images of zeros.
func step(d kernels.Device, p *kernels.Program, params []kernels.Param, n int) error {
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
