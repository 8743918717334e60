//go:build cuda

package driver

// This file has the calls of CUDA's driver that gorgonia.org/cu lacks.

/*
#cgo LDFLAGS: -lcuda
#include <cuda.h>

#if CUDA_VERSION < 11040 || CUDA_VERSION >= 13000
#error "bnas is built with the headers of CUDA 11.4 to 12 (such a program runs on newer drivers too)"
#endif
*/
import "C"

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"gorgonia.org/cu"
)

// result is a CUresult.
type result int

// Error returns CUDA's name and description of the error.
func (r result) Error() string {
	var name, words *C.char
	if C.cuGetErrorName(C.CUresult(r), &name) != C.CUDA_SUCCESS || C.cuGetErrorString(C.CUresult(r), &words) != C.CUDA_SUCCESS {
		return fmt.Sprintf("CUDA error %d", int(r))
	}
	return fmt.Sprintf("%s (%d): %s", C.GoString(name), int(r), C.GoString(words))
}

// Is reports whether the result is of the kind ErrOutOfMemory or ErrLost, for errors.Is.
func (r result) Is(target error) bool {
	return target == ErrOutOfMemory && r == C.CUDA_ERROR_OUT_OF_MEMORY || target == ErrLost && r.lost()
}

// lost reports whether CUDA fails every further call of the process after this error.
func (r result) lost() bool {
	switch r {
	case C.CUDA_ERROR_ILLEGAL_ADDRESS, C.CUDA_ERROR_LAUNCH_TIMEOUT, C.CUDA_ERROR_ASSERT, C.CUDA_ERROR_HARDWARE_STACK_ERROR,
		C.CUDA_ERROR_ILLEGAL_INSTRUCTION, C.CUDA_ERROR_MISALIGNED_ADDRESS, C.CUDA_ERROR_INVALID_ADDRESS_SPACE,
		C.CUDA_ERROR_INVALID_PC, C.CUDA_ERROR_LAUNCH_FAILED, C.CUDA_ERROR_ECC_UNCORRECTABLE, C.CUDA_ERROR_CONTEXT_IS_DESTROYED,
		C.CUDA_ERROR_DEVICE_UNAVAILABLE, C.CUDA_ERROR_NVLINK_UNCORRECTABLE, C.CUDA_ERROR_DEINITIALIZED:
		return true
	}
	return false
}

func asError(r C.CUresult) error {
	if r == C.CUDA_SUCCESS {
		return nil
	}
	return result(r)
}

// translate turns an error of cu, which is a number of an unexported type, into a result.
func translate(err error) error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if v := reflect.ValueOf(e); v.Kind() == reflect.Int {
			return result(v.Int())
		}
	}
	return err
}

// handle returns the C pointer in a Stream or Function of cu, which is its only field.
func handle[T cu.Stream | cu.Function](h T) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&h))
}

func streamOf(s cu.Stream) C.CUstream { return C.CUstream(handle(s)) }

// hostAlloc returns pinned memory.
func hostAlloc(bytes int) ([]byte, error) {
	var p unsafe.Pointer
	if err := asError(C.cuMemHostAlloc(&p, C.size_t(bytes), 0)); err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(p), bytes), nil
}

// allowShared sets the largest dynamic shared memory of a kernel's launches. Without this call it is 48 KiB.
func allowShared(f cu.Function, bytes int) error {
	return asError(C.cuFuncSetAttribute(C.CUfunction(handle(f)), C.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, C.int(bytes)))
}

// sharedAttribute is the attribute of the largest shared memory of a block.
const sharedAttribute = cu.DeviceAttribute(C.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)

// executable is a recorded graph, ready to run.
type executable struct{ graph C.CUgraphExec }

// beginCapture starts to record the calls of this thread on a stream. Calls that cannot be recorded fail.
func beginCapture(s cu.Stream) error {
	return asError(C.cuStreamBeginCapture(streamOf(s), C.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL))
}

// endCapture ends the recording on a stream. It must be called on the thread of beginCapture, even after an error.
func endCapture(s cu.Stream) (executable, error) {
	var graph C.CUgraph
	var e executable
	if err := asError(C.cuStreamEndCapture(streamOf(s), &graph)); err != nil {
		return e, fmt.Errorf("cuStreamEndCapture: %w", err)
	}
	err := asError(C.cuGraphInstantiateWithFlags(&e.graph, graph, 0))
	if err != nil {
		err = fmt.Errorf("cuGraphInstantiateWithFlags: %w", err)
	}
	return e, errors.Join(err, asError(C.cuGraphDestroy(graph)))
}

func (e executable) launch(s cu.Stream) error { return asError(C.cuGraphLaunch(e.graph, streamOf(s))) }

func (e executable) destroy() error { return asError(C.cuGraphExecDestroy(e.graph)) }
