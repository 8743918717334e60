package driver

import (
	"errors"
	"fmt"

	"bnas.example/kernels"
)

// These are causes of a Driver's errors, for errors.Is.
var (
	// ErrOutOfMemory: the GPU has too little memory left. Nothing else has changed.
	ErrOutOfMemory = kernels.ErrOutOfMemory
	// ErrOutOfHostMemory: the host has too little memory left for Pinned. It is an ErrOutOfMemory too: who then takes less of the GPU
	// takes less of this as well.
	ErrOutOfHostMemory error = outOfHostMemory{}
	// ErrLost: the GPU, or the process's context on it, is lost. Every further call fails. Only a new process can use the GPU again.
	ErrLost = errors.New("the GPU is lost to this process")
)

type outOfHostMemory struct{}

func (outOfHostMemory) Error() string {
	return "out of memory of the host for copies to and from the GPU (pinned memory)"
}

func (outOfHostMemory) Is(target error) bool { return target == ErrOutOfMemory }

// OutOfMemory returns the error of an Alloc that failed for want of memory, with the remedy.
func OutOfMemory(err error) error {
	return fmt.Errorf("%w; free memory of the GPU (nvidia-smi lists who has it), or take fewer images at a time", err)
}

// OutOfHostMemory returns the error of a Pinned that failed for want of memory, with the remedy.
func OutOfHostMemory(err error) error {
	return fmt.Errorf("%w: %w; free memory of the host, raise the limit of its container, or take fewer images at a time", ErrOutOfHostMemory, err)
}
