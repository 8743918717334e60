package cuda

import (
	"errors"

	"bnas.example/cuda/driver"
	"bnas.example/kernels"
)

// Beside opens a device of the same GPU with streams and memory of its own: maps of a small network leave multiprocessors idle, and a
// GPU is idle while the host takes eigenvalues. The number of threads has no meaning.
func (d *device) Beside(int) (kernels.Backend, error) {
	s, ok := d.driver.(driver.Sider)
	if !ok {
		return nil, kernels.ErrUnsupported
	}
	g, err := s.Beside()
	if err != nil {
		return nil, err
	}
	o := d.options
	o.Trace = nil
	return newDevice(g, o)
}

// Twin copies the parameters, by way of the host.
func (d *device) Twin(s kernels.Store) (kernels.Store, error) {
	of, ok := s.(*store)
	if !ok {
		return nil, errors.New("the store is not one of a GPU")
	}
	twin := newStore(&d.context, of.params)
	d.stores = append(d.stores, twin)
	ids := kernels.AllIDs(of.params)
	data := make([]float32, kernels.Elements(of.params, ids))
	if err := of.Read(kernels.Data, data, ids...); err != nil {
		return twin, err
	}
	return twin, twin.Write(kernels.Data, data, ids...)
}

// Borrow has the vectors of Data of the other store, and its versions, and packs weights for itself.
func (d *device) Borrow(s kernels.Store) (kernels.Store, error) {
	of, ok := s.(*store)
	if !ok {
		return nil, errors.New("the store is not one of a GPU")
	}
	borrowed := newStore(&d.context, of.params)
	borrowed.of, borrowed.version = of, of.version
	d.stores = append(d.stores, borrowed)
	return borrowed, nil
}

// Follow makes the compute stream wait for that of the other device.
func (d *device) Follow(other kernels.Backend) error {
	o, ok := other.(*device)
	s, has := d.driver.(driver.Sider)
	if !ok || !has {
		return kernels.ErrUnsupported
	}
	return s.Follow(o.driver)
}

// Share does nothing: each store packs its weights for itself.
func (d *device) Share(kernels.Store, kernels.Store) error { return nil }

// FreeMemory is what is free on the GPU for this process, in bytes: at most its part of the whole memory. What the other sharers have
// taken already is not divided again.
func (d *device) FreeMemory() int64 {
	now := d.driver.Properties()
	return min(now.Free, now.Memory/int64(max(d.options.Sharers, 1)))
}
