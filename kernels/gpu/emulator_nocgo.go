//go:build !cgo

package gpu

import "bnas/kernels/gpu/machine"

func emulated() machine.Kernels { return machine.Kernels{} }
