//go:build cgo

package cpu

// #cgo CFLAGS: -O3 -std=gnu11 -Wall -Wno-psabi
// #cgo LDFLAGS: -lm -lpthread
// #include <stdlib.h>
// #include "isa.h"
import "C"

import (
	"fmt"
	"os"
	"unsafe"

	"bnas.example/kernels"
)

// ISAVariable names the environment variable that forces an instruction set narrower than the best that the
// processor has: "avx512", "avx2" or "portable".
const ISAVariable = "BNAS_CPU_ISA"

// chooseISA returns the kernels to run: the widest, or those that ISAVariable names.
func chooseISA() (*C.struct_isa, error) {
	name := os.Getenv(ISAVariable)
	if name == "" {
		return C.isa_best(), nil
	}
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	if isa := C.isa_named(c); isa != nil {
		return isa, nil
	}
	return nil, fmt.Errorf("cpu: %s=%s: this processor does not have it: %w", ISAVariable, name, kernels.ErrUnsupported)
}

// Available reports the instruction set that New would use.
func Available() (isa string, ok bool) {
	i, err := chooseISA()
	if err != nil {
		return "", false
	}
	return C.GoString(i.name), true
}
