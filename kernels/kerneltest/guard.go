package kerneltest

import (
	"fmt"
	"math"
)

// A device gets its outputs poisoned with NaN and between two guard zones. The suite then sees an element that the
// device does not write, and a write outside of the output.

const guardZone = 64

var (
	guard32 = math.Float32frombits(0x7fc0dead)
	guard64 = math.Float64frombits(0x7ff80000deadbeef)
)

const guardInt = int64(-0x7eadbeefdeadbeef)

// output is a poisoned slice with guards.
type output[T float32 | float64 | int64] struct {
	all  []T
	want T
	bits func(T) uint64
}

func outputFloat32(n int) *output[float32] {
	return newOutput(n, guard32, func(v float32) uint64 { return uint64(math.Float32bits(v)) })
}

func outputFloat64(n int) *output[float64] { return newOutput(n, guard64, math.Float64bits) }

func outputInt64(n int) *output[int64] {
	return newOutput(n, guardInt, func(v int64) uint64 { return uint64(v) })
}

func newOutput[T float32 | float64 | int64](n int, guard T, bits func(T) uint64) *output[T] {
	o := &output[T]{all: make([]T, n+2*guardZone), want: guard, bits: bits}
	for i := range o.all {
		o.all[i] = guard
	}
	return o
}

// slice returns the part that the device may write, without further capacity.
func (o *output[T]) slice() []T {
	return o.all[guardZone : len(o.all)-guardZone : len(o.all)-guardZone]
}

// take returns the contents in float64. It returns an error if a guard zone was written to, or if an element was not
// written or is not finite.
func (o *output[T]) take() ([]float64, error) {
	body := o.slice()
	for i := range guardZone {
		for _, at := range []int{-1 - i, len(body) + i} {
			if o.bits(o.all[guardZone+at]) != o.bits(o.want) {
				return nil, fmt.Errorf("wrote element %d of %d", at, len(body))
			}
		}
	}
	wide := make([]float64, len(body))
	for i, v := range body {
		wide[i] = float64(v)
		switch {
		case o.bits(v) == o.bits(o.want):
			return nil, fmt.Errorf("left out element %d of %d", i, len(body))
		case math.IsNaN(wide[i]) || math.IsInf(wide[i], 0):
			return nil, fmt.Errorf("element %d of %d is %v", i, len(body), v)
		}
	}
	return wide, nil
}

// untouched returns an error if an element or a guard zone was written to.
func (o *output[T]) untouched() error {
	for i, v := range o.all {
		if o.bits(v) != o.bits(o.want) {
			return fmt.Errorf("wrote element %d of %d", i-guardZone, len(o.slice()))
		}
	}
	return nil
}
