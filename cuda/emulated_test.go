//go:build cgo && linux && gpusim

package cuda_test

import (
	"os"
	"testing"

	"bnas.example/cuda"
	"bnas.example/internal/gpusim/emulated"
	"bnas.example/internal/gpusim/streams"
	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
)

// onEmulator makes devices of the emulator, with a number of the host's threads.
func onEmulator(o emulated.Options, d cuda.Options) kerneltest.Factory {
	return func(threads int) (kernels.Device, error) {
		o.Threads = threads
		g, err := emulated.New(o)
		if err != nil {
			return nil, err
		}
		return cuda.New(g, d)
	}
}

// onLateStreams makes such devices whose streams run late, each in an order of its own.
func onLateStreams(o emulated.Options, d cuda.Options) kerneltest.Factory {
	orders := uint64(0)
	return func(threads int) (kernels.Device, error) {
		o.Threads = threads
		g, err := emulated.New(o)
		if err != nil {
			return nil, err
		}
		orders++
		return cuda.New(streams.New(g, orders), d)
	}
}

// Every load, store and barrier of the kernels is checked meanwhile, and the next test runs blocks and threads in
// another order. Without the checks, several threads of the host give the same bits.
func TestConformance(t *testing.T) {
	o := kerneltest.Options{Small: true, Random: random(3), Threads: threads(2)}
	if os.Getenv("BNAS_LONG") == "" {
		o.Threaded = onLateStreams(emulated.Options{}, cuda.Options{})
	}
	kerneltest.Run(t, onEmulator(emulated.Options{Check: true}, cuda.Options{}), o)
}

// What is stored and multiplied in less than float32, and the plain loops; on streams that run late, in any order that CUDA allows.
// TestNaive in kernels/gpu has those on half precision.
func TestConformanceStorage(t *testing.T) {
	if testing.Short() {
		t.Skip("the short test has float32 only")
	}
	for name, s := range map[string]cuda.Storage{
		"half":  {Half: true},
		"naive": {Naive: true},
		"tf32":  {Precision: cuda.TF32},
		"fp16":  {Precision: cuda.F16, Half: true},
		"bf16":  {Precision: cuda.BF16},
	} {
		t.Run(name, func(t *testing.T) {
			o := kerneltest.Options{Small: true, Random: random(1), Threads: threads(1), Rounding: rounding(s), Plain: plain(s)}
			kerneltest.Run(t, onLateStreams(emulated.Options{Order: 2, Seed: 1}, cuda.Options{Storage: s}), o)
		})
	}
}
