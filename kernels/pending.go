package kernels

// Pending is a result that a device still has in its queue. A host that asks for it late leaves the device with work meanwhile:
// training reads the loss of a step when the forward pass of the next step is in the queue.
//
// The result is that of the calls before the one that returned the Pending, whatever is called until Wait. It holds memory
// until Wait, which must come before Close of the Device; after it, Wait returns an error unless the result was Ready.
type Pending[T any] struct {
	value T
	err   error
	wait  func() (T, error) // nil: the result is there
}

// Done is the result of a device that computes when it is called.
func Done[T any](value T, err error) *Pending[T] { return &Pending[T]{value: value, err: err} }

// Later is a result for which wait waits. It is called once at most.
func Later[T any](wait func() (T, error)) *Pending[T] { return &Pending[T]{wait: wait} }

// Ready reports whether Wait returns at once.
func (p *Pending[T]) Ready() bool { return p.wait == nil }

// Wait waits for the result and returns it. A second call returns the same.
func (p *Pending[T]) Wait() (T, error) {
	if p.wait != nil {
		wait := p.wait
		p.wait = nil
		p.value, p.err = wait()
	}
	return p.value, p.err
}

// Loss is a result of CrossEntropy.
type Loss struct {
	Mean    float64 // over the images; see Runner.CrossEntropy
	Correct int     // images whose label is the first maximum of their logits
}

// Nothing is the result of a call that fills a slice: Wait fills it.
type Nothing = struct{}
