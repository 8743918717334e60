package interpreted

import (
	"fmt"
	"slices"

	"bnas.example/internal/gpusim/ptx"
	"bnas.example/kernels/gpu"
)

// Kernels returns the kernels of kernels/gpu as NVIDIA's compiler made them: the modules that have one of the names, or all
// modules without names.
func Kernels(names ...string) ([]*ptx.Module, error) {
	list, err := gpu.PTX()
	if err != nil {
		return nil, err
	}
	var modules []*ptx.Module
	for _, m := range list {
		wanted := func(name string) bool { return slices.Contains(names, name) }
		if len(names) > 0 && !slices.ContainsFunc(m.Kernels(), wanted) {
			continue
		}
		parsed, err := ptx.Parse(string(m.Image))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		modules = append(modules, parsed)
	}
	return modules, nil
}
