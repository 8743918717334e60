//go:build cgo && linux && gpusim

package gpu

// #cgo CXXFLAGS: -I${SRCDIR}/../../internal/gpusim -O2 -std=c++17 -fno-exceptions -Wno-unknown-pragmas
// #cgo !race,!asan,!msan CXXFLAGS: -fsanitize=thread,bounds,alignment
// #cgo asan CXXFLAGS: -fsanitize=address
// #include "kernels.h"
import "C"

import (
	"unsafe"

	"bnas.example/internal/gpusim/machine"
)

func emulated() machine.Kernels {
	return machine.Kernels{Hooked: unsafe.Pointer(C.bnas_kernels()), Fast: unsafe.Pointer(C.bnas_kernels_fast())}
}
