package driver

import (
	"errors"

	"bnas.example/kernels"
)

// These are causes of a Driver's errors, for errors.Is.
var (
	// ErrOutOfMemory: the GPU has too little memory left. Nothing else has changed.
	ErrOutOfMemory = kernels.ErrOutOfMemory
	// ErrLost: the GPU, or the process's context on it, is lost. Every further call fails. Only a new process can use the GPU again.
	ErrLost = errors.New("the GPU is lost to this process")
)
