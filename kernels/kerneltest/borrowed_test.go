package kerneltest

import (
	"testing"

	"bnas.example/kernels"
	"bnas.example/kernels/ref"
)

// lender is the reference as a back end whose stores can be borrowed.
type lender struct {
	kernels.Device
	once    bool // a defect: a borrowed store has the parameters of the time of borrowing
	changes bool // a defect: its gradients are those of the store that it is of
}

func (l lender) Beside(int) (kernels.Backend, error)       { return l, nil }
func (l lender) Twin(kernels.Store) (kernels.Store, error) { return nil, kernels.ErrUnsupported }
func (l lender) Share(kernels.Store, kernels.Store) error  { return nil }
func (l lender) Follow(kernels.Backend) error              { return nil }
func (l lender) Close() error                              { return nil }

func (l lender) Borrow(of kernels.Store) (kernels.Store, error) {
	own, err := l.Device.NewStore(of.Params())
	b := &borrowedStore{Store: own, of: of, changes: l.changes}
	if err == nil && l.once {
		err = b.copy()
		b.of = own
	}
	return b, err
}

func (l lender) Compile(p *kernels.Program, s kernels.Store, n int) (kernels.Exec, error) {
	b, ok := s.(*borrowedStore)
	if !ok {
		return l.Device.Compile(p, s, n)
	}
	e, err := l.Device.Compile(p, b.Store, n)
	return borrowedExec{e, b}, err
}

// borrowedStore is a store of its own, to which the parameters are copied before each forward pass.
type borrowedStore struct {
	kernels.Store
	of      kernels.Store
	changes bool
}

func (b *borrowedStore) copy() error {
	ids := kernels.AllIDs(b.of.Params())
	values := make([]float32, kernels.Elements(b.of.Params(), ids))
	if err := b.of.Read(kernels.Data, values, ids...); err != nil {
		return err
	}
	return b.Store.Write(kernels.Data, values, ids...)
}

func (b *borrowedStore) Write(slot kernels.Slot, src []float32, ids ...kernels.ParamID) error {
	if b.changes {
		return b.of.Write(slot, src, ids...)
	}
	return b.Store.Write(slot, src, ids...)
}

type borrowedExec struct {
	kernels.Exec
	store *borrowedStore
}

func (e borrowedExec) Forward(images []float32, rows int) error {
	if err := e.store.copy(); err != nil {
		return err
	}
	return e.Exec.Forward(images, rows)
}

func TestBorrowed(t *testing.T) {
	for name, c := range map[string]struct {
		backend lender
		fails   bool
	}{
		"right":                      {lender{}, false},
		"parameters copied once":     {lender{once: true}, true},
		"gradients of another store": {lender{changes: true}, true},
	} {
		factory := func(int) (kernels.Device, error) {
			c.backend.Device = ref.New()
			return kernels.Guard("lender", c.backend), nil
		}
		if err := borrowed(factory, Options{}); (err != nil) != c.fails {
			t.Errorf("%s: %v", name, err)
		}
	}
}
