// Package ref is the reference Device: float64, in plain loops that follow the formulas. The suite in kerneltest compares
// every other back end with it.
//
// Parameters are float32 in a hoststore.Store; all computations are in float64. Independent images are computed in
// parallel on all processors. Results do not depend on the number of processors.
package ref

import (
	"runtime"
	"sync"

	"bnas.example/kernels"
	"bnas.example/kernels/hoststore"
)

// device is a kernels.Backend.
type device struct{}

// New returns a reference device. Use [Of] to reach the further methods of its Execs.
func New() kernels.Device { return kernels.Guard("ref", &device{}) }

// Of returns the *Exec inside an Exec that a reference device compiled.
func Of(e kernels.Exec) *Exec { return kernels.Unwrap(e).(*Exec) }

// Info describes the device.
func (d *device) Info() kernels.Info {
	return kernels.Info{Name: "reference", Detail: "float64, plain loops", Threads: runtime.GOMAXPROCS(0), Arithmetic: "float64"}
}

// NewStore returns a store of zeros in host memory.
func (d *device) NewStore(params []kernels.Param) (kernels.Store, error) {
	return hoststore.New(params), nil
}

// Close does nothing.
func (d *device) Close() error { return nil }

func (d *device) Compile(p *kernels.Program, s kernels.Store, n int) (kernels.Exec, error) {
	return newExec(p, s.(*hoststore.Store)), nil
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
