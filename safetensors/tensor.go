// Package safetensors reads and writes the safetensors format of Hugging Face: named arrays in one file. Frameworks load
// it without running code from the file.
//
//	8 bytes   length of the header, little-endian
//	header    JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …, "__metadata__": {…}}, padded with spaces
//	data      the arrays, little-endian, row-major, without gaps; offsets count from here
package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// DType is an element type by its name in the format.
type DType string

// Tensor converts these element types to slices. A file may have others.
const (
	F32 DType = "F32"
	F64 DType = "F64"
	I64 DType = "I64"
	U8  DType = "U8"
)

// elementSizes holds the size in bytes of every fixed-size type of the format.
var elementSizes = map[DType]int{
	"BOOL": 1, U8: 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1,
	"U16": 2, "I16": 2, "F16": 2, "BF16": 2,
	"U32": 4, "I32": 4, F32: 4,
	"U64": 8, I64: 8, F64: 8,
}

// Tensor is one named array. A Tensor with an empty Shape is a single number.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
	Data  []byte
}

// Float32 makes an F32 tensor from a copy of v.
func Float32(name string, shape []int, v []float32) Tensor {
	t := Tensor{Name: name, DType: F32, Shape: slices.Clone(shape), Data: make([]byte, 0, 4*len(v))}
	for _, x := range v {
		t.Data = binary.LittleEndian.AppendUint32(t.Data, math.Float32bits(x))
	}
	return t
}

// Float64 makes an F64 tensor from a copy of v.
func Float64(name string, shape []int, v []float64) Tensor {
	t := Tensor{Name: name, DType: F64, Shape: slices.Clone(shape), Data: make([]byte, 0, 8*len(v))}
	for _, x := range v {
		t.Data = binary.LittleEndian.AppendUint64(t.Data, math.Float64bits(x))
	}
	return t
}

// Int64 makes an I64 tensor from a copy of v.
func Int64(name string, shape []int, v []int64) Tensor {
	t := Tensor{Name: name, DType: I64, Shape: slices.Clone(shape), Data: make([]byte, 0, 8*len(v))}
	for _, x := range v {
		t.Data = binary.LittleEndian.AppendUint64(t.Data, uint64(x))
	}
	return t
}

// Bytes makes a U8 tensor from a copy of v.
func Bytes(name string, shape []int, v []byte) Tensor {
	return Tensor{Name: name, DType: U8, Shape: slices.Clone(shape), Data: slices.Clone(v)}
}

// Float32s returns the elements of an F32 tensor.
func (t Tensor) Float32s() ([]float32, error) {
	return elements(t, F32, 4, func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) })
}

// Float64s returns the elements of an F64 tensor.
func (t Tensor) Float64s() ([]float64, error) {
	return elements(t, F64, 8, func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) })
}

// Int64s returns the elements of an I64 tensor.
func (t Tensor) Int64s() ([]int64, error) {
	return elements(t, I64, 8, func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) })
}

func elements[T any](t Tensor, want DType, size int, decode func([]byte) T) ([]T, error) {
	if t.DType != want {
		return nil, fmt.Errorf("safetensors: %s: holds %s, not %s", t.Name, t.DType, want)
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	v := make([]T, len(t.Data)/size)
	for i := range v {
		v[i] = decode(t.Data[i*size:])
	}
	return v, nil
}

// check returns an error if name, type, shape and data are inconsistent.
func (t Tensor) check() error {
	size, err := t.size()
	if err != nil {
		return fmt.Errorf("safetensors: %s: %w", t.Name, err)
	}
	if size != len(t.Data) {
		return fmt.Errorf("safetensors: %s: %d bytes of data, but %s of shape %v takes %d", t.Name, len(t.Data), t.DType, t.Shape, size)
	}
	return nil
}

// size returns the size of the data by type and shape, in bytes.
func (t Tensor) size() (int, error) {
	n, ok := elementSizes[t.DType]
	if !ok {
		return 0, fmt.Errorf("unknown dtype %q", t.DType)
	}
	for _, d := range t.Shape {
		if d < 0 {
			return 0, fmt.Errorf("negative size in shape %v", t.Shape)
		}
		if d > 0 && n > math.MaxInt/d {
			return 0, fmt.Errorf("shape %v overflows", t.Shape)
		}
		n *= d
	}
	return n, nil
}
