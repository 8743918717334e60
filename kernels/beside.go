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
	g, ok := d.(*guard)
	if !ok {
		return nil, ErrUnsupported
	}
	s, ok := g.backend.(Sider)
	switch {
	case g.closed:
		return nil, g.wrap("a second device beside it", errClosed)
	case !ok:
		return nil, g.wrap("a second device beside it", ErrUnsupported)
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
	g, ok := d.(*guard)
	if !ok {
		return nil, ErrUnsupported
	}
	sider, ok := g.backend.(Sider)
	own := guardOf(s)
	switch {
	case g.closed || own != nil && own.guard.closed:
		return nil, g.wrap("twin of a store", errClosed)
	case !ok:
		return nil, g.wrap("twin of a store", ErrUnsupported)
	case own == nil:
		return nil, g.wrap("twin of a store", errors.New("the store is not one of a device beside it"))
	}
	twin, err := sider.Twin(own.store)
	if err != nil {
		return nil, g.wrap("twin of a store", err)
	}
	return g.guardedStore(own.params, twin), nil
}
