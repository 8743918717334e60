package main

import (
	"errors"
	"log/slog"
	"runtime"

	"bnas/kernels"
	"bnas/kernels/cpu"
	"bnas/kernels/ref"
)

// openDevice opens the device that the configuration names and says in one line what it chose and why.
func openDevice(cfg Config, quiet bool) (kernels.Device, error) {
	threads := cfg.Threads
	if threads == 0 {
		threads = runtime.NumCPU()
	}
	var dev kernels.Device
	var err error
	why := "asked for"
	switch cfg.Device {
	case "cpu":
		dev, err = cpu.New(threads)
	case "reference":
		dev = ref.New()
	case "auto":
		why = "the fastest on this machine"
		if dev, err = cpu.New(threads); errors.Is(err, kernels.ErrUnsupported) {
			why = err.Error()
			dev, err = ref.New(), nil
		}
	default:
		return nil, usagef("--device %q: there is auto, cpu and reference", cfg.Device)
	}
	if err != nil {
		return nil, err
	}
	if !quiet {
		slog.Info("device", "name", dev.Info().Name, "detail", dev.Info().Detail, "why", why)
	}
	return dev, nil
}
