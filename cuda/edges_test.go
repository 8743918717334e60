//go:build cgo && linux && gpusim

package cuda_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"bnas.example/cuda"
	"bnas.example/internal/gpusim/emulated"
	"bnas.example/kernels"
)

// pixel is a classifier of one pixel of 3 channels, without a BatchNorm.
func pixel() (*kernels.Program, []kernels.Param) {
	p := &kernels.Program{
		Name:   "pixel",
		Values: []kernels.Value{{Name: "images", Shape: kernels.Shape{C: 3, H: 1, W: 1}}, {Name: "logits", Shape: kernels.Shape{C: 4, H: 1, W: 1}}},
		Nodes:  []kernels.Node{{Shape: kernels.Shape{C: 3, H: 1, W: 1}, Terms: []kernels.Term{{Value: kernels.Images, BN: kernels.NoBN}}}},
		Steps:  []kernels.Step{{Name: "linear", Op: kernels.OpLinear, In: []kernels.NodeID{0}, Out: 1, Weight: 0, Bias: kernels.NoParam}},
	}
	return p, []kernels.Param{{Name: "weight", Kind: kernels.LinearWeight, Shape: []int{4, 3}}}
}

// pixelStore is the network of pixel on a device that checks what it does, which is closed at the end.
func pixelStore(t *testing.T) (kernels.Device, *kernels.Program, kernels.Store) {
	t.Helper()
	d, err := onEmulator(emulated.Options{Check: true}, cuda.Options{})(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	p, params := pixel()
	s, err := d.NewStore(params)
	if err != nil {
		t.Fatal(err)
	}
	return d, p, s
}

// Parameters that were never written are zeros, also where no BatchNorm has asked for their memory.
func TestUnwrittenClassifier(t *testing.T) {
	d, p, s := pixelStore(t)
	e, err := d.Compile(p, s, 2)
	if err != nil {
		t.Fatal(err)
	}
	logits := []float32{1, 1, 1, 1, 1, 1, 1, 1}
	if err := errors.Join(e.Forward([]float32{1, 2, 3, 4, 5, 6}, 2), e.Logits(logits)); err != nil {
		t.Fatal(err)
	}
	for i, y := range logits {
		if y != 0 || math.Signbit(float64(y)) {
			t.Errorf("logit %d is %v", i, y)
		}
	}
}

// A borrowed store can be borrowed on.
func TestBorrowTwice(t *testing.T) {
	d, p, s := pixelStore(t)
	if err := s.Write(kernels.Data, []float32{1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1}, 0); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var err error
		if d, err = kernels.Beside(d, 1); err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if s, err = kernels.Borrow(d, s); err != nil {
			t.Fatal(err)
		}
	}
	e, err := d.Compile(p, s, 1)
	if err != nil {
		t.Fatal(err)
	}
	logits := make([]float32, 4)
	if err := errors.Join(e.Forward([]float32{1, 2, 3}, 1), e.Logits(logits)); err != nil {
		t.Fatal(err)
	}
	if want := []float32{1, 2, 3, 6}; !slices.Equal(logits, want) {
		t.Errorf("logits %v, want %v", logits, want)
	}
}

// Maps whose pixels, or whose images, are more than the kernels count with 32 bits are refused before anything is made.
func TestUncountableMaps(t *testing.T) {
	for _, c := range []struct {
		shape   kernels.Shape
		n       int
		refused bool
	}{
		{kernels.Shape{C: 8, H: 224, W: 224}, 1024, false},
		{kernels.Shape{C: 8, H: 1024, W: 1024}, 2048, true},
		{kernels.Shape{C: 512, H: 2048, W: 2048}, 1, true},
	} {
		driver, err := emulated.New(emulated.Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		d, err := cuda.New(driver, cuda.Options{MemoryLimit: 1 << 60})
		if err != nil {
			t.Fatal(err)
		}
		p, params := pixel()
		one := kernels.Shape{C: c.shape.C, H: 1, W: 1}
		p.Values = []kernels.Value{{Name: "images", Shape: c.shape}, {Name: "mean", Shape: one}, {Name: "logits", Shape: kernels.Shape{C: 4, H: 1, W: 1}}}
		p.Nodes = append([]kernels.Node{{Shape: c.shape, Terms: p.Nodes[0].Terms}}, kernels.Node{Shape: one, Terms: []kernels.Term{{Value: 1, BN: kernels.NoBN}}})
		p.Steps[0].In[0], p.Steps[0].Out = 1, 2
		p.Steps = append([]kernels.Step{{Name: "mean", Op: kernels.OpGlobalAvg, In: []kernels.NodeID{0}, Out: 1}}, p.Steps...)
		params[0].Shape[1] = c.shape.C
		s, err := d.NewStore(params)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Compile(p, s, c.n); errors.Is(err, kernels.ErrUnsupported) != c.refused || err != nil && !c.refused {
			t.Errorf("%v of %d images: %v", c.shape, c.n, err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}
