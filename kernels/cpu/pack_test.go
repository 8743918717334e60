//go:build cgo

package cpu

import (
	"slices"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/kerneltest"
)

// TestPackLimit: a store without room for its packs makes each again when it is used. It holds one at a time, and the results
// stay the same.
func TestPackLimit(t *testing.T) {
	c := kerneltest.Cell(1, kernels.Shape{C: 16, H: 8, W: 8}, 4)
	run := func(limit int) (logits []float32, held, largest int) {
		d, err := newDevice(2, Strict)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		inner := newStore(c.Params)
		inner.packs.limit = limit
		for id, data := range c.Data {
			if err := inner.Write(kernels.Data, data, kernels.ParamID(id)); err != nil {
				t.Fatal(err)
			}
		}
		e, err := d.Compile(c.Program, inner, c.Batch)
		if err != nil {
			t.Fatal(err)
		}
		logits = make([]float32, c.N*c.Program.Classes())
		for range 2 {
			if err := e.Forward(c.Images, c.N); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Logits(logits); err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, p := range inner.packs.all {
			if w := p.weights.Load(); w != nil {
				sum += len(w.data)
				largest = max(largest, len(w.data))
			}
		}
		if sum != inner.packs.floats {
			t.Errorf("limit %d: %d floats counted, %d held", limit, inner.packs.floats, sum)
		}
		return logits, sum, largest
	}
	want, all, largest := run(packLimit)
	got, held, one := run(1)
	if !slices.Equal(got, want) {
		t.Error("the logits depend on the limit")
	}
	if held != one || held >= all {
		t.Errorf("%d floats held without room, %d in the one pack, %d with room", held, one, all)
	}
	if _, held, _ = run(all - 1); held > all-1 || held < all-largest {
		t.Errorf("%d floats held with room for %d of %d", held, all-1, all)
	}
}
