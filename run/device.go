package run

import (
	"errors"
	"log/slog"
	"os"
	"runtime"

	"bnas.example/cuda"
	"bnas.example/cuda/driver"
	"bnas.example/internal/gpusim/emulated"
	"bnas.example/kernels"
	"bnas.example/kernels/cpu"
	"bnas.example/kernels/ref"
)

// Devices lists the values of Config.Device. A new back end is a name here and a case in chooseDevice.
func Devices() []string { return []string{"auto", "cpu", "reference", "gpu", "gpu-emulated"} }

// ErrNoDriver is wrapped by the error for a GPU on a machine without one.
var ErrNoDriver = errors.New("no NVIDIA driver is loaded on this machine")

// ErrNoCUDA is wrapped by the error for a GPU in a program that was built without CUDA.
var ErrNoCUDA = errors.New("this program was built without CUDA")

// Options are what opening a run takes beside its Config.
type Options struct {
	// Log gets one line: the device that was chosen, and why. nil: none.
	Log *slog.Logger
	// HandOver is called where a GPU is wanted, the machine has one, and this program was built without CUDA. A command
	// can replace its process there by a program that has it; if HandOver returns, its error is why the GPU does not
	// open. nil: the error is ErrNoCUDA.
	HandOver func() error
}

// GPUPresent reports whether NVIDIA's driver is loaded: its control device is there.
func GPUPresent() bool {
	_, err := os.Stat("/dev/nvidiactl")
	return err == nil
}

// OpenDevice opens the device that the configuration names.
func OpenDevice(cfg Config, o Options) (kernels.Device, error) {
	dev, why, err := chooseDevice(cfg, o)
	if err != nil {
		return nil, err
	}
	if o.Log != nil {
		o.Log.Info("device", "name", dev.Info().Name, "detail", dev.Info().Detail, "why", why)
	}
	return dev, nil
}

func chooseDevice(cfg Config, o Options) (dev kernels.Device, why string, err error) {
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
		dev, err = openGPU(cfg, o)
	case "gpu-emulated":
		dev, err = openEmulated(cfg, threads)
	case "auto":
		return openBest(cfg, o, threads)
	default:
		err = wrongSetting("device", "%q: there is %s", cfg.Device, listed(Devices()))
	}
	return dev, why, err
}

// openBest takes the GPU where there is one that works, else the CPU engine, else the reference.
func openBest(cfg Config, o Options, threads int) (kernels.Device, string, error) {
	why := "no GPU on this machine"
	if GPUPresent() {
		dev, err := openGPU(cfg, o)
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

func openGPU(cfg Config, o Options) (kernels.Device, error) {
	if !GPUPresent() {
		return nil, &DeviceError{"gpu", ErrNoDriver}
	}
	if !driver.Built {
		err := ErrNoCUDA
		if o.HandOver != nil {
			err = o.HandOver()
		}
		return nil, &DeviceError{"gpu", err}
	}
	g, err := driver.Open()
	if err != nil {
		return nil, &DeviceError{"gpu", err}
	}
	return cuda.New(g, cuda.Options{Name: "gpu", Storage: cfg.Storage()})
}

func openEmulated(cfg Config, threads int) (kernels.Device, error) {
	g, err := emulated.New(emulated.Options{Threads: threads})
	if err != nil {
		return nil, &DeviceError{"gpu-emulated", err}
	}
	return cuda.New(g, cuda.Options{Name: "gpu-emulated", Storage: cfg.Storage()})
}
