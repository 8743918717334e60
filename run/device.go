package run

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"bnas.example/cuda"
	"bnas.example/cuda/driver"
	"bnas.example/internal/gpusim/emulated"
	"bnas.example/internal/setting"
	"bnas.example/kernels"
	"bnas.example/kernels/cpu"
	"bnas.example/kernels/ref"
)

// Devices lists the values of Config.Device. A new back end needs a name here and a case in chooseDevice.
func Devices() []string { return []string{"auto", "cpu", "reference", "gpu", "gpu-emulated"} }

// ErrNoDriver means that a GPU was requested and the machine has no NVIDIA driver. Errors wrap it.
var ErrNoDriver = errors.New("no NVIDIA driver is loaded on this machine")

// ErrNoCUDA means that a GPU was requested and this program was built without CUDA. Errors wrap it.
var ErrNoCUDA = errors.New("this program was built without CUDA")

// Options holds the options of opening a run that are not in its Config.
type Options struct {
	// Version is that of the program, for the provenance of scores; nil: unknown.
	Version func() string
	// Log gets one line with the chosen device and the reason. nil: no line.
	Log *slog.Logger
	// Search makes Create check that a search can follow the training.
	Search bool
	// Lower reports whether a setting may be lowered to fit a small data set: it has its default, and nobody asked for
	// that value. The settings are named as in config.yaml. nil: none may.
	Lower func(setting string) bool
	// HandOver is called if a GPU is requested, the machine has one, and this program was built without CUDA. A command
	// can replace its process by a program with CUDA. If HandOver returns, its error is the reason that the GPU cannot
	// be opened. nil: the error is ErrNoCUDA.
	HandOver func() error
	// Together joins this process to others that train the same run; nil: there are none.
	Together *Together
	// Sharers is how many processes of one command have the GPU together, or the memory of the machine if it is none; 0 is one.
	Sharers int

	opened bool   // the settings are those of a run folder
	images string // the hash that the training images must have; "": any
}

// GPUPresent reports whether NVIDIA's driver is loaded. It looks for the driver's control device, or that of Windows, under which
// Linux runs in WSL2.
func GPUPresent() bool { return gpuPresent("/dev") }

// gpuPresent looks in the folder of devices.
func gpuPresent(dev string) bool {
	return slices.ContainsFunc([]string{"nvidiactl", "dxg"}, func(device string) bool {
		_, err := os.Stat(filepath.Join(dev, device))
		return err == nil
	})
}

// OpenDevice opens the device of the configuration.
func OpenDevice(cfg Config, o Options) (kernels.Device, error) {
	dev, why, err := chooseDevice(cfg, o)
	if err != nil {
		return nil, err
	}
	if cfg.Threads == 0 && dev.Info().Name == "cpu" {
		o.Together.warnBound(o.Log)
	}
	if o.Log != nil {
		o.Log.Info("device", "name", dev.Info().Name, "detail", dev.Info().Detail, "why", why)
	}
	return dev, nil
}

func chooseDevice(cfg Config, o Options) (dev kernels.Device, why string, err error) {
	threads := cfg.Threads
	if threads == 0 {
		threads = o.Together.threads()
	}
	why = "requested"
	switch cfg.Device {
	case "cpu":
		dev, err = cpu.New(threads, cfg.engineNumerics())
	case "reference":
		dev = ref.New()
	case "gpu":
		dev, err = openGPU(cfg, o)
	case "gpu-emulated":
		dev, err = openEmulated(cfg, o, threads)
	case "auto":
		return openBest(cfg, o, threads)
	default:
		err = setting.Errorf("device", "%q: there is %s", cfg.Device, listed(Devices()))
	}
	return dev, why, err
}

// openBest opens the GPU if one works, else the CPU engine, else the reference.
func openBest(cfg Config, o Options, threads int) (kernels.Device, string, error) {
	why := "no GPU on this machine"
	if GPUPresent() {
		dev, err := openGPU(cfg, o)
		if err == nil {
			return dev, "a GPU is here", nil
		}
		why = err.Error()
	}
	if o.Log != nil && (cfg.GPU != 0 || cfg.Storage() != (cuda.Storage{Precision: cuda.FP32})) {
		o.Log.Warn("no GPU is used: the settings for one have no effect", "why", why, "gpu", cfg.GPU, "precision", cfg.Precision, "half", cfg.Half)
	}
	dev, err := cpu.New(threads, cfg.engineNumerics())
	if errors.Is(err, kernels.ErrUnsupported) {
		return ref.New(), err.Error(), nil
	}
	return dev, why, err
}

// canUseGPU returns a reason that this program cannot open a GPU.
func (o Options) canUseGPU() error {
	switch {
	case !GPUPresent():
		return ErrNoDriver
	case driver.Built:
		return nil
	case o.HandOver != nil:
		return o.HandOver()
	}
	return ErrNoCUDA
}

// emulatedGPUs is the number of emulated GPUs: several, to test what several processes do.
const emulatedGPUs = 2

// GPUs returns how many GPUs a run with this configuration can choose among by Config.GPU.
func GPUs(cfg Config, o Options) (n int, err error) {
	switch cfg.Device {
	case "gpu", "auto":
		if err = o.canUseGPU(); err == nil {
			n, err = driver.Count()
		}
	case "gpu-emulated":
		n = emulatedGPUs
	default:
		err = fmt.Errorf("%s is no GPU", cfg.Device)
	}
	if err != nil {
		return 0, &DeviceError{cfg.Device, err}
	}
	return n, nil
}

func openGPU(cfg Config, o Options) (kernels.Device, error) {
	if err := o.canUseGPU(); err != nil {
		return nil, &DeviceError{"gpu", err}
	}
	g, err := driver.Open(o.Together.gpu(cfg.GPU))
	if err != nil {
		return nil, &DeviceError{"gpu", err}
	}
	return cuda.New(g, cuda.Options{Name: "gpu", Storage: cfg.Storage(), Sharers: o.Sharers})
}

func openEmulated(cfg Config, o Options, threads int) (kernels.Device, error) {
	if cfg.GPU >= emulatedGPUs {
		return nil, &DeviceError{"gpu-emulated", fmt.Errorf("there is no GPU %d: the emulator shows %d, counted from 0", cfg.GPU, emulatedGPUs)}
	}
	g, err := emulated.New(emulated.Options{Threads: threads})
	if err != nil {
		return nil, &DeviceError{"gpu-emulated", err}
	}
	return cuda.New(g, cuda.Options{Name: "gpu-emulated", Storage: cfg.Storage(), Sharers: o.Sharers})
}
