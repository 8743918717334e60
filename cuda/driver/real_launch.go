//go:build cuda

package driver

import (
	"errors"
	"fmt"
	"unsafe"

	"gorgonia.org/cu"
)

// defaultShared is the largest dynamic shared memory of a launch without allowShared: 48 KiB less the static part.
const defaultShared = 48<<10 - 64

func (d *realDriver) Launch(s Stream, l *Launch) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	f, err := d.function(l)
	if err != nil {
		return err
	}
	d.args = d.args[:0]
	for i := range l.Args {
		d.args = append(d.args, unsafe.Pointer(&l.Args[i]))
	}
	g, b := l.Grid, l.Block
	if err := f.Launch(g[0], g[1], g[2], b[0], b[1], b[2], l.Shared, d.stream[s], d.args); err != nil {
		return d.failed(err, "cuLaunchKernel of %v, %d parameters", l, len(l.Args))
	}
	d.last[s] = Launch{Kernel: l.Kernel, Grid: g, Block: b, Shared: l.Shared}
	return nil
}

// function returns the kernel of a launch, which may then have the launch's shared memory.
func (d *realDriver) function(l *Launch) (f cu.Function, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k, err := d.kernel(l.Kernel)
	if err != nil {
		return f, d.failed(err, "cuModuleGetFunction of %s", l.Kernel)
	}
	if l.Shared > k.shared {
		if err := allowShared(k.function, l.Shared); err != nil {
			return f, d.failed(err, "cuFuncSetAttribute for %v (a block may have %d bytes)", l, d.properties.SharedMemory)
		}
		k.shared = l.Shared
	}
	return k.function, nil
}

// kernel returns a kernel. It looks it up in its module at the first call.
func (k *realKernels) kernel(name string) (*realKernel, error) {
	if known, ok := k.known[name]; ok {
		return known, nil
	}
	m, ok := k.modules[name]
	if !ok {
		return nil, errors.New("no module has it")
	}
	f, err := m.Function(name)
	if err != nil {
		return nil, err
	}
	k.known[name] = &realKernel{function: f, shared: defaultShared}
	return k.known[name], nil
}

// Capture stays on one thread from beginning to end. CUDA requires this.
func (d *realDriver) Capture(s Stream, f func() error) (Graph, error) {
	if err := d.enter(); err != nil {
		return 0, err
	}
	defer d.leave()
	if err := beginCapture(d.stream[s]); err != nil {
		return 0, d.failed(err, "cuStreamBeginCapture")
	}
	failed := f()
	e, err := endCapture(d.stream[s])
	if failed != nil || err != nil {
		if e.graph != nil {
			err = errors.Join(err, e.destroy())
		}
		return 0, fmt.Errorf("recording a graph: %w", errors.Join(failed, err))
	}
	d.names++
	d.graphs[Graph(d.names)] = e
	return Graph(d.names), nil
}

func (d *realDriver) Replay(s Stream, g Graph) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	e, ok := d.graphs[g]
	if !ok {
		return fmt.Errorf("graph %d is not there", g)
	}
	return d.failed(e.launch(d.stream[s]), "cuGraphLaunch of graph %d", g)
}

func (d *realDriver) FreeGraph(g Graph) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.leave()
	e, ok := d.graphs[g]
	if !ok {
		return fmt.Errorf("graph %d is not there", g)
	}
	delete(d.graphs, g)
	return d.failed(e.destroy(), "cuGraphExecDestroy of graph %d", g)
}
