//go:build cuda

package driver

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"gorgonia.org/cu"

	_ "bnas.example/cuda/driver/early" // reports the reason if CUDA does not start
	"bnas.example/kernels/gpu"
)

// Built reports whether this program can use a GPU.
const Built = true

// realDriver is the real GPU. Any goroutine may use it, one at a time. In CUDA each OS thread has its own current context.
// Therefore every call binds its goroutine to a thread and sets the context there (0.1 µs).
type realDriver struct {
	device     cu.Device
	context    cu.CUContext
	properties Properties
	*realKernels
	beside bool // another driver has the modules
	stream [Streams]cu.Stream
	made   int // number of streams that exist
	events map[Event]cu.Event
	graphs map[Graph]executable
	names  uint64           // the last name given to an event or graph
	pinned [][]byte         // from Pinned
	args   []unsafe.Pointer // of one launch
	last   [Streams]Launch  // the last launch in each stream, without its arguments

	following Event // behind what Follow makes it follow; 0: none yet
}

// realKernels are the loaded kernels, which the drivers of a GPU share.
type realKernels struct {
	loaded  []cu.Module
	modules map[string]cu.Module // of each kernel
	mu      sync.Mutex           // of known
	known   map[string]*realKernel
}

// realKernel is a kernel with the largest dynamic shared memory of its launches.
type realKernel struct {
	function cu.Function
	shared   int
}

// Count returns how many GPUs the driver shows (see CUDA_VISIBLE_DEVICES). It is an error if it shows none.
func Count() (int, error) {
	n, err := cu.NumDevices()
	if err != nil {
		return 0, fmt.Errorf("cuda: cuDeviceGetCount: %w", translate(err))
	}
	if n == 0 {
		return 0, errors.New("cuda: the driver shows no GPU (nvidia-smi lists them; CUDA_VISIBLE_DEVICES may hide them)")
	}
	return n, nil
}

// Open opens a GPU, counted from 0 in the order in which CUDA shows them (see CUDA_VISIBLE_DEVICES), and loads the kernels for it:
// all of them, so that nothing is loaded later, when the memory is full (package early).
func Open(number int) (Driver, error) {
	n, err := Count()
	if err != nil {
		return nil, err
	}
	if number < 0 || number >= n {
		return nil, fmt.Errorf("cuda: there is no GPU %d: the driver shows %d, counted from 0 (nvidia-smi lists them; CUDA_VISIBLE_DEVICES may hide them)", number, n)
	}
	device, err := cu.GetDevice(number)
	if err != nil {
		return nil, fmt.Errorf("cuda: cuDeviceGet: %w", translate(err))
	}
	d := &realDriver{device: device, realKernels: &realKernels{modules: map[string]cu.Module{}, known: map[string]*realKernel{}}}
	return d.opened()
}

// Beside shares the context and the modules. An error of a driver names its own last launches, and the fault may be in those of another.
func (d *realDriver) Beside() (Driver, error) {
	beside := &realDriver{device: d.device, properties: d.properties, realKernels: d.realKernels, beside: true}
	return beside.opened()
}

// opened retains the context and opens the driver in it.
func (d *realDriver) opened() (Driver, error) {
	d.events, d.graphs = map[Event]cu.Event{}, map[Graph]executable{}
	var err error
	if d.context, err = d.device.RetainPrimaryCtx(); err != nil {
		return nil, fmt.Errorf("cuda: cuDevicePrimaryCtxRetain: %w", translate(err))
	}
	if err := d.open(); err != nil {
		return nil, fmt.Errorf("cuda: %w", errors.Join(err, d.Close()))
	}
	return d, nil
}

// open makes the streams. The first driver of a GPU also reads its properties and loads the kernels.
func (d *realDriver) open() error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	if !d.beside {
		if err := d.describe(); err != nil {
			return err
		}
		if err := d.load(); err != nil {
			return err
		}
	}
	for s := range d.stream {
		var err error
		if d.stream[s], err = cu.MakeStream(cu.NonBlocking); err != nil {
			return d.failed(err, "cuStreamCreate")
		}
		d.made++
	}
	return nil
}

