package cuda

import (
	"errors"
	"fmt"
)

// What an error of a Driver can be asked for with errors.Is.
var (
	// ErrOutOfMemory: the GPU has not so much memory left. Nothing else has changed.
	ErrOutOfMemory = errors.New("out of GPU memory")
	// ErrLost: the GPU, or what the process had on it, is gone; no further call succeeds. Only a new process helps.
	ErrLost = errors.New("the GPU is lost to this process")
)

// String is the kernel and its geometry, for errors.
func (l *Launch) String() string {
	return fmt.Sprintf("%s<<<(%d, %d, %d), (%d, %d, %d), %d bytes>>>", l.Kernel,
		l.Grid[0], l.Grid[1], l.Grid[2], l.Block[0], l.Block[1], l.Block[2], l.Shared)
}
