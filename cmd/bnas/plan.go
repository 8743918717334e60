package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"bnas.example/cuda/cost"
	"bnas.example/internal/amount"
	"bnas.example/supernet"
)

func planCommand() *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "what a training step costs a GPU: launches, memory, bytes, instructions, least time; no GPU is needed",
		ArgsUsage: "ARCH",
		Flags: append(flags(costSettings, planSettings), intFlag("batch", "`N` images a step", 256, 1, 65536),
			textFlag("ncu", "hold the instructions against the `FILE` that Nsight Compute wrote of bnas bench step", "none")),
		Description: "bnas plan all3x3 --batch 256 --device gpu\n\n" +
			"Bytes are counted from the plan: each byte that a launch touches, once. Warp instructions and the cycles of a block are\n" +
			"counted by interpreting the kernels' PTX: seconds, where the program has no table of them. The least time of a launch is\n" +
			"the longest of memory (its bytes at the GPU's bandwidth), arithmetic (its FLOPs at the GPU's peak), issue (its warp\n" +
			"instructions, four a cycle and multiprocessor) and latency (the blocks that follow each other on a multiprocessor), and\n" +
			"then its tail: what its last block does after all others. Bandwidth, peak and clock are the makers' figures; the cycles\n" +
			"that a load or a product takes are assumed." + archHelp +
			"\n\nThe FILE of --ncu is the output of ncu --csv --print-units base --metrics smsp__inst_executed.sum on bnas bench step with the same\n" +
			"settings. Its launches must be those of the plan, and its instructions near them: ptxas makes 1.0 to 1.5 machine instructions\n" +
			"of one of PTX. Otherwise the command fails, and says which kernel it is.",
		Action: planStep,
	}
}

type planResult struct {
	Arch string `json:"arch"`
	*cost.Count
	Roofline []rooflineResult `json:"roofline"`
	NCU      []cost.Compared  `json:"ncu,omitempty"` // with --ncu
}

type rooflineResult struct {
	GPU string  `json:"gpu"`
	MS  float64 `json:"ms"` // the longest of the bounds but the tail, and the tail, of each launch
	// The bounds, each added up over the launches.
	MemoryMS     float64 `json:"memory_ms"`
	ArithmeticMS float64 `json:"arithmetic_ms"`
	IssueMS      float64 `json:"issue_ms"`
	LatencyMS    float64 `json:"latency_ms"`
	TailMS       float64 `json:"tail_ms"`
	// Bound is the name of each launch's longest bound, and Occupancy the share of an SM's threads that it can keep resident,
	// in the order of the kernels.
	Bound     []string  `json:"bound"`
	Occupancy []float64 `json:"occupancy"`

	kernels map[string]kernelTime
}

// kernelTime is of all launches of a kernel.
type kernelTime struct {
	least  float64 // seconds
	bounds cost.Bounds
}

// add adds a launch of a kernel.
func (r *rooflineResult) add(kernel string, b cost.Bounds) {
	k := r.kernels[kernel]
	r.kernels[kernel] = kernelTime{k.least + b.Time(), k.bounds.Plus(b)}
	r.MS += 1e3 * b.Time()
	r.MemoryMS += 1e3 * b.Memory
	r.ArithmeticMS += 1e3 * b.Arithmetic
	r.IssueMS += 1e3 * b.Issue
	r.LatencyMS += 1e3 * b.Latency
	r.TailMS += 1e3 * b.Tail
	r.Bound = append(r.Bound, b.Longest())
}

func planStep(c *cli.Context) error {
	cfg, err := configOf(c, costSettings...)
	if err != nil {
		return err
	}
	if cfg.Device == "cpu" || cfg.Device == "reference" {
		return usagef("--device %s: a plan is for a GPU: gpu, or nothing", cfg.Device)
	}
	net, err := supernet.New(cfg.Supernet)
	if err != nil {
		return err
	}
	a, p, err := oneProgram(c, net)
	if err != nil {
		return err
	}
	counted, err := cost.CountStep(p, net.Params(), c.Int("batch"), cfg.Storage())
	if err != nil {
		return err
	}
	r := planResult{Arch: net.Space.Format(a), Count: counted}
	for _, g := range cost.GPUs {
		if !g.Has(counted.Precision) {
			continue
		}
		times, err := counted.Times(g)
		if err != nil {
			return err
		}
		line := rooflineResult{GPU: g.Name, kernels: map[string]kernelTime{}}
		for i, b := range times {
			line.add(counted.Kernels[i].Kernel, b)
		}
		if line.Occupancy, err = counted.Occupancy(g); err != nil {
			return err
		}
		r.Roofline = append(r.Roofline, line)
	}
	wrong, err := againstProfile(c, &r)
	if err != nil {
		return err
	}
	return cmp.Or(output(c, r, func(w io.Writer) { writePlan(w, r) }), wrong)
}

