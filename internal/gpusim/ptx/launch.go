package ptx

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// launch is one launch of a kernel.
type launch struct {
	machine     *Machine
	program     *program
	symbols     map[string]uint64 // addresses of the module's variables
	grid, block [3]int
	shared      int // bytes of dynamic shared memory
	sharedSize  int // of all of it, gaps included
	args        []byte
}

// Launch runs a kernel to its end. Every argument is 8 bytes. An error that is a *Fault names thread, line and
// instruction; memory is then as the fault left it.
func (m *Machine) Launch(k *Kernel, grid, block [3]int, shared int, args []uint64) (Counts, error) {
	l, err := m.prepare(k, grid, block, shared, args)
	if err != nil {
		return Counts{}, fmt.Errorf("ptx: kernel %s: %w", k.Name, err)
	}
	blocks := grid[0] * grid[1] * grid[2]
	workers := m.o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	runs := make([]*worker, min(workers, blocks))
	var wait sync.WaitGroup
	var next atomic.Int64
	limit := atomic.Int64{} // blocks from here on need not run
	limit.Store(int64(blocks))
	for i := range runs {
		runs[i] = &worker{}
		wait.Add(1)
		go func(r *worker) {
			defer wait.Done()
			r.work(l, &next, &limit)
		}(runs[i])
	}
	wait.Wait()
	var first *worker
	for _, r := range runs {
		if r.fault != nil && (first == nil || r.at < first.at) {
			first = r
		}
	}
	if first != nil {
		return Counts{}, first.fault
	}
	return l.count(runs), nil
}

// worker runs some of the blocks.
type worker struct {
	b     *block
	fault *Fault
	at    int64 // the block that failed
}

// work runs blocks in order until none is left. After a fault the blocks before it still run, so that the first fault
// is the same whatever the number of workers.
func (r *worker) work(l *launch, next, limit *atomic.Int64) {
	r.b = newBlock(l)
	for {
		n := next.Add(1) - 1
		if n >= limit.Load() {
			return
		}
		if f := r.b.run(int(n)); f != nil {
			r.fault, r.at = f, n
			for old := limit.Load(); n < old && !limit.CompareAndSwap(old, n); old = limit.Load() {
			}
			return
		}
	}
}

// prepare checks a launch.
func (m *Machine) prepare(k *Kernel, grid, block [3]int, shared int, args []uint64) (*launch, error) {
	threads, blocks := 1, 1
	for i := range 3 {
		if grid[i] < 1 || block[i] < 1 || block[i] > 1024 || grid[i] > 1<<31-1 || i > 0 && grid[i] > 65535 {
			return nil, fmt.Errorf("grid %v of blocks %v", grid, block)
		}
		threads *= block[i]
		blocks *= grid[i]
	}
	limit := 1024
	if k.MaxThreads > 0 {
		limit = min(limit, k.MaxThreads)
	}
	switch {
	case threads > limit:
		return nil, fmt.Errorf("%d threads in a block; at most %d", threads, limit)
	case shared < 0 || k.Shared+shared > m.o.SharedMemory:
		return nil, fmt.Errorf("%d + %d bytes of shared memory; a block has %d", k.Shared, shared, m.o.SharedMemory)
	case len(args) != len(k.Params):
		return nil, fmt.Errorf("%d arguments for %d parameters", len(args), len(k.Params))
	}
	symbols, err := m.load(k.module)
	if err != nil {
		return nil, err
	}
	l := &launch{
		machine: m, program: k.program, symbols: symbols, grid: grid, block: block, shared: shared,
		sharedSize: k.program.layout.dynamicBase() + shared,
	}
	for i, v := range args {
		if k.Params[i] != 8 {
			return nil, fmt.Errorf("parameter %d has %d bytes, not 8", i, k.Params[i])
		}
		l.args = binary.LittleEndian.AppendUint64(l.args, v)
	}
	return l, nil
}

// fix fills a slot that the program only reads.
func (l *launch) fix(w *warp, f fixed) {
	dst := &w.regs[f.slot]
	var v uint64
	switch f.kind {
	case fixedSpecial:
		for lane := range dst {
			dst[lane] = specials[f.name].of(w, lane)
		}
		return
	case fixedBits:
		v = f.value
	case fixedParam:
		v = littleEndian(l.args[f.value:][:f.bytes])
	case fixedSymbol:
		v = l.symbols[f.name] + f.value
	case fixedDynamic:
		v = uint64(l.program.layout.dynamicBase()) + f.value
	}
	for lane := range dst {
		dst[lane] = v
	}
}
