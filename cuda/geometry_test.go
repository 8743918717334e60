package cuda

import (
	"errors"
	"strings"
	"testing"

	"bnas/kernels"
	"bnas/kernels/kerneltest"
)

// A window that no tile of is small enough for a block is refused when it is compiled, not when it is launched.
func TestWideWindow(t *testing.T) {
	c := kerneltest.Cell(1, kernels.Shape{C: 16, H: 64, W: 64}, 1)
	for i := range c.Program.Steps {
		s := &c.Program.Steps[i]
		if s.Op != kernels.OpConv || s.Kernel != 3 {
			continue
		}
		s.Window = kernels.Window{Kernel: 3, Stride: 1, Pad: 31, Dilation: 31}
	}
	d, err := New(newPaper(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	d.gpu.SharedMemory = 48 << 10
	s, err := c.NewStore(d)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Compile(c.Program, s, 1)
	if !errors.Is(err, kernels.ErrUnsupported) || !strings.Contains(err.Error(), "bytes of shared memory") {
		t.Errorf("error %v, must say that a block's shared memory is too small", err)
	}
}
