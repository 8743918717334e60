package cuda

import (
	"errors"
	"fmt"

	"bnas.example/cuda/driver"
	"bnas.example/kernels"
)

// Options say how a Device computes.
type Options struct {
	// Name is what Info calls the device; "" is "gpu".
	Name string
	Storage
	// MemoryLimit is how many bytes of the GPU's memory the parameters and a Program may take together; 0 is 95 % of what
	// was free when the Device was made: observations and the driver itself need the rest.
	MemoryLimit int64
	// NoGraphs launches every kernel by itself, also of a Program that is used again.
	NoGraphs bool
	// Trace, if it is set, is called with each launch before it is queued. Launches of a recorded graph are not traced
	// again; the packing of weights is not traced.
	Trace func(*Work)
}

// Device is a GPU as a kernels.Device. Like every Device it, and all that it made, is for one goroutine at a time.
type Device struct {
	context
	stores []*store
}

// New makes a Device over a driver. Closing the Device closes the driver; New closes it if it fails.
func New(g driver.Driver, o Options) (*Device, error) {
	d := &Device{context: context{driver: g, options: o, properties: g.Properties(), pool: newPool()}}
	if d.options.Name == "" {
		d.options.Name = "gpu"
	}
	if d.options.Precision == "" {
		d.options.Precision = FP32
	}
	if d.options.MemoryLimit == 0 {
		d.options.MemoryLimit = d.properties.Free / 100 * 95
	}
	err := d.options.Precision.check(d.properties.Capability)
	if err == nil {
		err = d.staging.open(g)
	}
	if err == nil {
		err = d.inputs.open(g)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cuda: %w", err), d.Close())
	}
	return d, nil
}

// Info names the GPU.
func (d *Device) Info() kernels.Info {
	return kernels.Info{
		Name: d.options.Name,
		Detail: fmt.Sprintf("%s, sm_%d, %d SMs, %.1f GiB, %s", d.properties.Name, d.properties.Capability, d.properties.SMs,
			float64(d.properties.Memory)/(1<<30), d.options.Precision),
		Threads: 1,
	}
}

// Close frees all memory, when the GPU has done what is queued. A closed device refuses everything but Close.
func (d *Device) Close() error {
	if d.closed {
		return nil
	}
	d.closed = true
	errs := []error{d.driver.Sync(driver.Copy), d.driver.Sync(driver.Compute)}
	for _, s := range d.stores {
		errs = append(errs, s.close())
	}
	errs = append(errs, d.saved.free(d.driver), d.gradients.free(d.driver), d.probe.free(d.driver), d.inputs.close(d.driver), d.staging.close(d.driver),
		d.pool.close(d.driver), d.driver.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("cuda: closing: %w", err)
	}
	return nil
}

// NewStore lays out the parameters on the device.
func (d *Device) NewStore(params []kernels.Param) (kernels.Store, error) {
	if d.closed {
		return nil, fmt.Errorf("cuda: new store: %w", errClosed)
	}
	s := newStore(&d.context, params)
	d.stores = append(d.stores, s)
	return s, nil
}

// Compile plans p for batches of up to n images.
func (d *Device) Compile(p *kernels.Program, s kernels.Store, n int) (kernels.Exec, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	fail := func(err error) error { return fmt.Errorf("cuda: program %q: %w", p.Name, err) }
	own, ok := s.(*store)
	switch {
	case d.closed:
		return nil, fail(errClosed)
	case !ok || own.context != &d.context:
		return nil, fail(fmt.Errorf("the store is a %T of another device", s))
	case n < 1:
		return nil, fail(fmt.Errorf("a batch of %d images", n))
	}
	if err := p.CheckParams(own.Params()); err != nil {
		return nil, err
	}
	e, err := newExec(&d.context, p, own, n)
	if err != nil {
		return nil, fail(err)
	}
	return e, nil
}
