package interpreted

import (
	"fmt"

	_ "embed"

	"bnas.example/internal/gpusim/ptx"
	"bnas.example/kernels/gpu"
)

// compute80 holds the kernels as PTX for compute capability 8.0. tools/kernels writes it.
//
//go:embed compute_80.zip
var compute80 []byte

// Kernels returns the kernels of kernels/gpu as NVIDIA's compiler made them for compute capability 8.0.
func Kernels() ([]*ptx.Module, error) {
	list, err := gpu.Modules("compute_80.zip", compute80)
	if err != nil {
		return nil, err
	}
	var modules []*ptx.Module
	for _, m := range list {
		parsed, err := ptx.Parse(string(m.Image))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		modules = append(modules, parsed)
	}
	return modules, nil
}
