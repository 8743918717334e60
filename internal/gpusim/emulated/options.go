// Package emulated is the emulated GPU as a driver: the kernels of kernels/gpu, compiled by the host's C++ compiler, run
// on a machine of package machine. Without the build tag gpusim, New returns an error.
package emulated

import "bnas.example/internal/gpusim/machine"

// Options are the threads, checks, order and memory of the emulated GPU.
type Options = machine.Options
