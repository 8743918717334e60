package onnx

import "testing"

// TestNumbers counts the bytes of the constants: a float32 has four, an int64 eight.
func TestNumbers(t *testing.T) {
	g := Graph{Initializers: []Tensor{{Floats: make([]float32, 3)}, {Ints: make([]int64, 2)}, {}}}
	if got := g.numbers(); got != 3*4+2*8 {
		t.Errorf("%d bytes, want 28", got)
	}
}
