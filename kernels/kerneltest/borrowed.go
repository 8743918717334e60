package kerneltest

import (
	"errors"
	"fmt"
	"slices"

	"bnas.example/kernels"
)

// borrowed: a device beside another one that borrows its store gives the gradients of the first, to the bit, after each update that it
// follows. It has its own gradients, and cannot change the parameters. A device that borrows none passes.
func borrowed(f Factory, o Options) (err error) {
	c := Cell(o.Seed, kernels.Shape{C: 16, H: 8, W: 8}, 2)
	s, d, err := c.startBeside(f)
	if err != nil || d == nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	store, err := kernels.Borrow(d, s.s)
	if errors.Is(err, kernels.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	e, err := d.Compile(c.Program, store, c.Batch)
	if err != nil {
		return err
	}
	b := &session{c, d, store, e}
	if err := s.lends(b); err != nil {
		return err
	}
	return b.cannotChange(s)
}

// lends compares the gradients of both after each of three updates. No call waits for the update.
func (s *session) lends(b *session) error {
	ids := kernels.AllIDs(s.Params)
	got, want := make([]float32, kernels.Elements(s.Params, ids)), make([]float32, kernels.Elements(s.Params, ids))
	if err := s.queueGradient(); err != nil {
		return err
	}
	for round := range 3 {
		norm := s.s.QueueUpdate(kernels.Update{Kind: kernels.SGD, LR: 0.1}, ids)
		if err := errors.Join(kernels.Follow(b.d, s.d), b.queueGradient()); err != nil {
			return err
		}
		theirs := b.s.QueueRead(kernels.Grad, got, ids...)
		if err := s.queueGradient(); err != nil {
			return err
		}
		_, errUpdate := norm.Wait()
		_, errTheirs := theirs.Wait()
		if err := errors.Join(errUpdate, errTheirs, s.s.Read(kernels.Grad, want, ids...)); err != nil {
			return err
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("after update %d: other gradients than on the device whose store is borrowed", round+1)
		}
	}
	return nil
}

// queueGradient makes a step's gradients, those of all weights.
func (s *session) queueGradient() error {
	return errors.Join(s.e.Forward(s.Images, s.N), s.e.CrossEntropy(s.Labels, 0.1), s.e.Backward(kernels.DifferentiateStatistics, true))
}

// cannotChange: a session with a borrowed store writes its own gradients alone.
func (b *session) cannotChange(s *session) error {
	ids := kernels.AllIDs(s.Params)
	n := kernels.Elements(s.Params, ids)
	all := func(s kernels.Store) ([]float32, error) {
		values := make([]float32, 2*n)
		return values, errors.Join(s.Read(kernels.Data, values[:n], ids...), s.Read(kernels.Grad, values[n:], ids...))
	}
	before, err := all(s.s)
	if err != nil {
		return err
	}
	rule := kernels.Update{Kind: kernels.SGD, LR: 0.1}
	if err := refused([]refusal{
		{"Store.Write of a borrowed store", func() error { return b.s.Write(kernels.Data, make([]float32, n), ids...) }},
		{"Store.Update of a borrowed store", func() error { return b.update(rule, ids...) }},
		{"Store.QueueUpdate of a borrowed store", func() error { return failed(b.s.QueueUpdate(rule, ids)) }},
	}); err != nil {
		return err
	}
	if err := b.s.Write(kernels.Grad, make([]float32, n), ids...); err != nil {
		return err
	}
	after, err := all(s.s)
	if err == nil && !slices.Equal(after, before) {
		err = errors.New("a borrowed store changes the store that it is of")
	}
	return err
}
