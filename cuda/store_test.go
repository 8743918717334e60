//go:build cgo && linux && gpusim

package cuda_test

import (
	"math"
	"testing"

	"bnas.example/cuda"
	"bnas.example/internal/gpusim/emulated"
	"bnas.example/kernels"
	"bnas.example/kernels/hoststore"
	"bnas.example/supernet"
)

// A supernet's weights that are drawn on the device are those of the host.
func TestFillNormal(t *testing.T) {
	net, err := supernet.New(supernet.Config{Space: "nas-bench-201", BN: supernet.Fair, Channels: 4, Cells: 1})
	if err != nil {
		t.Fatal(err)
	}
	d, err := onEmulator(emulated.Options{Check: true}, cuda.Options{})(1)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	got, err := d.NewStore(net.Params())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := got.(kernels.NormalFiller); !ok {
		t.Fatal("the store does not draw")
	}
	want := hoststore.New(net.Params())
	for _, s := range []kernels.Store{got, want} {
		if err := net.Fill(s); err != nil {
			t.Fatal(err)
		}
	}
	numbers, differ := 0, 0
	for id, p := range net.Params() {
		g, w := make([]float32, p.Len()), make([]float32, p.Len())
		if err := got.Read(kernels.Data, g, kernels.ParamID(id)); err != nil {
			t.Fatal(err)
		}
		if err := want.Read(kernels.Data, w, kernels.ParamID(id)); err != nil {
			t.Fatal(err)
		}
		for i := range w {
			numbers++
			if g[i] == w[i] {
				continue
			}
			differ++
			if !(math.Abs(float64(g[i]-w[i])) <= math.Abs(float64(w[i]))*0x1p-23) {
				t.Fatalf("%s: element %d is %v, want %v", p.Name, i, g[i], w[i])
			}
		}
	}
	if differ > numbers/10000 {
		t.Errorf("%d of %d numbers differ by an ulp", differ, numbers)
	}
}
