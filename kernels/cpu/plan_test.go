//go:build cgo

package cpu

import (
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
)

// TestSavedBytes: a network whose convolutions have whole blocks of channels saves one float for each element of each value
// but the images, and the arrays of the BatchNorms.
func TestSavedBytes(t *testing.T) {
	c := kerneltest.Cell(1, kernels.Shape{C: 16, H: 8, W: 8}, 2)
	want := int64(0)
	for _, v := range c.Program.Values[1:] {
		want += 2 * int64((v.C+15)/16*16*v.H*v.W)
	}
	for _, b := range c.Program.BNs {
		want += bnArrays * int64((c.Program.Values[b.Value].C+15)/16*16)
	}
	if got := savedBytes(c.Program, 2); got != 4*want {
		t.Errorf("%d bytes, must be %d", got, 4*want)
	}
}
