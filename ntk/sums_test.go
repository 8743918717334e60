package ntk

import (
	"errors"
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"

	"gonum.org/v1/gonum/mat"
)

// forming is the reference as a device that forms tangent kernels, all of zeros.
type forming struct{ kernels.Device }

func (d forming) Compile(p *kernels.Program, s kernels.Store, n int) (kernels.Exec, error) {
	e, err := d.Device.Compile(p, s, n)
	return &formingExec{Exec: e}, err
}

type formingExec struct {
	kernels.Exec
	n int
}

func (e *formingExec) Forward(images []float32, rows int) error {
	e.n = len(images) / e.Program().Values[kernels.Images].Len()
	return e.Exec.Forward(images, rows)
}

func (e *formingExec) Tangents(t kernels.Tangents) (sums kernels.TangentSums, err error) {
	for range t.Factors {
		sums.Kernels = append(sums.Kernels, make([]float64, e.n*e.n))
	}
	sums.Columns = make([]float32, len(t.Directions)*e.n*len(t.Columns))
	return sums, nil
}

func (e *formingExec) NodeGram([]float64, kernels.NodeID, []float32, kernels.NodeID) error {
	return nil
}

// A number of images that is not that of the last Forward is an error on every device.
func TestSumsOfOtherImages(t *testing.T) {
	p, host := few(t, 3)
	dev := kernels.Guard("forming", forming{ref.New()})
	defer dev.Close()
	store, err := dev.NewStore(p.now.Params())
	if err != nil {
		t.Fatal(err)
	}
	device, err := dev.Compile(p.program, store, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := device.Forward(p.images, 3); err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]kernels.Exec{"host": host, "device": device} {
		for n, fails := range map[int]bool{2: true, 3: false, 4: true} {
			if k, err := Trace(e, n); (err != nil) != fails || !fails && k.SymmetricDim() != n {
				t.Errorf("%s, kernel of %d of 3 images: error %v", name, n, err)
			}
		}
	}
}

// The kernel of batches has the blocks of the kernel of all images, the last one of fewer images, and nothing between them.
func TestSumDirectionsOfBatches(t *testing.T) {
	const n, batch = 5, 2
	p, e := few(t, n)
	classes := p.program.Classes()
	directions, columns := [][]float32{unit(classes, 1), unit(classes, 0)}, []int{3, 0, 3}
	sums, err := SumDirections(e, n, directions, columns, nil, Wanted{}, Wanted{Batch: batch})
	if err != nil {
		t.Fatal(err)
	}
	want := mat.NewSymDense(n, nil)
	for i := range n {
		for k := i; k < n; k++ {
			if i/batch == k/batch {
				want.SetSym(i, k, sums.Kernels[0].At(i, k))
			}
		}
	}
	if !mat.Equal(sums.Kernels[1], want) {
		t.Errorf("kernel of batches %v, want %v", mat.Formatted(sums.Kernels[1]), mat.Formatted(want))
	}
	j := make([]float32, n*p.program.BNParams())
	for d, v := range directions {
		if err := Jacobian(j, e, n, v); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			for k, c := range columns {
				if got, want := sums.Columns[(d*n+i)*len(columns)+k], j[i*p.program.BNParams()+c]; got != want {
					t.Errorf("direction %d, image %d, column %d: %v, want %v", d, i, c, got, want)
				}
			}
		}
	}
	stopped := errors.New("stopped")
	if _, err := SumDirections(e, n, directions, nil, func() error { return stopped }, Wanted{}); !errors.Is(err, stopped) {
		t.Errorf("error %v, want %v", err, stopped)
	}
}
