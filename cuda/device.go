package cuda

import (
	"errors"
	"fmt"

	"bnas.example/kernels"
)

// Options say how a Device computes.
type Options struct {
	// Name is what Info calls the device; "" is "gpu".
	Name string
	Storage
	// MemoryLimit is how many bytes of the GPU's memory the parameters and a Program may take together; 0 is 95 % of what
	// was free when the Device was made: what looks at a network, and the driver itself, need some more.
	MemoryLimit int64
	// NoGraphs launches every kernel by itself, also of a Program that is used again.
	NoGraphs bool
}

// Device is a GPU as a kernels.Device. Like every Device it, and all that it made, is for one goroutine at a time.
type Device struct {
	driver   Driver
	options  Options
	gpu      Properties
	saved    memory // what a Forward keeps
	moving   memory // node gradients
	probe    memory // what observations need
	pool     pool
	staging  staging
	pictures pictures
	stores   []*store
	held     int64 // bytes that the stores have
	owner    *exec // whose Forward saved holds
	counting func(*op)
	closed   bool
}

// New makes a Device over a driver, which is closed with it, also when New fails.
func New(driver Driver, o Options) (*Device, error) {
	d := &Device{driver: driver, options: o, gpu: driver.Properties(), pool: pool{free: map[int][]Ptr{}, graphs: map[Graph]bool{}}}
	if d.options.Name == "" {
		d.options.Name = "gpu"
	}
	if d.options.Precision == "" {
		d.options.Precision = FP32
	}
	if d.options.MemoryLimit == 0 {
		d.options.MemoryLimit = d.gpu.Free / 100 * 95
	}
	err := d.options.Precision.check(d.gpu.Capability)
	if err == nil {
		err = d.staging.open(driver)
	}
	if err == nil {
		err = d.pictures.open(driver)
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
		Detail: fmt.Sprintf("%s, sm_%d, %d SMs, %.1f GiB, %s", d.gpu.Name, d.gpu.Capability, d.gpu.SMs,
			float64(d.gpu.Memory)/(1<<30), d.options.Precision),
		Threads: 1,
	}
}

var errClosed = errors.New("the device is closed")

// Close frees all memory, when the GPU has done what is queued. A closed device refuses everything but Close.
func (d *Device) Close() error {
	if d.closed {
		return nil
	}
	d.closed, d.owner = true, nil
	errs := []error{d.driver.Sync(Copy), d.driver.Sync(Compute)}
	for _, s := range d.stores {
		errs = append(errs, s.close())
	}
	errs = append(errs, d.saved.free(d), d.moving.free(d), d.probe.free(d), d.pictures.close(d), d.staging.close(d.driver), d.pool.close(d), d.driver.Close())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("cuda: closing: %w", err)
	}
	return nil
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
	case !ok || own.d != d:
		return nil, fail(fmt.Errorf("the store is a %T of another device", s))
	case n < 1:
		return nil, fail(fmt.Errorf("a batch of %d images", n))
	}
	if err := p.CheckParams(own.Params()); err != nil {
		return nil, err
	}
	e, err := newExec(d, p, own, n)
	if err != nil {
		return nil, fail(err)
	}
	return e, nil
}
