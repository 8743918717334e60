package cuda

import (
	"errors"
	"testing"

	"bnas.example/cuda/driver"
	"bnas.example/internal/gpusim/fake"
	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
)

// Images whose memory is given up for a larger batch, for which there is no memory then, are made again of their pixels.
func TestPixelsAreShownAgain(t *testing.T) {
	short, shown := false, 0
	f := fake.New(func(_ int, name string) error {
		if short && name == "Alloc" {
			return driver.ErrOutOfMemory
		}
		return nil
	})
	d, err := New(f, Options{Trace: func(w *Work) {
		if w.Kernel == "augment" {
			shown++
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	c := kerneltest.Cell(1, kernels.Shape{C: 8, H: 16, W: 16}, 4)
	s, err := c.NewStore(d)
	if err != nil {
		t.Fatal(err)
	}
	e, err := d.Compile(c.Program, s, 4)
	if err != nil {
		t.Fatal(err)
	}
	images := c.Program.Values[kernels.Images]
	forward := func(n int) error {
		return kernels.ForwardPixels(e, kernels.Pixels{
			Bytes: make([]byte, n*images.Len()), Views: make([]kernels.PixelView, n), Table: make([]float32, 256*images.C),
		}, n)
	}
	if err := errors.Join(forward(2), forward(2)); err != nil || shown != 1 {
		t.Fatalf("one batch twice: shown %d times, %v", shown, err)
	}
	short = true
	if err := forward(4); !errors.Is(err, driver.ErrOutOfMemory) {
		t.Fatalf("no memory for a larger batch: %v", err)
	}
	short = false
	if err := forward(2); err != nil || shown != 2 {
		t.Errorf("the batch before: shown %d times in all, want 2 (%v)", shown, err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	check(t, f)
}
