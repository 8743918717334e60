//go:build !cgo || !linux || !gpusim

package machine

import (
	"fmt"
	"unsafe"

	"bnas.example/kernels"
)

var errNoCgo = fmt.Errorf("the emulated GPU: this program is built without cgo, or not for Linux: %w", kernels.ErrUnsupported)

// Hooked says whether loads and stores are checked in this build.
const Hooked = false

// Kernels are the lists of a package's kernels.
type Kernels struct{ Hooked, Fast unsafe.Pointer }

// Machine needs cgo; there is none in this build.
type Machine struct{}

// New says so.
func New(Options, Kernels) (*Machine, error) { return nil, errNoCgo }

func (*Machine) Err() error                                         { return errNoCgo }
func (*Machine) Used() int64                                        { return 0 }
func (*Machine) Alloc(int64) (uint64, error)                        { return 0, errNoCgo }
func (*Machine) Free(uint64) error                                  { return errNoCgo }
func (*Machine) Pinned(int) ([]byte, error)                         { return nil, errNoCgo }
func (*Machine) FreePinned([]byte) error                            { return errNoCgo }
func (*Machine) CopyIn(uint64, []byte) error                        { return errNoCgo }
func (*Machine) CopyOut([]byte, uint64) error                       { return errNoCgo }
func (*Machine) Fill(uint64, byte, int64) error                     { return errNoCgo }
func (*Machine) Launch(string, [3]int, [3]int, int, []uint64) error { return errNoCgo }
func (*Machine) Traffic() []Traffic                                 { return nil }
func (*Machine) Close() error                                       { return errNoCgo }
