package cuda

import (
	"unsafe"

	"bnas.example/cuda/driver"
	"bnas.example/kernels/gpu"
)

// Bytes of what the kernels keep a channel, and of what describes a BatchNorm and a node.
const (
	affineBytes = int64(unsafe.Sizeof(gpu.Affine{})) // and of Slope
	sumBytes    = 16                                 // float4 of Sums, double2 of Statistics
	normBytes   = driver.Ptr(unsafe.Sizeof(gpu.BatchNorm{}))
	nodeBytes   = int64((unsafe.Sizeof(gpu.Node{}) + 255) &^ 255) // where what follows a node in a buffer begins
)

// table is an array of structures for the device, built for the address at which it will lie.
type table struct {
	base  driver.Ptr
	bytes []byte
}

// put appends values and returns the address that they will have.
func put[T any](t *table, values ...T) driver.Ptr {
	if len(values) == 0 {
		return 0
	}
	at := t.base + driver.Ptr(len(t.bytes))
	t.bytes = append(t.bytes, bytesOf(values)...)
	return at
}

// bytesOf is the memory of a slice.
func bytesOf[T any](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), uintptr(len(s))*unsafe.Sizeof(s[0]))
}
