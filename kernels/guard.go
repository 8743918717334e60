package kernels

import (
	"errors"
	"fmt"
)

// Backend implements the computations of a Device. It has the methods of a Device; its Stores and Execs have theirs.
// It checks no rule of the contract: [Guard] checks all of them and passes on legal calls only.
//
// In a legal call the arguments are within range, the slices have the right length, and the required earlier calls were
// made. Compile gets a valid Program, a Store of the same Backend with all parameters of the Program, and n ≥ 1. Close
// is called once. A Backend returns only errors that the guard cannot know: no memory, not supported, a gradient that
// is not finite. Its errors name neither the device nor the Program nor the method; the guard adds them.
type Backend interface {
	Info() Info
	NewStore(params []Param) (Store, error)
	Compile(p *Program, s Store, n int) (Exec, error)
	Close() error
}

// Guard makes a Device from a Backend. The Device returns an error for each call that breaks a rule of the contract, and
// passes the others on. Every error starts with name, as in "cpu: program …". Those of an illegal Program, and of one that does not
// fit its Store, start with "kernels: program …": see [Program.Validate] and [Program.CheckParams].
//
// A Store of the Device is a NormalFiller if the Backend's Store is one.
func Guard(name string, b Backend) Device { return &guard{name: name, backend: b} }

// Unwrap returns the Exec of the Backend inside a guarded Exec. Tests need its further methods. If no guard made e, it
// returns e.
func Unwrap(e Exec) Exec {
	if g, ok := e.(*guardedExec); ok {
		return g.exec
	}
	return e
}

var errClosed = errors.New("the device is closed")

// guard is the Device that Guard makes. Its fields are not embedded: after a new method in an interface, the package
// does not compile until the guard has that method too.
type guard struct {
	name    string
	backend Backend
	owner   *guardedExec // the Exec of the last Forward
	closed  bool
}

func (g *guard) guarded() {}

func (g *guard) Info() Info { return g.backend.Info() }

// Close closes the Backend. After that, every call but Close returns an error.
func (g *guard) Close() error {
	if g.closed {
		return nil
	}
	g.closed, g.owner = true, nil
	return g.wrap("closing", g.backend.Close())
}

func (g *guard) NewStore(params []Param) (Store, error) {
	if g.closed {
		return nil, g.wrap("new store", errClosed)
	}
	if err := checkTable(params); err != nil {
		return nil, g.wrap("new store", err)
	}
	s, err := g.backend.NewStore(params)
	if err != nil {
		return nil, g.wrap("new store", err)
	}
	return g.guardedStore(params, s), nil
}

// guardedStore guards a Store of the Backend.
func (g *guard) guardedStore(params []Param, s Store) Store {
	guarded := &guardedStore{guard: g, params: params, store: s}
	if f, ok := s.(NormalFiller); ok {
		return &guardedFiller{guarded, f}
	}
	return guarded
}

func (g *guard) Compile(p *Program, s Store, n int) (Exec, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	fail := func(err error) (Exec, error) { return nil, fmt.Errorf("%s: program %q: %w", g.name, p.Name, err) }
	own := guardOf(s)
	switch {
	case g.closed:
		return fail(errClosed)
	case own == nil || own.guard != g:
		return fail(errors.New("the store is not one of this device"))
	case n < 1:
		return fail(fmt.Errorf("a batch of %d images", n))
	}
	if err := p.CheckParams(own.params); err != nil {
		return nil, err
	}
	e, err := g.backend.Compile(p, own.store, n)
	if err != nil {
		return fail(err)
	}
	return &guardedExec{guard: g, exec: e, p: p, most: n}, nil
}

// wrap adds the names of the device and the call to an error. It returns nil for nil.
func (g *guard) wrap(call string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %s: %w", g.name, call, err)
}

// pending wraps the error of a result with the names of the device and the call. Once the device is closed, there is no result.
func pending[T any](g *guard, p *Pending[T], wrap func(error) error) *Pending[T] {
	if p.Ready() {
		value, err := p.Wait()
		return Done(value, wrap(err))
	}
	return Later(func() (value T, err error) {
		if g.closed {
			return value, wrap(errClosed)
		}
		value, err = p.Wait()
		return value, wrap(err)
	})
}