// againstProfile compares the plan with the file of --ncu. wrong says what does not agree.
func againstProfile(c *cli.Context, r *planResult) (wrong, err error) {
	path := c.String("ncu")
	if path == "" {
		return nil, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	executed, err := cost.ReadNCU(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if r.NCU, wrong = r.Count.Against(executed); wrong != nil {
		wrong = fmt.Errorf("%s does not agree with the plan: %w", path, wrong)
	}
	return wrong, nil
}

func writePlan(w io.Writer, r planResult) {
	if r.NCU != nil {
		writeCompared(w, r.NCU)
		return
	}
	fmt.Fprintf(w, "architecture\t%s\n", r.Arch)
	fmt.Fprintf(w, "a training step\t%s, %s\n", amount.Of(r.Images, "image"), r.Precision)
	fmt.Fprintf(w, "launches\t%d\n", r.Launches)
	fmt.Fprintf(w, "bytes moved\t%.2f GB\n", float64(r.DRAMBytes)/1e9)
	fmt.Fprintf(w, "work\t%.1f GFLOP\n", float64(r.FLOPs)/1e9)
	fmt.Fprintf(w, "warp instructions\t%.3f G of PTX\n", float64(r.WarpInstructions)/1e9)
	fmt.Fprintf(w, "memory at the peak\t%s\n", byteSize(r.PeakBytes))
	fmt.Fprintf(w, "\nms\tleast time\tmemory\tarithmetic\tissue\tlatency\ttails\n")
	for _, g := range r.Roofline {
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\n", g.GPU, g.MS, g.MemoryMS, g.ArithmeticMS, g.IssueMS, g.LatencyMS, g.TailMS)
	}
	writeKernels(w, r)
	fmt.Fprintf(w, "\nstep\tkernel\tgrid\tblock\tshared\tMB\tMFLOP\tFLOP/B\tM instructions\tcycles of a block\tof the tail\tbound\n")
	for i, k := range r.Kernels {
		fmt.Fprintf(w, "%s\t%s\t%d×%d\t%d\t%d\t%.1f\t%.1f\t%.1f\t%.2f\t%d\t%d\t%s\n", k.Step, k.Kernel, k.Grid[0], k.Grid[1], k.Block, k.Shared,
			float64(k.Read+k.Write)/1e6, float64(k.FLOPs)/1e6, k.Intensity, float64(k.WarpInstructions)/1e6, k.BlockCycles, k.TailCycles, r.bound(i))
	}
}

// writeCompared writes what a profiler executed beside what the plan counts.
func writeCompared(w io.Writer, all []cost.Compared) {
	fmt.Fprintf(w, "kernel\tlaunches\tM instructions of PTX\tM executed\tratio\n")
	for _, k := range all {
		fmt.Fprintf(w, "%s\t%d\t%.2f\t%.2f\t%.2f\n", k.Kernel, k.Launches, float64(k.Counted)/1e6, k.Executed/1e6, k.Ratio)
	}
}

// writeKernels writes a line for each kernel, in the order of its first launch: on each GPU its least time in ms and what
// bounds it.
func writeKernels(w io.Writer, r planResult) {
	fmt.Fprintf(w, "\nkernel\tlaunches\tM instructions")
	for _, g := range r.Roofline {
		fmt.Fprintf(w, "\t%s", g.GPU)
	}
	launches, instructions := map[string]int{}, map[string]int64{}
	var names []string
	for _, k := range r.Kernels {
		if launches[k.Kernel] == 0 {
			names = append(names, k.Kernel)
		}
		launches[k.Kernel]++
		instructions[k.Kernel] += k.WarpInstructions
	}
	for _, name := range names {
		fmt.Fprintf(w, "\n%s\t%d\t%.2f", name, launches[name], float64(instructions[name])/1e6)
		for _, g := range r.Roofline {
			k := g.kernels[name]
			fmt.Fprintf(w, "\t%.3f %s", 1e3*k.least, k.bounds.Longest())
		}
	}
	fmt.Fprintln(w)
}

// bound says what bounds launch i: latency, or latency (A100, H100) memory (T4) where the GPUs differ.
func (r planResult) bound(i int) string {
	on := map[string][]string{}
	var names []string
	for _, g := range r.Roofline {
		name := g.Bound[i]
		if on[name] == nil {
			names = append(names, name)
		}
		on[name] = append(on[name], g.GPU)
	}
	if len(names) == 1 {
		return names[0]
	}
	for k, name := range names {
		names[k] = fmt.Sprintf("%s (%s)", name, strings.Join(on[name], ", "))
	}
	return strings.Join(names, " ")
}
