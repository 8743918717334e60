package cuda_test

import (
	"os"
	"testing"

	"bnas.example/cuda"
	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
)

// emulated makes devices of the emulator, with a number of the host's threads.
func emulated(o cuda.EmulatorOptions, d cuda.Options) kerneltest.Factory {
	return func(threads int) (kernels.Device, error) {
		o.Threads = threads
		driver, err := cuda.NewEmulated(o)
		if err != nil {
			return nil, err
		}
		return cuda.New(driver, d)
	}
}

// Every load, store and barrier of the kernels is checked meanwhile, and the next test runs blocks and threads in
// another order.
func TestConformance(t *testing.T) {
	kerneltest.Run(t, emulated(cuda.EmulatorOptions{Check: true}, cuda.Options{}), kerneltest.Options{Small: true, Random: random(6)})
}

// random is a number of random programs: one in the short test, ten times as many in the long one.
func random(n int) int {
	switch {
	case testing.Short():
		return 1
	case os.Getenv("BNAS_LONG") != "":
		return 10 * n
	}
	return n
}

// What is stored and multiplied in less than float32.
func TestConformanceStorage(t *testing.T) {
	if testing.Short() {
		t.Skip("the short test has float32 only")
	}
	for name, s := range map[string]cuda.Storage{
		"half": {Half: true},
		"tf32": {Precision: cuda.TF32},
		"fp16": {Precision: cuda.F16, Half: true},
		"bf16": {Precision: cuda.BF16},
	} {
		t.Run(name, func(t *testing.T) {
			o := kerneltest.Options{Small: true, Random: random(1), Rounding: rounding(s)}
			kerneltest.Run(t, emulated(cuda.EmulatorOptions{Order: 2, Seed: 1}, cuda.Options{Storage: s}), o)
		})
	}
}

func rounding(s cuda.Storage) float64 {
	u := s.Precision.Rounding()
	if s.Precision == cuda.F16 {
		u = cuda.BF16.Rounding() // of its gradients
	}
	if s.Half {
		u = max(u, cuda.F16.Rounding())
	}
	return u
}
