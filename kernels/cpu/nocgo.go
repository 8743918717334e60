//go:build !cgo

package cpu

import (
	"fmt"

	"bnas.example/kernels"
)

// ISAVariable names the environment variable that chooses an instruction set where the engine is built in.
const ISAVariable = "BNAS_CPU_ISA"

// New returns an error: the engine is written in C, and this program was built without cgo.
func New(int, Numerics) (kernels.Device, error) {
	return nil, fmt.Errorf("cpu: built without cgo: %w", kernels.ErrUnsupported)
}

// Available returns false.
func Available() (isa string, ok bool) { return "", false }

// PeakFLOPS returns an error: there is nothing to measure.
func PeakFLOPS(string) (float64, error) {
	return 0, fmt.Errorf("cpu: built without cgo: %w", kernels.ErrUnsupported)
}
