// Package tensors copies arrays of bnas to gorgonia.org/tensor, for programs that compute with Gorgonia. The command bnas
// does not import it, because gorgonia.org/tensor with its imports is a quarter of a build.
package tensors

import (
	"fmt"

	"bnas.example/data"
	"bnas.example/kernels"

	"gonum.org/v1/gonum/mat"
	"gorgonia.org/tensor"
)

// Images returns the images of a batch, N×C×H×W float32. The tensor shares the memory of the batch.
func Images(b data.Batch) *tensor.Dense {
	return tensor.New(tensor.WithShape(len(b.Labels), b.Channels, b.Height, b.Width), tensor.WithBacking(b.Images))
}

// Matrix returns a copy of a matrix, for example of a kernel of package ntk, as float64.
func Matrix(m mat.Matrix) *tensor.Dense {
	rows, columns := m.Dims()
	elements := make([]float64, 0, rows*columns)
	for i := range rows {
		for k := range columns {
			elements = append(elements, m.At(i, k))
		}
	}
	return tensor.New(tensor.WithShape(rows, columns), tensor.WithBacking(elements))
}

// Parameter returns a copy of a slot of a parameter, in the parameter's shape, as float32.
func Parameter(s kernels.Store, id kernels.ParamID, slot kernels.Slot) (*tensor.Dense, error) {
	params := s.Params()
	if id < 0 || int(id) >= len(params) {
		return nil, fmt.Errorf("tensors: no parameter %d", id)
	}
	elements := make([]float32, params[id].Len())
	if err := s.Read(slot, elements, id); err != nil {
		return nil, fmt.Errorf("tensors: %w", err)
	}
	return tensor.New(tensor.WithShape(params[id].Shape...), tensor.WithBacking(elements)), nil
}
