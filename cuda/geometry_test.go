package cuda

import (
	"errors"
	"strings"
	"testing"

	"bnas.example/internal/gpusim/paper"
	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
)

// A window or a stride that no tile is small enough for is refused when it is compiled, not when it is launched.
func TestWideWindow(t *testing.T) {
	for want, window := range map[string]kernels.Window{
		"bytes of shared memory": {Kernel: 3, Stride: 1, Pad: 31, Dilation: 31},
		"blocks of":              {Kernel: 3, Stride: 16, Pad: 504, Dilation: 1},
	} {
		c := kerneltest.Cell(1, kernels.Shape{C: 16, H: 64, W: 64}, 1)
		for i := range c.Program.Steps {
			if s := &c.Program.Steps[i]; s.Op == kernels.OpConv && s.Kernel == 3 {
				s.Window = window
			}
		}
		b, err := newDevice(paper.New(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		b.properties.SharedMemory = 48 << 10
		d := kernels.Guard("cuda", b)
		defer d.Close()
		s, err := c.NewStore(d)
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Compile(c.Program, s, 1)
		if !errors.Is(err, kernels.ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, must say %q", window, err, want)
		}
	}
}
