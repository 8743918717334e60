package cuda

import (
	"slices"
	"testing"

	"bnas.example/internal/gpusim/fake"
	"bnas.example/kernels"
	"bnas.example/supernet"
)

// γ and β of a path are read with one copy, and written with one.
func TestSpansOfPath(t *testing.T) {
	net, err := supernet.New(supernet.Config{Space: "nas-bench-201", BN: supernet.Fair, Channels: 4, Cells: 2})
	if err != nil {
		t.Fatal(err)
	}
	program, err := net.Program(supernet.Arch{4, 0, 3, 1, 4, 3})
	if err != nil {
		t.Fatal(err)
	}
	f := fake.New(nil)
	d, err := New(f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.NewStore(net.Params())
	if err != nil {
		t.Fatal(err)
	}
	// Every element has a number of its own.
	var all []kernels.ParamID
	var numbers []float32
	for id, p := range net.Params() {
		all = append(all, kernels.ParamID(id))
		for range p.Len() {
			numbers = append(numbers, float32(len(numbers)))
		}
	}
	ids := program.Affine()
	slices.Reverse(ids)
	got, again := make([]float32, program.BNParams()), make([]float32, len(numbers))
	for _, test := range []struct {
		name    string
		call    func() error
		in, out int // copies
	}{
		{"write of the path", func() error { return s.Write(kernels.Moment1, make([]float32, len(got)), ids...) }, 1, 0},
		{"write of all", func() error { return s.Write(kernels.Moment1, numbers, all...) }, 2, 0},
		{"read of the path", func() error { return s.Read(kernels.Moment1, got, ids...) }, 0, 1},
		{"write of the path again", func() error { return s.Write(kernels.Moment1, got, ids...) }, 1, 0},
		{"read of all", func() error { return s.Read(kernels.Moment1, again, all...) }, 0, 2},
	} {
		before := len(f.Calls)
		if err := test.call(); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		in, out := 0, 0
		for _, call := range f.Calls[before:] {
			switch call {
			case "CopyIn":
				in++
			case "CopyOut":
				out++
			}
		}
		if in != test.in || out != test.out {
			t.Errorf("%s: %d copies in and %d out, want %d and %d", test.name, in, out, test.in, test.out)
		}
	}
	if !slices.Equal(again, numbers) {
		t.Error("a write of the path changed other parameters")
	}
	at := 0
	for _, id := range ids {
		for k := range net.Params()[id].Len() {
			if want := first(net.Params(), id) + k; got[at] != float32(want) {
				t.Fatalf("parameter %d: element %d is %v, want %d", id, k, got[at], want)
			}
			at++
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	check(t, f)
}

// first is the number of elements before a parameter.
func first(params []kernels.Param, id kernels.ParamID) int {
	n := 0
	for _, p := range params[:id] {
		n += p.Len()
	}
	return n
}
