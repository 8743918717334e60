//go:build cgo

package cpu

import (
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
)

// TestSavedBytes: a network whose convolutions have whole blocks of channels saves one float for each element of each value
// but the images, and the arrays of the BatchNorms. Fast numerics save half of a float, and a unit for each block of an image, but
// for values of one pixel.
func TestSavedBytes(t *testing.T) {
	c := kerneltest.Cell(1, kernels.Shape{C: 16, H: 8, W: 8}, 2)
	strict, fast := int64(0), int64(0)
	for _, v := range c.Program.Values[1:] {
		n := 2 * int64((v.C+15)/16*16*v.H*v.W)
		strict += 4 * n
		if fast += 4 * n; v.H*v.W > 1 {
			fast -= 2*n - 4*2*int64((v.C+15)/16)
		}
	}
	for _, b := range c.Program.BNs {
		n := 4 * bnArrays * int64((c.Program.Values[b.Value].C+15)/16*16)
		strict += n
		fast += n
	}
	for numerics, want := range map[Numerics]int64{Strict: strict, Fast: fast} {
		if got := planSaved(c.Program, 2, numerics).savedBytes(2, numerics); got != want {
			t.Errorf("%s: %d bytes, must be %d", numerics, got, want)
		}
	}
}
