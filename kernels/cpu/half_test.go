//go:build cgo

package cpu_test

import (
	"math"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/cpu"
	"bnas.example/kernels/ref"
)

// stored compiles a network that stores its images as a value: the second of its values.
func stored(t *testing.T, n cpu.Numerics, s kernels.Shape, batch int) kernels.Exec {
	t.Helper()
	one := kernels.Shape{C: s.C, H: 1, W: 1}
	bare := func(name string, v kernels.ValueID, s kernels.Shape) kernels.Node {
		return kernels.Node{Name: name, Shape: s, Terms: []kernels.Term{{Value: v, BN: kernels.NoBN}}}
	}
	p := &kernels.Program{
		Name:   "stored",
		Values: []kernels.Value{{Name: "images", Shape: s}, {Name: "copy", Shape: s}, {Name: "mean", Shape: one}, {Name: "logits", Shape: kernels.Shape{C: 2, H: 1, W: 1}}},
		Nodes:  []kernels.Node{bare("input", 0, s), bare("copied", 1, s), bare("features", 2, one)},
		Steps: []kernels.Step{
			{Name: "copy", Op: kernels.OpSum, In: []kernels.NodeID{0}, Out: 1},
			{Name: "mean", Op: kernels.OpGlobalAvg, In: []kernels.NodeID{1}, Out: 2},
			{Name: "classifier", Op: kernels.OpLinear, In: []kernels.NodeID{2}, Weight: 0, Bias: kernels.NoParam, Out: 3},
		},
	}
	d, err := cpu.New(2, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	store, err := d.NewStore([]kernels.Param{{Name: "classifier.weight", Kind: kernels.LinearWeight, Shape: []int{2, s.C}}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := d.Compile(p, store, batch)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestHalf: every number of 16 bits is stored as it is. The numbers in the middle of two, and those beside the middle, are rounded
// to the nearest, ties to even.
func TestHalf(t *testing.T) {
	s := kernels.Shape{C: 16, H: 64, W: 64}
	var images []float32
	for _, middle := range []bool{false, true} {
		for beside := -1; beside <= 1; beside++ {
			for bits := range s.Len() {
				images = append(images, halfNumber(bits, middle, beside))
			}
		}
	}
	everyISA(t, func(t *testing.T, _ bool) {
		e := stored(t, cpu.Fast, s, len(images)/s.Len())
		if err := e.Forward(images, len(images)/s.Len()); err != nil {
			t.Fatal(err)
		}
		got := make([]float32, len(images))
		if err := e.Read(kernels.ValueTap(1), got); err != nil {
			t.Fatal(err)
		}
		for i, x := range images {
			if want := float32(ref.Half.Round(float64(x))); got[i] != want {
				t.Fatalf("%g is stored as %g, must be %g", x, got[i], want)
			}
		}
	})
}

// halfNumber returns the number of 16 bits, or the middle between it and the next further from zero, or the float beside that. It
// returns 0 for what is not finite.
func halfNumber(bits int, middle bool, beside int) float32 {
	exponent, fraction := bits>>10&31, float64(bits&1023)
	if exponent == 31 || bits&0x7fff == 0x7bff && middle && beside >= 0 {
		return 0
	}
	if middle {
		fraction += 0.5
	}
	if exponent > 0 {
		fraction += 1024
	}
	x := math.Float32frombits(math.Float32bits(float32(math.Ldexp(fraction, max(exponent, 1)-25))) + uint32(beside))
	if fraction == 0 && beside < 0 {
		x = 0
	}
	if bits>>15 == 1 {
		return -x
	}
	return x
}

// TestUnits: a block of an image whose largest number is infinite in 16 bits, or close to subnormal numbers, is stored in a unit that
// brings it to 2¹⁴ … 2¹⁵. All other blocks are stored as they are, in the same batch too.
func TestUnits(t *testing.T) {
	s := kernels.Shape{C: 20, H: 5, W: 3}
	scales := []float64{1, 1e-9, 3e6, 1e38, 1e-37, 0, 1}
	ends := []float64{65519, 65520, -65520, 0x1.01p-8, 0x1p-8, -0x1p-8, 0x1.ffp-9, math.MaxFloat32, math.Inf(-1), math.SmallestNonzeroFloat32}
	n, block := len(scales)+len(ends), 16*s.H*s.W
	images := make([]float32, n*s.Len())
	for i := range images {
		image, at := i/s.Len(), i%s.Len()
		switch x := math.Sin(float64(i)); {
		case at >= block: // the second block of channels
			images[i] = float32(x)
		case image < len(scales):
			images[i] = float32(scales[image] * x)
		case at == block-1:
			images[i] = float32(ends[image-len(scales)])
		}
	}
	everyISA(t, func(t *testing.T, _ bool) {
		e := stored(t, cpu.Fast, s, n)
		if err := e.Forward(images, n); err != nil {
			t.Fatal(err)
		}
		got := make([]float32, len(images))
		if err := e.Read(kernels.ValueTap(1), got); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(images); i += s.Len() {
			for _, r := range [][2]int{{i, i + block}, {i + block, i + s.Len()}} {
				checkUnit(t, got[r[0]:r[1]], images[r[0]:r[1]])
			}
		}
	})
}

// checkUnit compares the numbers of a block with what must be stored.
func checkUnit(t *testing.T, got, block []float32) {
	largest := 0.0
	for _, x := range block {
		largest = max(largest, math.Abs(float64(x)))
	}
	unit := 1.0
	if largest >= 65520 || largest > 0 && largest <= 0x1p-8 {
		_, exponent := math.Frexp(largest)
		unit = math.Ldexp(1, max(exponent-15, -126))
	}
	for i, x := range block {
		want := x
		if !math.IsInf(largest, 0) {
			want = float32(ref.Half.Round(float64(x)/unit) * unit)
		}
		if got[i] != want {
			t.Fatalf("%g, in a block up to %g, is stored as %g, must be %g", x, largest, got[i], want)
		}
	}
}