// describe reads the GPU's properties.
func (d *realDriver) describe() error {
	p := &d.properties
	var major, minor int
	for _, a := range []struct {
		name  string
		of    cu.DeviceAttribute
		value *int
	}{
		{"major capability", cu.ComputeCapabilityMajor, &major},
		{"minor capability", cu.ComputeCapabilityMinor, &minor},
		{"number of SMs", cu.MultiprocessorCount, &p.SMs},
		{"shared memory", sharedAttribute, &p.SharedMemory},
	} {
		v, err := d.device.Attribute(a.of)
		if err != nil {
			return d.failed(err, "cuDeviceGetAttribute of %s", a.name)
		}
		*a.value = v
	}
	name, err := d.device.Name()
	if err != nil {
		return d.failed(err, "cuDeviceGetName")
	}
	p.Name = string(bytes.TrimRight([]byte(name), "\x00"))
	p.Capability = 10*major + minor
	p.Driver = cu.Version()
	p.Free, p.Memory, err = cu.MemInfo()
	return d.failed(err, "cuMemGetInfo")
}

// load loads every kernel that was compiled for this GPU.
func (d *realDriver) load() error {
	modules, err := gpu.Cubins(d.properties.Capability)
	if err != nil {
		return err
	}
	for _, m := range modules {
		log := &cu.JITErrorLogBuffer{Buffer: make([]byte, 16<<10)}
		loaded, err := cu.LoadDataEx(string(m.Image), log)
		if err != nil {
			said, _, _ := bytes.Cut(log.Buffer, []byte{0})
			err = d.failed(err, "cuModuleLoadDataEx of %s for %s, sm_%d: %s", m.Name, d.properties.Name, d.properties.Capability, said)
			if has, needs := d.properties.Driver, m.Driver(); has < needs {
				err = fmt.Errorf("%w; the driver is for CUDA %s, and these kernels need one for %s or newer: update it", err, version(has), version(needs))
			}
			return err
		}
		d.loaded = append(d.loaded, loaded)
		for _, name := range m.Kernels() {
			d.modules[name] = loaded
		}
	}
	return nil
}

// version is a version of CUDA as one reads it.
func version(number int) string { return fmt.Sprintf("%d.%d", number/1000, number%1000/10) }

// Properties describes the GPU. It reads Free again at each call.
func (d *realDriver) Properties() Properties {
	if d.enter() == nil {
		defer d.leave()
		if free, _, err := cu.MemInfo(); err == nil {
			d.properties.Free = free
		}
	}
	return d.properties
}

// enter binds the goroutine to its thread and sets the context there. leave ends the binding.
func (d *realDriver) enter() error {
	runtime.LockOSThread()
	if err := cu.SetCurrentContext(d.context); err != nil {
		runtime.UnlockOSThread()
		return d.failed(err, "cuCtxSetCurrent")
	}
	return nil
}

func (d *realDriver) leave() { runtime.UnlockOSThread() }

// failed adds the name and the object of the failed call to an error. CUDA reports the fault of a kernel at a later call.
// In this case failed also names the last launch of each stream.
func (d *realDriver) failed(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf(format+": %w", append(args, translate(err))...)
	if !errors.Is(err, ErrLost) {
		return err
	}
	for s := range d.last {
		if l := &d.last[s]; l.Kernel != "" {
			err = fmt.Errorf("%w; the fault is in a launch before, at the latest %v", err, l)
		}
	}
	return fmt.Errorf("%w (CUDA_LAUNCH_BLOCKING=1 in the environment makes the launch itself fail)", err)
}

// Close frees everything that is not yet freed, and the context.
func (d *realDriver) Close() error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	var errs []error
	for _, g := range d.graphs {
		errs = append(errs, d.failed(g.destroy(), "cuGraphExecDestroy"))
	}
	for _, e := range d.events {
		errs = append(errs, d.failed(cu.DestroyEvent(&e), "cuEventDestroy"))
	}
	for _, b := range d.pinned {
		errs = append(errs, d.failed(cu.MemFreeHost(unsafe.Pointer(unsafe.SliceData(b))), "cuMemFreeHost"))
	}
	for s := range d.stream[:d.made] {
		errs = append(errs, d.failed(d.stream[s].Destroy(), "cuStreamDestroy"))
	}
	if !d.beside {
		for _, m := range d.loaded {
			errs = append(errs, d.failed(m.Unload(), "cuModuleUnload"))
		}
	}
	errs = append(errs, d.failed(d.device.ReleasePrimaryCtx(), "cuDevicePrimaryCtxRelease"))
	return errors.Join(errs...)
}
