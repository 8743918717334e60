package cuda_test

import (
	"os"
	"testing"

	"bnas.example/cuda"
	"bnas.example/kernels/ref"
)

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

// threads is the largest number of threads to compare: all in the long test.
func threads(n int) int {
	if os.Getenv("BNAS_LONG") != "" {
		return 0
	}
	return n
}

// plain leaves out what is stored alike in every precision; the long test has it in all.
func plain(s cuda.Storage) bool {
	return os.Getenv("BNAS_LONG") == "" && s != cuda.Storage{Half: true}
}

// rounding says where a device rounds.
func rounding(s cuda.Storage) (r ref.Rounding) {
	switch s.Precision {
	case cuda.TF32:
		r.Operand, r.Gradient = ref.TF32, ref.TF32
	case cuda.F16:
		r.Operand, r.Gradient = ref.Half, ref.BFloat16
	case cuda.BF16:
		r.Operand, r.Gradient = ref.BFloat16, ref.BFloat16
	}
	if s.Half {
		r.Stored = ref.Half
	}
	return r
}
