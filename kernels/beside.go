package kernels

import "errors"

// Sider is a Backend that others can compute beside, at the same time. Their results are those of this one, to the bit.
type Sider interface {
	// Beside opens a Backend with a number of threads of its own.
	Beside(threads int) (Backend, error)
	// Twin returns a Store of this Backend, with the Data of a Store of another one beside it. Later changes of the one are not
	// seen in the other. What a Backend makes of frozen weights is in memory once.
	Twin(s Store) (Store, error)
}

// Beside opens a device that computes what d does, on threads of its own. Each of the two may be used from its own goroutine. The error
// wraps [ErrUnsupported] if d has no such devices: a GPU is one.
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
// may be used from its own goroutine. What the back end makes of frozen weights is in memory once, as long as nobody writes them.
func Twin(d Device, s Store) (Store, error) {
	const call = "twin of a store"
	g, sider, err := siderOf(d, call)
	if err != nil {
		return nil, err
	}
	own := guardOf(s)
	switch {
	case own == nil:
		return nil, g.wrap(call, errors.New("the store is not one of a device beside it"))
	case own.guard.closed:
		return nil, g.wrap(call, errClosed)
	}
	twin, err := sider.Twin(own.store)
	if err != nil {
		return nil, g.wrap(call, err)
	}
	return g.guardedStore(own.params, twin), nil
}

// Sharer is a Backend that makes something of frozen weights which several Stores can have in common.
type Sharer interface {
	Share(s, with Store) error
}

// Share lets s have what the back end makes of the frozen weights of with, a Store of d or of a device beside it that nothing uses in the
// meantime: of those that have the same name, shape and Data in both. Later changes of the one are not seen in the other. Where the
// back end makes nothing of weights it does nothing.
func Share(d Device, s, with Store) error {
	g, ok := d.(*guard)
	if !ok {
		return nil
	}
	sharer, ok := g.backend.(Sharer)
	if !ok {
		return nil
	}
	const call = "sharing of weights"
	own, other := guardOf(s), guardOf(with)
	switch {
	case own == nil || other == nil:
		return g.wrap(call, errors.New("a store is not one of a device"))
	case g.closed || own.guard.closed || other.guard.closed:
		return g.wrap(call, errClosed)
	}
	return g.wrap(call, sharer.Share(own.store, other.store))
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
