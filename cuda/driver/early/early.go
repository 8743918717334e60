//go:build cuda

// Package early starts CUDA before gorgonia.org/cu does. If CUDA does not start, it writes the reason to stderr and ends the
// process; cu would write to stdout in its own init. Go initialises packages in the order of their import paths, each after
// its imports. This package has few imports and therefore comes first.
package early

/*
#cgo LDFLAGS: -lcuda
#include <cuda.h>
*/
import "C"

import (
	"fmt"
	"os"
)

// remedies has the remedy for each error of cuInit with one common cause.
var remedies = map[C.CUresult]string{
	C.CUDA_ERROR_NO_DEVICE:              "no GPU is visible: see nvidia-smi and CUDA_VISIBLE_DEVICES; run a container with --gpus all",
	C.CUDA_ERROR_STUB_LIBRARY:           "a stub of libcuda is loaded: take the folder of stubs out of LD_LIBRARY_PATH",
	C.CUDA_ERROR_SYSTEM_DRIVER_MISMATCH: "the driver was updated and its old kernel module is still loaded: reboot",
	C.CUDA_ERROR_SYSTEM_NOT_READY:       "the GPUs are not ready: is nvidia-fabricmanager running?",
	C.CUDA_ERROR_UNKNOWN:                "reload the kernel module (rmmod nvidia_uvm; modprobe nvidia_uvm) or reboot",
}

// CUDA loads a kernel at its first launch, from 11.7 on. By then the memory may be full: the program wants all of them when it
// opens a GPU.
func loadEagerly() {
	const name = "CUDA_MODULE_LOADING"
	if _, ok := os.LookupEnv(name); !ok {
		os.Setenv(name, "EAGER") // cgo passes it on to CUDA
	}
}

func init() {
	loadEagerly()
	r := C.cuInit(0)
	if r == C.CUDA_SUCCESS {
		return
	}
	words := "see nvidia-smi"
	var text *C.char
	if C.cuGetErrorString(r, &text) == C.CUDA_SUCCESS {
		words = C.GoString(text)
	}
	if remedy, ok := remedies[r]; ok {
		words = remedy
	}
	fmt.Fprintf(os.Stderr, "bnas: CUDA does not start (cuInit: %d): %s; bnas --device cpu needs none\n", r, words)
	os.Exit(1)
}
