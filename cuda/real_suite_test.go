//go:build cuda

package cuda_test

import (
	"os"
	"strings"
	"testing"

	"bnas.example/cuda"
	"bnas.example/cuda/driver"
	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
)

// The suite on the GPU itself, in every precision, launch by launch and with graphs.
func TestRealConformance(t *testing.T) {
	if os.Getenv("BNAS_MOCK_DRIVER") != "" {
		t.Skip("this mock driver runs no kernels; scripts/gpu-check-test.sh has one that does")
	}
	for _, c := range []struct {
		name    string
		options cuda.Options
	}{
		{"fp32", cuda.Options{}},
		{"fp32-no-graphs", cuda.Options{NoGraphs: true}},
		{"naive", cuda.Options{Storage: cuda.Storage{Naive: true}}},
		{"half", cuda.Options{Storage: cuda.Storage{Half: true}}},
		{"tf32", cuda.Options{Storage: cuda.Storage{Precision: cuda.TF32}}},
		{"fp16", cuda.Options{Storage: cuda.Storage{Precision: cuda.F16}}},
		{"bf16", cuda.Options{Storage: cuda.Storage{Precision: cuda.BF16}}},
		{"bf16-half", cuda.Options{Storage: cuda.Storage{Precision: cuda.BF16, Half: true}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := onGPU(c.options)(1)
			if err != nil && strings.Contains(err.Error(), "needs compute capability") {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			o := kerneltest.Options{Random: random(20), Threads: 1, Rounding: rounding(c.options.Storage)}
			if os.Getenv("BNAS_SMALL") != "" { // for compute-sanitizer and the mock driver, which take a hundred times as long
				o.Small, o.Random = true, 2
			}
			kerneltest.Run(t, onGPU(c.options), o)
		})
	}
}

// onGPU makes devices of the real GPU.
func onGPU(o cuda.Options) kerneltest.Factory {
	return func(int) (kernels.Device, error) {
		g, err := driver.Open(0)
		if err != nil {
			return nil, err
		}
		return cuda.New(g, o)
	}
}
