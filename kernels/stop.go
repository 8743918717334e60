package kernels

// Stopper is an Exec whose passes can be stopped.
type Stopper interface {
	// StopWith makes Forward, Backward, SampleGradients, NodeGradient and NodeProducts call stop before each step of the
	// Program. They return its error. What they would have written is then undefined; parameters are unchanged. nil: they run to their end.
	StopWith(stop func() error)
}

// StopWith makes the passes of e stop between two steps if stop returns an error. On a device whose Execs are no Stoppers
// they run to their end.
func StopWith(e Exec, stop func() error) {
	if s, ok := Unwrap(e).(Stopper); ok {
		s.StopWith(stop)
	}
}
