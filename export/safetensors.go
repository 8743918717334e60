// Package export writes one architecture of a supernet for other programs: its numbers in safetensors, its network in ONNX, or
// as a module of PyTorch. The networks are generated from the architecture's Program, whatever its space.
package export

import (
	"io"
	"maps"

	"bnas.example/safetensors"
	"bnas.example/supernet"
)

// Safetensors writes the state dict of the space's own PyTorch code. running_var is the biased σ², so that PyTorch in
// evaluation mode normalises as bnas does. (PyTorch's own training would have stored σ²·m/(m−1).) The file has the modules
// without a path to the logits too.
func Safetensors(w io.Writer, d *supernet.StateDict, metadata map[string]string) error {
	var tensors []safetensors.Tensor
	for _, m := range d.Modules {
		for _, a := range []supernet.Array{m.Weight, m.Bias, m.Mean, m.Variance} {
			if a.Name != "" {
				tensors = append(tensors, safetensors.Float32(a.Name, a.Shape, a.Values))
			}
		}
		if m.Kind == supernet.BatchNormModule {
			tensors = append(tensors, safetensors.Int64(m.Name+".num_batches_tracked", nil, []int64{0}))
		}
	}
	all := map[string]string{"format": "pt"} // transformers and others ask for it
	maps.Copy(all, metadata)
	return safetensors.Write(w, all, tensors...)
}
