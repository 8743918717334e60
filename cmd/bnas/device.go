package main

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"

	"bnas.example/cuda"
	"bnas.example/cuda/driver"
	"bnas.example/internal/gpusim/emulated"
	"bnas.example/kernels"
	"bnas.example/kernels/cpu"
	"bnas.example/kernels/ref"
)

// openDevice opens the device that the configuration names and says in one line what it chose and why.
func openDevice(cfg Config, quiet bool) (kernels.Device, error) {
	dev, why, err := chooseDevice(cfg)
	if err != nil {
		return nil, err
	}
	if !quiet {
		slog.Info("device", "name", dev.Info().Name, "detail", dev.Info().Detail, "why", why)
	}
	return dev, nil
}

func chooseDevice(cfg Config) (dev kernels.Device, why string, err error) {
	threads := cfg.Threads
	if threads == 0 {
		threads = runtime.NumCPU()
	}
	why = "asked for"
	switch cfg.Device {
	case "cpu":
		dev, err = cpu.New(threads)
	case "reference":
		dev = ref.New()
	case "gpu":
		dev, err = openGPU(cfg)
	case "gpu-emulated":
		dev, err = openEmulated(cfg, threads)
	case "auto":
		return openBest(cfg, threads)
	default:
		err = usagef("--device %q: there is auto, cpu, reference, gpu and gpu-emulated", cfg.Device)
	}
	return dev, why, err
}

// openBest takes the GPU where there is one that works, else the CPU engine, else the reference.
func openBest(cfg Config, threads int) (kernels.Device, string, error) {
	why := "no GPU on this machine"
	if gpuPresent() {
		dev, err := openGPU(cfg)
		if err == nil {
			return dev, "a GPU is here", nil
		}
		why = err.Error()
	}
	dev, err := cpu.New(threads)
	if errors.Is(err, kernels.ErrUnsupported) {
		return ref.New(), err.Error(), nil
	}
	return dev, why, err
}

// openGPU opens the GPU, or hands over to the program that has it linked in.
func openGPU(cfg Config) (kernels.Device, error) {
	if !gpuPresent() {
		return nil, errors.New("--device gpu: no NVIDIA driver is loaded on this machine: see bnas doctor, or use --device cpu")
	}
	if !driver.Built {
		return nil, handOver()
	}
	g, err := driver.Open()
	if err != nil {
		return nil, fmt.Errorf("--device gpu: %w", err)
	}
	return cuda.New(g, cuda.Options{Name: "gpu", Storage: cfg.storage()})
}

func openEmulated(cfg Config, threads int) (kernels.Device, error) {
	g, err := emulated.New(emulated.Options{Threads: threads})
	if err != nil {
		return nil, fmt.Errorf("--device gpu-emulated: %w", err)
	}
	return cuda.New(g, cuda.Options{Name: "gpu-emulated", Storage: cfg.storage()})
}
