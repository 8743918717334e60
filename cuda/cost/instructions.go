package cost

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"bnas.example/cuda"
	"bnas.example/cuda/driver"
	"bnas.example/internal/gpusim/interpreted"
	"bnas.example/internal/gpusim/ptx"
	"bnas.example/kernels"
	"bnas.example/kernels/gpu"
)

// latencies are assumed: the cycles between an instruction and the first one that needs its result, the same for every GPU.
// BlockCycles and TailCycles of a kernel follow from them and its PTX.
var latencies = ptx.Latencies{
	Arithmetic: 4, Double: 8, Special: 40, Long: 150, Matrix: 25, Shared: 30, Near: 35, Far: 270, Barrier: 10,
}

// Instructions is what a launch does, by its PTX.
type Instructions struct {
	WarpInstructions int64 `json:"warp_instructions"`
	BlockCycles      int   `json:"block_cycles"` // of a block alone on a multiprocessor, the mean over blocks
	TailCycles       int   `json:"tail_cycles"`  // that the last block runs after its image is complete, as the last one
}

// Key names a launch. Launches with the same key run the same instructions.
type Key struct {
	Kernel        string
	Shape         string
	Grid          [3]int
	Block, Shared int
}

// countInstructions sets the instructions of the launches: those of known, and otherwise what the interpreter finds.
func (c *Count) countInstructions(p *kernels.Program, params []kernels.Param, known map[Key]Instructions, modules func(kernels ...string) ([]*ptx.Module, error)) error {
	missing := map[Key]bool{}
	names := map[string]bool{"gradient_norm": true}
	for _, l := range c.Kernels {
		if _, ok := known[l.key()]; !ok {
			missing[l.key()], names[l.Kernel] = true, true
		}
	}
	found := map[Key]ptx.Sample{}
	if len(missing) > 0 {
		m, err := modules(slices.Collect(maps.Keys(names))...)
		if err != nil {
			return err
		}
		if found, err = interpret(m, p, params, c.Images, c.storage, missing); err != nil {
			return fmt.Errorf("counting instructions: %w", err)
		}
	}
	for i := range c.Kernels {
		l := &c.Kernels[i]
		var ok bool
		if l.Instructions, ok = known[l.key()]; !ok {
			sample := found[l.key()]
			l.Instructions = instructionsOf(sample)
			c.addLines(l.Kernel, sample.Lines)
		}
		c.WarpInstructions += l.WarpInstructions
	}
	return nil
}

func instructionsOf(s ptx.Sample) Instructions {
	return Instructions{int64(s.WarpInstructions), int(math.Round(s.Path)), s.Tail}
}

func (c *Count) addLines(kernel string, lines map[int]uint64) {
	if c.Lines == nil {
		c.Lines = map[string]map[int]uint64{}
	}
	if c.Lines[kernel] == nil {
		c.Lines[kernel] = map[int]uint64{}
	}
	for line, n := range lines {
		c.Lines[kernel][line] += n
	}
}

// interpret counts what the wanted launches of a training step of n images do: it runs the PTX of each of them once, on
// one image (ptx.Machine.Sample). All values are zeros: no kernel's instructions depend on them.
func interpret(modules []*ptx.Module, p *kernels.Program, params []kernels.Param, n int, s cuda.Storage, wanted map[Key]bool) (map[Key]ptx.Sample, error) {
	done := map[Key]ptx.Sample{}
	var traced *cuda.Work
	launch := func(m *ptx.Machine, k *ptx.Kernel, l *driver.Launch) error {
		w := traced
		traced = nil
		if w == nil { // weights are packed once, not in each step
			return nil
		}
		key := keyOf(w)
		_, again := done[key]
		if (again || !wanted[key]) && w.Kernel != "gradient_norm" { // the update reads the norm
			return nil
		}
		if k == nil {
			return fmt.Errorf("no kernel %s", w.Kernel)
		}
		parts := ptx.Parts{Count: w.Parts}
		if gpu.ImageGroups(w.Parts) > 0 {
			parts.Group = gpu.ImageGroup
		}
		sample, err := m.Sample(k, l.Grid, l.Block, l.Shared, l.Args, parts, latencies)
		done[key] = sample
		return err
	}
	g, err := interpreted.New(interpreted.Options{Memory: 1 << 50, Launch: launch}, modules...)
	if err != nil {
		return nil, err
	}
	d, err := cuda.New(g, cuda.Options{Storage: s, NoGraphs: true, Trace: func(w *cuda.Work) { traced = w }})
	if err != nil {
		return nil, err
	}
	return done, errors.Join(step(d, p, params, n), d.Close())
}
