//go:build cgo && linux && gpusim

package emulated

// #cgo CXXFLAGS: -I${SRCDIR}/.. -I${SRCDIR}/../../../kernels/gpu -O2 -std=c++17 -fno-exceptions -Wno-unknown-pragmas
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
func NewMachine(o Options) (*machine.Machine, error) {
	return machine.New(o, machine.Kernels{Hooked: unsafe.Pointer(C.bnas_kernels()), Fast: unsafe.Pointer(C.bnas_kernels_fast())})
}
