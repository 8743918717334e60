package kernels

func (e *guardedExec) SampleGradients(dst []float32) error {
	err := e.ready()
	if err == nil {
		err = checkLength("gradients", len(dst), e.n*e.p.BNParams())
	}
	if err == nil {
		err = e.needsGradient()
	}
	if err == nil {
		err = e.exec.SampleGradients(dst)
	}
	return e.wrap("SampleGradients", err)
}

func (e *guardedExec) NodeGradient(dst []float32, to NodeID, seed []float32, from NodeID) error {
	err := e.checkSeed(to, seed, from)
	if err == nil {
		err = checkLength("gradient", len(dst), e.n*e.p.Nodes[to].Len())
	}
	if err == nil {
		err = e.exec.NodeGradient(dst, to, seed, from)
	}
	return e.wrap("NodeGradient", err)
}

func (e *guardedExec) NodeProducts(dst []float64, to NodeID, seed []float32, from NodeID) error {
	err := e.checkSeed(to, seed, from)
	if err == nil {
		var size int
		if size, err = e.p.NodeProducts(to, from); err == nil {
			err = checkLength("products", len(dst), size)
		}
	}
	if err == nil {
		err = e.exec.NodeProducts(dst, to, seed, from)
	}
	return e.wrap("NodeProducts", err)
}

func (e *guardedExec) checkSeed(to NodeID, seed []float32, from NodeID) error {
	if err := e.ready(); err != nil {
		return err
	}
	if err := e.p.requireNodes(to, from); err != nil {
		return err
	}
	return checkLength("seed", len(seed), e.n*e.p.Nodes[from].Len())
}

// tap returns the shape at a Tap. It returns an error if there is no Forward or no such Tap.
func (e *guardedExec) tap(t Tap) (Shape, error) {
	if err := e.ready(); err != nil {
		return Shape{}, err
	}
	return e.p.TapShape(t)
}

func (e *guardedExec) Covariance(t Tap, mean, cov []float64) error {
	s, err := e.tap(t)
	if err == nil {
		err = checkLength("means", len(mean), s.C)
	}
	if err == nil {
		err = checkLength("covariances", len(cov), s.C*s.C)
	}
	if err == nil {
		err = e.exec.Covariance(t, mean, cov)
	}
	return e.wrap("Covariance", err)
}

func (e *guardedExec) SpatialMean(t Tap, dst []float64) error {
	s, err := e.tap(t)
	if err == nil {
		err = checkLength("means", len(dst), e.n*s.C)
	}
	if err == nil {
		err = e.exec.SpatialMean(t, dst)
	}
	return e.wrap("SpatialMean", err)
}

func (e *guardedExec) Read(t Tap, dst []float32) error {
	s, err := e.tap(t)
	if err == nil {
		err = checkLength("destination", len(dst), e.n*s.Len())
	}
	if err == nil {
		err = e.exec.Read(t, dst)
	}
	return e.wrap("Read", err)
}

func (e *guardedExec) CodeGram(dst []int64) (units int64, err error) {
	err = e.ready()
	if err == nil {
		err = checkLength("kernel", len(dst), e.n*e.n)
	}
	if err == nil {
		units, err = e.exec.CodeGram(dst)
	}
	return units, e.wrap("CodeGram", err)
}

func (e *guardedExec) FiringRate(dst []float64) error {
	err := e.ready()
	if err == nil {
		err = checkLength("rates", len(dst), e.p.RectifiedChannels())
	}
	if err == nil {
		err = e.exec.FiringRate(dst)
	}
	return e.wrap("FiringRate", err)
}
