package ptx

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// loadModule parses a text of testdata.
func loadModule(t testing.TB, name string) *Module {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// put makes an allocation that holds values.
func put[T any](t testing.TB, m *Machine, name string, values []T) uint64 {
	t.Helper()
	at, err := m.Alloc(binary.Size(values), name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Memory(at, binary.Size(values))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := binary.Encode(b, binary.LittleEndian, values); err != nil {
		t.Fatal(err)
	}
	return at
}

// get reads n values.
func get[T any](t testing.TB, m *Machine, at uint64, n int) []T {
	t.Helper()
	values := make([]T, n)
	b, err := m.Memory(at, binary.Size(values))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := binary.Decode(b, binary.LittleEndian, values); err != nil {
		t.Fatal(err)
	}
	return values
}

func launchOK(t testing.TB, m *Machine, k *Kernel, grid, block [3]int, shared int, args ...uint64) Counts {
	t.Helper()
	c, err := m.Launch(k, grid, block, shared, args)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wave is n numbers between −scale and scale.
func wave(n int, scale float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(scale * math.Sin(float64(i*i)+0.5))
	}
	return x
}

func x(n int) [3]int { return [3]int{n, 1, 1} }
