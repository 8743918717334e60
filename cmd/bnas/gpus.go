package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"bnas.example/run"
)

// allGPUs is the value of --gpus for every GPU of the machine.
const allGPUs = "all"

var gpusFlag = &cli.StringFlag{
	Name: "gpus", Usage: "the workers of this machine have a GPU each, in turn, of the list `N,N,…` or of " + allGPUs + "; without --workers there are as many as GPUs",
	DefaultText: "they share the GPU of --gpu", Category: catWorkers,
}

// gpuList are the GPUs of the workers of this machine, by their numbers; nil: they share one.
type gpuList []int

// flags are those of the worker at a place.
func (g gpuList) flags(place int) []string {
	if g == nil {
		return nil
	}
	return []string{"--gpu", strconv.Itoa(g[place%len(g)])}
}

// sharersVariable tells a worker how many of the workers have its GPU, or the memory of the machine if they compute on the CPU.
const sharersVariable = "BNAS_SHARERS"

// sharers is the variable of the worker at one of so many places.
func (g gpuList) sharers(place, places int) string {
	n := places
	if g != nil {
		n = 0
		for p := range places {
			if g[p%len(g)] == g[place%len(g)] {
				n++
			}
		}
	}
	return fmt.Sprintf("%s=%d", sharersVariable, n)
}

// sharersOfDevice is how many processes of a command have what this one computes on: 0 if no command started it as a worker.
func sharersOfDevice() int {
	n, err := strconv.Atoi(os.Getenv(sharersVariable))
	if err != nil {
		return 0
	}
	return n
}

// namedGPUs reads --gpus; nil: all, or none are named.
func namedGPUs(c *cli.Context) (named gpuList, err error) {
	text := c.String(gpusFlag.Name)
	switch {
	case text == "":
		return nil, nil
	case c.IsSet("gpu"):
		return nil, usagef("--gpu and --gpus exclude each other")
	case text == allGPUs:
		return nil, nil
	}
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 0 || n > 1023 {
			return nil, usagef("--gpus %s: give numbers from 0 to 1023, like 0,1, or %s", text, allGPUs)
		}
		named = append(named, n)
	}
	return named, nil
}

// gpusFor returns the GPUs of --gpus; nil without it, or if the run is computed on the CPU. One that is not there is an error.
func gpusFor(c *cli.Context, cfg run.Config) (gpuList, error) {
	if c.String(gpusFlag.Name) == "" || !usesGPU(cfg) {
		return nil, nil
	}
	gpus, err := namedGPUs(c)
	if err != nil {
		return nil, err
	}
	n, err := run.GPUs(cfg, options(c))
	if err != nil {
		return nil, fmt.Errorf("--gpus: %w", err)
	}
	return gpus.among(n)
}

// among returns the GPUs, or all if none are named, of a machine that shows n.
func (g gpuList) among(n int) (gpuList, error) {
	if g == nil {
		for i := range n {
			g = append(g, i)
		}
	}
	for _, number := range g {
		if number >= n {
			return nil, usagef("--gpus: there is no GPU %d: this machine shows %d, counted from 0 (nvidia-smi lists them; CUDA_VISIBLE_DEVICES may hide them)", number, n)
		}
	}
	return g, nil
}

// usesGPU reports whether a configuration can compute on a GPU.
func usesGPU(cfg run.Config) bool { return cfg.Device != "cpu" && cfg.Device != "reference" }
