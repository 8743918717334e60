// Package gpu holds the CUDA sources of the kernels, for the compiler and, compiled into the program with them, for the
// emulator.
package gpu

import (
	"embed"

	"bnas.example/internal/gpusim/machine"
)

// Sources are the kernels and what they include.
//
//go:embed *.cu *.cuh *.h
var Sources embed.FS

type (
	// Emulator is an emulated GPU that runs the kernels of this package.
	Emulator = machine.Machine
	// Options of an Emulator.
	Options = machine.Options
	// Traffic of a launch.
	Traffic = machine.Traffic
)

// MaxShared is how many bytes of shared memory a block may ask for.
const MaxShared = machine.MaxShared

// Hooked says whether an Emulator of this build can check and count loads and stores: not with -race, -asan and -msan.
var Hooked = machine.Hooked

// NewEmulator returns an emulated GPU. Without cgo, and elsewhere than on Linux, the error wraps kernels.ErrUnsupported.
func NewEmulator(o Options) (*Emulator, error) { return machine.New(o, emulated()) }
