package kernels

import (
	"errors"
	"fmt"
)

// Backend computes what a Device offers. It has the methods of a Device, and so have the Stores and Execs that it
// makes, but it checks no rule of the contract: [Guard] does, and passes on legal calls only.
//
// A legal call has arguments within range, slices of the right length, and the earlier calls that it needs. Compile
// gets a valid Program, a Store of the same Backend with all parameters of the Program, and n ≥ 1. Close is called once.
// An error of a Backend is one that only the Backend can know: no memory, not supported, a gradient that is not finite.
// It names neither the device nor the Program nor the method; the guard adds them.
type Backend interface {
	Info() Info
	NewStore(params []Param) (Store, error)
	Compile(p *Program, s Store, n int) (Exec, error)
	Close() error
}

// Guard makes a Device of a Backend. It returns an error for each call that breaks a rule of the contract, and passes
// the others on. name starts every error, as in "cpu: program …".
//
// A Store of the Device is a NormalFiller if the Backend's is one.
func Guard(name string, b Backend) Device { return &guard{name: name, backend: b} }

// Unwrap returns the Backend's own Exec, whose further methods a test may need; e itself if no guard made it.
func Unwrap(e Exec) Exec {
	if g, ok := e.(*guardedExec); ok {
		return g.exec
	}
	return e
}

var errClosed = errors.New("the device is closed")

// guard is the Device that Guard makes. Its fields are not embedded, so that a method that is added to an interface
// must be written here, with its checks, before the package compiles.
type guard struct {
	name    string
	backend Backend
	owner   *guardedExec // whose Forward the Backend has last run
	closed  bool
}

func (g *guard) Info() Info { return g.backend.Info() }

// Close closes the Backend. A closed Device refuses everything but Close.
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
	s, err := g.backend.NewStore(params)
	if err != nil {
		return nil, g.wrap("new store", err)
	}
	guarded := &guardedStore{guard: g, params: params, store: s}
	if f, ok := s.(NormalFiller); ok {
		return &guardedFiller{guarded, f}, nil
	}
	return guarded, nil
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

// wrap adds the device's name and the call's to an error; it is nil for nil.
func (g *guard) wrap(call string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %s: %w", g.name, call, err)
}
