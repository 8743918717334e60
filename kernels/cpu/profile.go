//go:build cgo

package cpu

// #include <stdlib.h>
// #include <string.h>
// #include "entry.h"
import "C"

import (
	"time"
	"unsafe"

	"bnas.example/kernels"
)

// Profile begins to measure, or begins again.
func (e *exec) Profile() {
	size := C.size_t(e.d.threads) * C.sizeof_struct_profile
	if e.d.profiles == nil {
		e.d.profiles = (*C.struct_profile)(C.aligned_alloc(64, size))
	}
	C.memset(unsafe.Pointer(e.d.profiles), 0, size)
}

// Phases returns what was measured since Profile, the sum over threads.
func (e *exec) Phases() (phases [kernels.Phases]time.Duration, flops float64) {
	for _, p := range unsafe.Slice(e.d.profiles, e.d.threads) {
		for i := range phases {
			phases[i] += time.Duration(float64(p.seconds[i]) * float64(time.Second))
		}
		flops += float64(p.flops)
	}
	return phases, flops
}
