package cuda_test

import (
	"os"
	"testing"

	"bnas.example/cuda"
	"bnas.example/internal/gpusim/interpreted"
	"bnas.example/internal/gpusim/ptx"
	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
)

// onInterpreter makes devices that run compiled kernels, on a number of the host's threads.
func onInterpreter(modules []*ptx.Module, o cuda.Options) kerneltest.Factory {
	return func(threads int) (kernels.Device, error) {
		g, err := interpreted.New(interpreted.Options{Workers: threads}, modules...)
		if err != nil {
			return nil, err
		}
		return cuda.New(g, o)
	}
}

// TestCompiledConformance runs the whole suite on the compiled kernels, in every precision that they have.
func TestCompiledConformance(t *testing.T) {
	if os.Getenv("BNAS_LONG") == "" {
		t.Skip("the compiled kernels are interpreted for minutes: BNAS_LONG is not set")
	}
	modules, err := interpreted.Kernels()
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]cuda.Storage{
		"fp32": {}, "half": {Half: true}, "tf32": {Precision: cuda.TF32}, "f16": {Precision: cuda.F16}, "bf16": {Precision: cuda.BF16},
	} {
		t.Run(name, func(t *testing.T) {
			kerneltest.Run(t, onInterpreter(modules, cuda.Options{Storage: s}), kerneltest.Options{Small: true, Random: 3, Rounding: rounding(s)})
		})
	}
}
