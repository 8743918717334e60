//go:build !cgo || !linux || !gpusim

package gpu

import "bnas.example/internal/gpusim/machine"

func emulated() machine.Kernels { return machine.Kernels{} }
