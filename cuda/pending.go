package cuda

import (
	"bnas/kernels"
)

type EmulatorOptions struct{ Threads int }

func NewEmulated(o EmulatorOptions) (Driver, error) { return nil, kernels.ErrUnsupported }

func (a *plans) convTiling(s *stepPlan, in, out kernels.Shape, back bool) tiling {
	return tiling{8, 8, 32, 128, 48 << 10}
}
