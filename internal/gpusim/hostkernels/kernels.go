//go:build cgo && linux && gpusim

// Package hostkernels is the kernels of kernels/gpu, compiled by the host's C++ compiler for a machine of package machine.
// It imports nothing else of ours, so that the C++ is compiled only if one of them has changed.
package hostkernels

// #cgo CXXFLAGS: -I${SRCDIR}/.. -I${SRCDIR}/../../../kernels/gpu -O1 -std=c++17 -fno-exceptions -Wno-unknown-pragmas
// #cgo !race,!asan,!msan CXXFLAGS: -fsanitize=thread,bounds,alignment
// #cgo asan CXXFLAGS: -fsanitize=address
// #cgo CFLAGS: -I${SRCDIR}/..
// #include "kernels.h"
import "C"

import (
	"embed"
	"unsafe"

	"bnas.example/internal/gpusim/machine"
	"bnas.example/kernels/gpu"
)

// Go compiles the C++ of this package anew when an embedded file or a package that it imports has changed. The sources of
// the kernels are embedded in kernels/gpu.
var (
	//go:embed all.cu
	_ embed.FS
	_ = gpu.Sources
)

// NewMachine returns a machine that runs the kernels of kernels/gpu.
func NewMachine(o machine.Options) (*machine.Machine, error) {
	return machine.New(o, machine.Kernels{Hooked: unsafe.Pointer(C.bnas_kernels()), Fast: unsafe.Pointer(C.bnas_kernels_fast())})
}
