package kernels

import "errors"

// Sider is a Backend that others can compute beside, at the same time. Their results are those of this one, to the bit.
type Sider interface {
	// Beside opens a Backend with a number of threads of its own.
	Beside(threads int) (Backend, error)
	// Twin returns a Store of this Backend, with the Data of a Store of another one beside it. Later changes of the one are not
	// seen in the other. What a Backend makes of frozen weights is in memory once, if it can be.
	Twin(s Store) (Store, error)
	// Share lets s have what the Backend makes of frozen weights of with, which has them in memory once: see the function.
	Share(s, with Store) error
}

// Beside opens a device that computes what d does, on threads or streams of its own. Each of the two may be used from its own goroutine. The error
// wraps [ErrUnsupported] if d has no such devices, as the reference has none.
func Beside(d Device, threads int) (Device, error) {
	g, s, err := siderOf(d, "a second device beside it")
	if err != nil {
		return nil, err
	}
	b, err := s.Beside(threads)
	if err != nil {
		return nil, err
	}
	return Guard(g.name, b), nil
}

// Twin returns a Store of d with the Data of s, a Store of a device beside it that nothing uses in the meantime. After that, each
// may be used from its own goroutine. What the CPU engine makes of frozen weights is in memory once, as long as nobody writes them.
func Twin(d Device, s Store) (Store, error) {
	const call = "twin of a store"
	g, sider, err := siderOf(d, call)
	if err != nil {
		return nil, err
	}
	own, err := g.storeBeside(call, s)
	if err != nil {
		return nil, err
	}
	twin, err := sider.Twin(own.store)
	if err != nil {
		return nil, g.wrap(call, err)
	}
	return g.guardedStore(own.params, twin), nil
}

// Share lets s have what the back end makes of the frozen weights of with, a Store of d or of a device beside it that nothing uses in the
// meantime: of those that have the same name, shape and Data in both. Later changes of the one are not seen in the other. A device that
// has none beside it does nothing.
func Share(d Device, s, with Store) error {
	const call = "sharing of weights"
	g, sider, err := siderOf(d, call)
	if errors.Is(err, ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	own, err := g.storeBeside(call, s)
	if err != nil {
		return err
	}
	other, err := g.storeBeside(call, with)
	if err != nil {
		return err
	}
	return g.wrap(call, sider.Share(own.store, other.store))
}

// storeBeside returns the guard of an open Store of a device beside g, for a call.
func (g *guard) storeBeside(call string, s Store) (*guardedStore, error) {
	own := guardOf(s)
	switch {
	case own == nil:
		return nil, g.wrap(call, errors.New("the store is not one of a device beside it"))
	case own.guard.closed:
		return nil, g.wrap(call, errClosed)
	}
	return own, nil
}

// Roomy is a Sider that has memory of its own, and not the host's.
type Roomy interface {
	// FreeMemory is what is free, in bytes.
	FreeMemory() int64
}

// FreeMemory returns what is free of a device's own memory, in bytes. It is false for a device that has the host's.
func FreeMemory(d Device) (bytes int64, own bool) {
	g, ok := d.(*guard)
	if !ok || g.closed {
		return 0, false
	}
	r, ok := g.backend.(Roomy)
	if !ok {
		return 0, false
	}
	return r.FreeMemory(), true
}

// siderOf returns the guard of an open device and its back end, for a call that needs a Sider.
func siderOf(d Device, call string) (*guard, Sider, error) {
	g, ok := d.(*guard)
	if !ok {
		return nil, nil, ErrUnsupported
	}
	s, ok := g.backend.(Sider)
	switch {
	case g.closed:
		return nil, nil, g.wrap(call, errClosed)
	case !ok:
		return nil, nil, g.wrap(call, ErrUnsupported)
	}
	return g, s, nil
}
