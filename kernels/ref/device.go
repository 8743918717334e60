// Package ref is the reference Device: float64, plain loops that read as the formulas. Every other back end is held
// against it by the suite in kerneltest.
//
// Parameters are float32 in a hoststore.Store; all that is computed is float64. Images are computed side by side on
// all processors where they do not depend on each other, so that results never depend on their number.
package ref

import (
	"fmt"
	"runtime"
	"sync"

	"bnas.example/kernels"
	"bnas.example/kernels/hoststore"
)

// Device is the reference device.
type Device struct {
	owner *Exec // whose activations are valid
}

// New returns a reference device.
func New() kernels.Device { return &Device{} }

// Info describes the device.
func (d *Device) Info() kernels.Info {
	return kernels.Info{Name: "reference", Detail: "float64, plain loops", Threads: runtime.GOMAXPROCS(0)}
}

// NewStore returns a store of zeros in host memory.
func (d *Device) NewStore(params []kernels.Param) (kernels.Store, error) {
	return hoststore.New(params), nil
}

// Close does nothing.
func (d *Device) Close() error { return nil }

// Compile validates p and the parameters that it uses. The Exec is a *Exec, whose further methods give float64
// results.
func (d *Device) Compile(p *kernels.Program, s kernels.Store, n int) (kernels.Exec, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	store, ok := s.(*hoststore.Store)
	if !ok {
		return nil, fmt.Errorf("ref: program %q: the store is a %T, not one of this device", p.Name, s)
	}
	if err := p.CheckParams(store.Params()); err != nil {
		return nil, err
	}
	if n < 1 {
		return nil, fmt.Errorf("ref: program %q: a batch of %d images", p.Name, n)
	}
	return newExec(d, p, store, n), nil
}

// parallel calls f(i) for each i in 0..n−1, on all processors.
func parallel(n int, f func(i int)) {
	workers := min(n, runtime.GOMAXPROCS(0))
	if workers <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := w; i < n; i += workers {
				f(i)
			}
		})
	}
	wait.Wait()
}
