//go:build !cgo

package gpu

import "bnas/kernels/gpu/machine"

func compiled() machine.Kernels { return machine.Kernels{} }
