// Package driver defines the calls of a GPU that the Device uses: memory, copies, launches, events and graphs. Open returns
// the real GPU in a program that is built with -tags cuda. The drivers without a GPU are in internal/gpusim.
package driver

import (
	"fmt"

	"bnas.example/kernels/gpu"
)

// Ptr is an address in a GPU's memory; 0 is none.
type Ptr = gpu.Ptr

// Stream is a queue of work. The work of one stream runs in order.
type Stream int

// These are the streams. Compute runs the kernels. Copy loads the next images at the same time. Streams is their number.
const (
	Compute Stream = iota
	Copy
	Streams
)

// Event marks a position in a stream.
type Event uint64

// Graph is a recorded sequence of launches that is run as one.
type Graph uint64

// Launch is one launch of a kernel. Every parameter of every kernel is 8 bytes wide: a pointer, a long long or a double.
type Launch struct {
	Kernel string
	Grid   [3]int // blocks in x, y, z
	Block  [3]int // threads in x, y, z
	Shared int    // bytes of dynamic shared memory
	Args   []uint64
}

// String returns the kernel and its geometry, for errors.
func (l *Launch) String() string {
	return fmt.Sprintf("%s<<<(%d, %d, %d), (%d, %d, %d), %d bytes>>>", l.Kernel,
		l.Grid[0], l.Grid[1], l.Grid[2], l.Block[0], l.Block[1], l.Block[2], l.Shared)
}

// Properties describe a GPU.
type Properties struct {
	Name         string
	Capability   int // 10·major + minor
	SMs          int
	Memory       int64 // bytes, all of it
	Free         int64 // bytes free now
	SharedMemory int   // largest shared memory of a block, in bytes
	Driver       int   // CUDA version of the driver, 1000·major + 10·minor; 0 if there is none
}

// Driver is a GPU. One goroutine uses it at a time. Every error names the call, its object and the reason.
type Driver interface {
	Properties() Properties

	Alloc(bytes int64) (Ptr, error)
	Free(p Ptr) error
	// Pinned returns host memory. Copies from and to it run asynchronously. If there is too little, the error wraps ErrOutOfHostMemory.
	Pinned(bytes int) ([]byte, error)
	FreePinned(b []byte) error

	// CopyIn and CopyOut queue a copy. If the slice of the host is pinned, it must not change until the copy is done. If it
	// is not pinned, the call waits for the copy.
	CopyIn(s Stream, dst Ptr, src []byte) error
	CopyOut(s Stream, dst []byte, src Ptr) error
	// Fill sets bytes to a value.
	Fill(s Stream, dst Ptr, value byte, bytes int64) error
	Launch(s Stream, l *Launch) error

	NewEvent() (Event, error)
	FreeEvent(e Event) error
	Record(s Stream, e Event) error // marks the end of the stream
	Wait(s Stream, e Event) error   // the stream waits for the mark
	Reached(e Event) error          // the host waits for the mark
	Sync(s Stream) error            // the host waits until the stream is empty

	// Capture records the launches that f makes on a stream, without running them.
	Capture(s Stream, f func() error) (Graph, error)
	Replay(s Stream, g Graph) error
	FreeGraph(g Graph) error

	Close() error
}

// Sider is a Driver that others can work beside, at the same time.
type Sider interface {
	// Beside returns a Driver of the same GPU with streams, events and graphs of its own. Addresses are valid in both, and nothing
	// orders the work of the one after that of the other. Each may be used from its own goroutine. It is closed before this one.
	Beside() (Driver, error)
	// Follow lets what is queued in the compute stream from now on begin after what is queued in that of other, a Driver of the same
	// GPU. The host does not wait.
	Follow(other Driver) error
}
