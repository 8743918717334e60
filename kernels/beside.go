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
	g, s, err := besideOf[Sider](d, "a second device beside it")
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
	g, sider, err := besideOf[Sider](d, call)
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
// meantime: of those that have the same name, shape and Data in both. It comes before the first Forward with s, and before a twin of s.
// Later changes of the one are not seen in the other. A device that has none beside it does nothing.
func Share(d Device, s, with Store) error {
	const call = "sharing of weights"
	g, sider, err := besideOf[Sider](d, call)
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

// Borrower is a Sider whose memory the devices beside it can read.
type Borrower interface {
	// Borrow returns a Store of this Backend that reads the Data of a Store of another one beside it where it lies. Its other slots are
	// its own.
	Borrow(s Store) (Store, error)
	// Follow lets what is queued from now on begin after what is queued on another one beside it.
	Follow(other Backend) error
}

// Borrow returns a Store of d that reads the Data of s, a Store of a device beside it, where it lies. It cannot be written or updated: what
// is written to s, or updated there, is there too. Its other slots are its own. One goroutine uses both devices, and [Follow] orders
// what they have in their queues. d is closed before the other device. The error wraps [ErrUnsupported] if devices beside each other
// have no common memory.
func Borrow(d Device, s Store) (Store, error) {
	const call = "borrowing of a store"
	g, borrower, err := besideOf[Borrower](d, call)
	if err != nil {
		return nil, err
	}
	own, err := g.storeBeside(call, s)
	if err != nil {
		return nil, err
	}
	borrowed, err := borrower.Borrow(own.store)
	if err != nil {
		return nil, g.wrap(call, err)
	}
	return &guardedStore{guard: g, params: own.params, store: borrowed, borrowed: true}, nil
}

// Follow lets what d queues from now on begin after what other, a device beside it, has queued until now. It does not wait.
func Follow(d, other Device) error {
	const call = "following a device"
	g, borrower, err := besideOf[Borrower](d, call)
	if err != nil {
		return err
	}
	o, ok := other.(*guard)
	switch {
	case !ok:
		return g.wrap(call, ErrUnsupported)
	case o.closed:
		return g.wrap(call, errClosed)
	}
	return g.wrap(call, borrower.Follow(o.backend))
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

// besideOf returns the guard of an open device and its back end, for a call that needs a B.
func besideOf[B any](d Device, call string) (g *guard, b B, err error) {
	g, ok := d.(*guard)
	if !ok {
		return nil, b, ErrUnsupported
	}
	b, ok = g.backend.(B)
	switch {
	case g.closed:
		err = g.wrap(call, errClosed)
	case !ok:
		err = g.wrap(call, ErrUnsupported)
	}
	return g, b, err
}
