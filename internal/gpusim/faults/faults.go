//go:build cgo && linux && gpusim

// Package faults tries the emulated machine: kernels that are right, and kernels with a fault planted in each, which its
// tests expect to be found. No program imports it.
package faults

// #cgo CXXFLAGS: -O2 -std=c++17 -fno-exceptions
// #cgo !race,!asan,!msan CXXFLAGS: -fsanitize=thread,bounds,alignment
// #cgo asan CXXFLAGS: -fsanitize=address
// #include "faults.h"
import "C"

import (
	"embed"
	"unsafe"

	"bnas.example/internal/gpusim/machine"
)

// The sources are compiled by hooked.cpp and fast.cpp; that they are here tells Go when to do it again.
//
//go:embed *.cu
var _ embed.FS

// New returns a machine with the kernels of this package.
func New(o machine.Options) (*machine.Machine, error) {
	return machine.New(o, machine.Kernels{Hooked: unsafe.Pointer(C.bnas_faults()), Fast: unsafe.Pointer(C.bnas_faults_fast())})
}
