package indicator

import "bnas.example/kernels"

// freezeStandard goes on with the images of the kernels alone in the untrained standard network, and freezes its statistics.
func (e *evidence) freezeStandard() (err error) {
	s := e.inStandard()
	if s.gamma, s.beta, err = readAffine(e.standard.store, kernels.Data, s.program); err != nil {
		return ofStandard(err)
	}
	e.atStart = s
	return ofStandard(s.freeze())
}

func (e *evidence) takeStandardProbes() error { return ofStandard(e.atStart.takeProbes()) }
func (e *evidence) takeStandardInputGradients() error {
	return ofStandard(e.atStart.takeInputGradients())
}
func (e *evidence) takeStandardJacobians() error { return ofStandard(e.atStart.takeDimension()) }

// These four are isometry, isometryEven, jacobianCorr and fisherDim of the untrained standard network: how its training starts. No γ or β
// of the supernet is read, so that they do not depend on its training. Source: those terms.
func standardIsometry(e *evidence) float64     { return isometry(e.atStart) }
func standardIsometryEven(e *evidence) float64 { return isometryEven(e.atStart) }
func standardJacobianCorr(e *evidence) float64 { return jacobianCorr(e.atStart) }
func standardFisherDim(e *evidence) float64    { return fisherDim(e.atStart) }
