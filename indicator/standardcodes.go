package indicator

func (e *evidence) takeStandardCodes() error {
	s := e.inStandard()
	if err := s.takeCodes(); err != nil {
		return ofStandard(err)
	}
	e.standardGram = s.gram
	return nil
}

// nwot is naswot of the untrained standard network, as its authors measure it. Rectifiers on dead ends do not count.
func nwot(e *evidence) float64 { return logDet(e.standardGram, e.cfg.Images) }
