//go:build cgo

package cpu

// #cgo CFLAGS: -I${SRCDIR}/engine -std=gnu11 -Wall
// #include <stdlib.h>
// #include "isa.h"
import "C"

import (
	"fmt"
	"os"
	"unsafe"

	_ "bnas.example/kernels/cpu/engine"
)

// ISAVariable names the environment variable that selects an instruction set: "avx512", "avx2" or "portable". Without it
// the engine uses the widest one of the processor.
const ISAVariable = "BNAS_CPU_ISA"

// chooseISA returns the kernels of the instruction set that ISAVariable names, or those of the widest.
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
	return nil, fmt.Errorf("cpu: %s=%s: this processor does not have it; there are avx512, avx2 and portable", ISAVariable, name)
}

// Available returns the instruction set that New would use.
func Available() (isa string, ok bool) {
	i, err := chooseISA()
	if err != nil {
		return "", false
	}
	return C.GoString(i.name), true
}
