package cuda

import "unsafe"

// What the kernels are given, as kernels/gpu/abi.cuh declares it: every field is 8 bytes, so that Go and C++ lay a
// structure out alike. The comments are there.

type abiBatchNorm struct {
	affine, slope    Ptr
	gamma, beta      Ptr
	dgamma, dbeta    Ptr
	mean, variance   Ptr
	eps              float64
	channels, column int64
}

type abiTerm struct {
	value, affine Ptr
	narrow        int64
}

type abiNode struct {
	term                           [3]abiTerm
	terms, activation              int64
	channels, pitch, height, width int64
}

type abiTiling struct{ tileH, tileW, tilesX, tiles, slab int64 }

type abiStatistics struct {
	tile, image, arrived Ptr
	mean, variance       Ptr
	norm                 Ptr
	norms                int64
}

type abiOutput struct {
	value, weight                   Ptr
	channels, pitch, column, narrow int64
}

type abiWindow struct{ kernel, stride, pad, dilation, groups int64 }

type abiForward struct {
	in                     Ptr
	ins                    int64
	out                    Ptr
	outs                   int64
	columns, height, width int64
	window                 abiWindow
	tiling                 abiTiling
	statistics             abiStatistics
}

type abiSource struct{ gradient, slope Ptr }

type abiIncoming struct {
	value, source                   Ptr
	sources                         int64
	weight                          Ptr
	channels, pitch, column, narrow int64
}

type abiSums struct {
	tile, image, arrived Ptr
	norm                 [3]Ptr
}

type abiBackward struct {
	out                            Ptr
	outs                           int64
	columns, height, width, column int64
	window                         abiWindow
	in                             abiNode
	gradient                       Ptr
	add, last                      int64
	tiling                         abiTiling
	sums                           abiSums
}

type abiWeightGradient struct {
	in                            abiNode
	out                           abiIncoming
	height, width                 int64
	window                        abiWindow
	gradient, partial, arrived    Ptr
	chunks                        int64
	tileH, tileW, slabOut, slabIn int64
}

type abiSampleBN struct {
	image                         Ptr
	term, channels, pitch, column int64
}

type abiParameter struct {
	data, grad, moment1, moment2 Ptr
	length                       int64
	decay, bias1, bias2          float64
}

// Bytes of what the kernels keep a channel.
const (
	affineBytes = 16 // struct Affine, struct Slope
	sumBytes    = 16 // float4 of struct Sums, double2 of struct Statistics
	normBytes   = Ptr(unsafe.Sizeof(abiBatchNorm{}))
	nodeBytes   = int64((unsafe.Sizeof(abiNode{}) + 255) &^ 255) // where what follows a node in a buffer begins
)

// table is an array of structures for the device, built for the address at which it will lie.
type table struct {
	base  Ptr
	bytes []byte
}

// put appends values and returns the address that they will have.
func put[T any](t *table, values ...T) Ptr {
	if len(values) == 0 {
		return 0
	}
	at := t.base + Ptr(len(t.bytes))
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
