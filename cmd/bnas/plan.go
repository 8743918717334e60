package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"bnas.example/cuda/cost"
	"bnas.example/supernet"
)

func planCommand() *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "what a training step costs a GPU: launches, memory, bytes moved, least time; no GPU is needed",
		ArgsUsage: "ARCH",
		Flags:     append(flags(costSettings, planSettings), intFlag("batch", "`N` images a step", 256, 1, 65536)),
		Description: "bnas plan all3x3 --batch 256 --device gpu\n\n" +
			"Bytes are counted from the plan: each byte that a launch touches, once. The least time is each launch's bytes\n" +
			"at the GPU's bandwidth or its FLOPs at the GPU's peak, whichever takes longer, by the makers' figures." + archHelp,
		Action: planStep,
	}
}

type planResult struct {
	Arch string `json:"arch"`
	*cost.Count
	Roofline []rooflineResult `json:"roofline"`
}

type rooflineResult struct {
	GPU string  `json:"gpu"`
	MS  float64 `json:"ms"`
	// Occupancy is the share of an SM's threads that each launch can keep resident, in the order of the kernels.
	Occupancy []float64 `json:"occupancy"`
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
		t, err := counted.Time(g)
		if err != nil {
			continue // a GPU without this precision is not in the table
		}
		occupancy, err := counted.Occupancy(g)
		if err != nil {
			return err
		}
		r.Roofline = append(r.Roofline, rooflineResult{GPU: g.Name, MS: 1e3 * t, Occupancy: occupancy})
	}
	return output(c, r, func(w io.Writer) { writePlan(w, r) })
}

func writePlan(w io.Writer, r planResult) {
	fmt.Fprintf(w, "architecture\t%s\n", r.Arch)
	fmt.Fprintf(w, "a training step\t%d images, %s\n", r.Images, r.Precision)
	fmt.Fprintf(w, "launches\t%d\n", r.Launches)
	fmt.Fprintf(w, "bytes moved\t%.2f GB\n", float64(r.DRAMBytes)/1e9)
	fmt.Fprintf(w, "work\t%.1f GFLOP\n", float64(r.FLOPs)/1e9)
	fmt.Fprintf(w, "memory at the peak\t%s\n", byteSize(r.PeakBytes))
	for _, g := range r.Roofline {
		fmt.Fprintf(w, "least time, %s\t%.2f ms\n", g.GPU, g.MS)
	}
	fmt.Fprintf(w, "\nstep\tkernel\tgrid\tblock\tshared\tMB\tMFLOP\tFLOP/B\n")
	for _, k := range r.Kernels {
		fmt.Fprintf(w, "%s\t%s\t%d×%d\t%d\t%d\t%.1f\t%.1f\t%.1f\n", k.Step, k.Kernel, k.Grid[0], k.Grid[1], k.Block, k.Shared,
			float64(k.Read+k.Write)/1e6, float64(k.FLOPs)/1e6, k.Intensity)
	}
}
