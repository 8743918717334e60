package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/urfave/cli/v2"

	"bnas.example/internal/hardware"
	"bnas.example/kernels/cpu"
	"bnas.example/run"
)

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:        "doctor",
		Usage:       "this machine: processor, memory, GPU, and the device that bnas will use",
		Flags:       append(flags(deviceSettings), &cli.BoolFlag{Name: "quick", Usage: "only check that a device opens", Category: catCommand}),
		Description: "bnas doctor",
		Action:      doctor,
	}
}

type doctorResult struct {
	Version  string  `json:"version"`
	Go       string  `json:"go"`
	Platform string  `json:"platform"`
	Cores    int     `json:"cores"`
	Memory   int64   `json:"memory_bytes"`
	SIMD     string  `json:"simd"`
	Peak     float64 `json:"peak_gflops"`
	GPU      string  `json:"gpu"`
	Device   string  `json:"device"`
	Detail   string  `json:"detail"`
}

func doctor(c *cli.Context) error {
	cfg, err := configOf(c)
	if err != nil {
		return err
	}
	dev, err := run.OpenDevice(cfg, run.Options{HandOver: handOver})
	if err != nil {
		return err
	}
	defer dev.Close()
	isa, ok := cpu.Available()
	if !ok {
		isa = "none: built without cgo, or " + cpu.ISAVariable + " names what this processor lacks"
	}
	r := doctorResult{
		Version: version(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Cores: hardware.Cores(),
		Memory: hardware.Memory(), SIMD: isa, GPU: gpuState(cfg.GPU), Device: dev.Info().Name, Detail: dev.Info().Detail,
	}
	if !c.Bool("quick") {
		r.Peak = peakGFLOPS(dev)
	}
	return output(c, r, func(w io.Writer) {
		fmt.Fprintf(w, "bnas\t%s, %s\n", r.Version, r.Go)
		fmt.Fprintf(w, "machine\t%s, %d cores, %s of memory\n", r.Platform, r.Cores, byteSize(r.Memory))
		fmt.Fprintf(w, "SIMD\t%s\n", r.SIMD)
		if r.Peak > 0 {
			fmt.Fprintf(w, "FMA peak\t%.0f GFLOP/s, measured now\n", r.Peak)
		}
		fmt.Fprintf(w, "GPU\t%s\n", r.GPU)
		fmt.Fprintf(w, "bnas will use\t%s (%s)\n", r.Device, r.Detail)
	})
}
