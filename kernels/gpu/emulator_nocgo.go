//go:build !cgo || !linux

package gpu

import "bnas/kernels/gpu/machine"

func emulated() machine.Kernels { return machine.Kernels{} }
