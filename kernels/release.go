package kernels

import "errors"

// Releaser is an Exec that holds memory of its device.
type Releaser interface {
	// Release gives it back. No call follows.
	Release()
}

// Release gives back what e holds on its device, and ends its use: further calls return an error. Without it, a device has that
// memory back some time after e is gone. A training step that draws a new path uses the memory of the last.
func Release(e Exec) {
	g, ok := e.(*guardedExec)
	if !ok || g.released || g.guard.closed {
		return
	}
	g.released, g.n = true, 0
	if r, ok := g.exec.(Releaser); ok {
		r.Release()
	}
}

var errReleased = errors.New("the Exec is released")

// gone returns an error if the device is closed or the Exec is released.
func (e *guardedExec) gone() error {
	switch {
	case e.guard.closed:
		return errClosed
	case e.released:
		return errReleased
	}
	return nil
}
