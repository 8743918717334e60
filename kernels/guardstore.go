package kernels

import (
	"errors"
	"fmt"

	"bnas.example/philox"
)

// guardedStore checks the calls of a Backend's Store.
type guardedStore struct {
	guard    *guard
	params   []Param
	store    Store
	borrowed bool // its Data is that of another Store
}

// guardedFiller is a guardedStore over a NormalFiller.
type guardedFiller struct {
	*guardedStore
	filler NormalFiller
}

var errBorrowed = errors.New("the store is borrowed: its parameters change in the store that it has them from")

// guardOf returns the guardedStore of a Store, or nil if no guard made it.
func guardOf(s Store) *guardedStore {
	switch s := s.(type) {
	case *guardedStore:
		return s
	case *guardedFiller:
		return s.guardedStore
	}
	return nil
}

func (s *guardedStore) Params() []Param { return s.params }

func (s *guardedStore) Read(slot Slot, dst []float32, ids ...ParamID) error {
	err := s.check(slot, len(dst), ids)
	if err == nil {
		err = s.store.Read(slot, dst, ids...)
	}
	return s.guard.wrap("read", err)
}

func (s *guardedStore) QueueRead(slot Slot, dst []float32, ids ...ParamID) *Pending[Nothing] {
	wrap := func(err error) error { return s.guard.wrap("read", err) }
	if err := s.check(slot, len(dst), ids); err != nil {
		return Done(Nothing{}, wrap(err))
	}
	return pending(s.guard, s.store.QueueRead(slot, dst, ids...), wrap)
}

func (s *guardedStore) Write(slot Slot, src []float32, ids ...ParamID) error {
	err := s.check(slot, len(src), ids)
	if err == nil && s.borrowed && slot == Data {
		err = errBorrowed
	}
	if err == nil {
		err = s.store.Write(slot, src, ids...)
	}
	return s.guard.wrap("write", err)
}

func (s *guardedStore) check(slot Slot, n int, ids []ParamID) error {
	if s.guard.closed {
		return errClosed
	}
	return checkSlot(s.params, slot, n, ids)
}

func (s *guardedStore) Update(rule Update, ids []ParamID) (float64, error) {
	if err := s.checkUpdate(rule, ids); err != nil {
		return 0, err
	}
	norm, err := s.store.Update(rule, ids)
	return norm, s.guard.wrap("update", err)
}

func (s *guardedStore) QueueUpdate(rule Update, ids []ParamID) *Pending[float64] {
	if err := s.checkUpdate(rule, ids); err != nil {
		return Done(0.0, err)
	}
	return pending(s.guard, s.store.QueueUpdate(rule, ids), func(err error) error { return s.guard.wrap("update", err) })
}

func (s *guardedStore) checkUpdate(rule Update, ids []ParamID) error {
	if s.guard.closed {
		return s.guard.wrap("update", errClosed)
	}
	if s.borrowed {
		return s.guard.wrap("update", errBorrowed)
	}
	return s.guard.wrap("update", rule.check(s.params, ids))
}

func (s *guardedFiller) FillNormal(id ParamID, r *philox.Stream, sigma float64) error {
	if s.guard.closed {
		return s.guard.wrap("fill", errClosed)
	}
	if id < 0 || int(id) >= len(s.params) {
		return s.guard.wrap("fill", fmt.Errorf("no parameter %d", id))
	}
	return s.guard.wrap("fill", s.filler.FillNormal(id, r, sigma))
}
