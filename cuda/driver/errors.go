package driver

import "errors"

// The causes of a Driver's errors that errors.Is finds.
var (
	// ErrOutOfMemory: the GPU has too little memory left. Nothing else has changed.
	ErrOutOfMemory = errors.New("out of GPU memory")
	// ErrLost: the GPU, or the process's context on it, is gone; no further call succeeds. Only a new process helps.
	ErrLost = errors.New("the GPU is lost to this process")
)
