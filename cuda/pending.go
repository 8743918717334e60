package cuda

import (
	"bnas/kernels"
)

type EmulatorOptions struct{ Threads int }

func NewEmulated(o EmulatorOptions) (Driver, error) { return nil, kernels.ErrUnsupported }
