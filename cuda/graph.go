package cuda

// graphKey names a sequence of launches of an Exec that is the same each time.
type graphKey struct {
	kind          string
	n, rows       int
	hold, weights bool
}

// graphUse counts how often a sequence was launched, and holds it once it is recorded.
type graphUse struct {
	times int
	graph Graph
}

// run launches a sequence: one by one the first time, so that a path that is drawn once costs no recording; from the
// second time on as one graph.
func (e *exec) run(key graphKey, ops func() []op) error {
	if e.d.options.NoGraphs {
		return e.d.queue(ops())
	}
	u := e.graphs[key]
	if u == nil {
		u = &graphUse{}
		e.graphs[key] = u
	}
	u.times++
	if u.times == 1 {
		return e.d.queue(ops())
	}
	if u.graph == 0 {
		g, err := e.d.driver.Capture(Compute, func() error { return e.d.queue(ops()) })
		if err != nil {
			return err
		}
		u.graph = g
		e.holding.recorded(g)
	}
	return e.d.driver.Replay(Compute, u.graph)
}

// forget drops what was made for addresses that have changed.
func (e *exec) forget() {
	e.holding.release(e.forward.base)
	for _, t := range e.back {
		e.holding.release(t.base)
	}
	clear(e.back)
	clear(e.graphs)
	e.forward = forwardTable{}
}
