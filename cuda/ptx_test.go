package cuda_test

import (
	"os"
	"testing"

	"bnas.example/cuda"
	"bnas.example/internal/gpusim/ptx"
	"bnas.example/kernels"
	"bnas.example/kernels/gpu"
	"bnas.example/kernels/kerneltest"
)

// compiled are the kernels as the compiler made them for sm_80.
func compiled(t *testing.T) []*ptx.Module {
	t.Helper()
	list, err := gpu.PTX(80)
	if err != nil {
		t.Fatal(err)
	}
	var modules []*ptx.Module
	for _, m := range list {
		mod, err := ptx.Parse(string(m.Image))
		if err != nil {
			t.Fatalf("%s: %v", m.Name, err)
		}
		modules = append(modules, mod)
	}
	return modules
}

// TestCompiledKernelsParse makes sure that the interpreter knows every instruction of every kernel.
func TestCompiledKernelsParse(t *testing.T) { compiled(t) }

// interpreted makes devices that run compiled kernels, on a number of the host's threads.
func interpreted(modules []*ptx.Module, o cuda.Options) kerneltest.Factory {
	return func(threads int) (kernels.Device, error) {
		driver, err := cuda.NewInterpreted(cuda.InterpretedOptions{Workers: threads}, modules...)
		if err != nil {
			return nil, err
		}
		return cuda.New(driver, o)
	}
}

// TestCompiledConformance runs the whole suite on the compiled kernels, in every precision that they have.
func TestCompiledConformance(t *testing.T) {
	if os.Getenv("BNAS_LONG") == "" {
		t.Skip("the compiled kernels are interpreted for minutes: BNAS_LONG is not set")
	}
	modules := compiled(t)
	for name, s := range map[string]cuda.Storage{
		"fp32": {}, "half": {Half: true}, "tf32": {Precision: cuda.TF32}, "f16": {Precision: cuda.F16}, "bf16": {Precision: cuda.BF16},
	} {
		t.Run(name, func(t *testing.T) {
			kerneltest.Run(t, interpreted(modules, cuda.Options{Storage: s}), kerneltest.Options{Small: true, Random: 3, Rounding: rounding(s)})
		})
	}
}
