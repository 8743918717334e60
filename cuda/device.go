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
	// Sharers is how many processes have this GPU together, each of which is to fill its part with lanes; 0 is one.
	Sharers int
	// NoGraphs launches every kernel by itself, also of a Program that is used again.
	NoGraphs bool
	// Trace, if it is set, is called with each launch before it is queued. Launches of a recorded graph are not traced
	// again; the packing of weights is not traced.
	Trace func(*Work)
}

// device is a kernels.Backend on one GPU.
type device struct {
	context
	stores []*store
}

// New returns a Device that computes on the GPU of a driver. Close of the Device closes the driver. If New returns an
// error, the driver is closed.
func New(g driver.Driver, o Options) (kernels.Device, error) {
	d, err := newDevice(g, o)
	if err != nil {
		return nil, err
	}
	return kernels.Guard("cuda", d), nil
}

func newDevice(g driver.Driver, o Options) (*device, error) {
	d := &device{context: context{clock: &clock{driver: g}, options: o, properties: g.Properties(), pool: newPool()}}
	d.landings = landings{clock: d.clock, free: map[int][]*landing{}}
	if d.options.Name == "" {
		d.options.Name = "gpu"
	}
	if d.options.Precision == "" {
		d.options.Precision = FP32
	}
	if d.options.MemoryLimit == 0 {
		d.options.MemoryLimit = d.properties.Free / 100 * 95
	}
	err := d.options.Storage.check(d.properties.Capability)
	if err == nil {
		err = d.staging.open(d.clock)
	}
	if err == nil {
		err = d.inputs.open(d.clock)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cuda: %w", err), d.Close())
	}
	return d, nil
}

// Info names the GPU.
func (d *device) Info() kernels.Info {
	return kernels.Info{
		Name: d.options.Name,
		Detail: fmt.Sprintf("%s, sm_%d, %d SMs, %.1f GiB, %s", d.properties.Name, d.properties.Capability, d.properties.SMs,
			float64(d.properties.Memory)/(1<<30), d.options.Precision),
		Threads: 1, Arithmetic: d.options.arithmetic(),
	}
}

// arithmetic names the number formats.
func (s Storage) arithmetic() string {
	if s.Half {
		return string(s.Precision) + ", half"
	}
	return string(s.Precision)
}

// Close waits for the queued work and frees all memory.
func (d *device) Close() error {
	errs := []error{d.driver.Sync(driver.Copy), d.driver.Sync(driver.Compute)}
	for _, s := range d.stores {
		errs = append(errs, s.close())
	}
	errs = append(errs, d.saved.free(d.driver), d.gradients.free(d.driver), d.probe.free(d.driver), d.inputs.close(), d.staging.close(),
		d.landings.close(), d.pool.close(d.driver), d.driver.Close())
	return errors.Join(errs...)
}

// TakesPixels says that its Execs make images of pixels.
func (d *device) TakesPixels() {}

// NewStore lays out the parameters on the device.
func (d *device) NewStore(params []kernels.Param) (kernels.Store, error) {
	s := newStore(&d.context, params)
	d.stores = append(d.stores, s)
	return s, nil
}

// Compile plans p for batches of up to n images.
func (d *device) Compile(p *kernels.Program, s kernels.Store, n int) (kernels.Exec, error) {
	return newExec(&d.context, p, s.(*store), n)
}
