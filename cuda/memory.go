package cuda

import (
	"errors"
	"math/bits"
	"sync"

	"bnas.example/cuda/driver"
)

// align rounds bytes up to what every buffer begins at: 256, as cuMemAlloc gives.
func align(bytes int64) int64 { return (bytes + 255) &^ 255 }

// layout hands out offsets in bytes.
type layout struct{ size int64 }

func (l *layout) bytes(n int64) int64 {
	at := l.size
	l.size += align(n)
	return at
}

// memory is one buffer that grows and is shared by all Execs of a Device, one at a time. The generation changes when
// its address does.
type memory struct {
	base       driver.Ptr
	size       int64
	generation int
}

// reserve makes the buffer at least so large; its contents are lost when it grows.
func (m *memory) reserve(d driver.Driver, bytes int64) error {
	if bytes <= m.size {
		return nil
	}
	if err := m.free(d); err != nil {
		return err
	}
	base, err := d.Alloc(align(bytes))
	if err != nil {
		return err
	}
	m.base, m.size = base, align(bytes)
	m.generation++
	return nil
}

func (m *memory) free(d driver.Driver) error {
	if m.base == 0 {
		return nil
	}
	base := m.base
	m.base, m.size = 0, 0
	return errors.Join(d.Sync(driver.Compute), d.Free(base))
}

// pool keeps small buffers, in classes of powers of two, so that a path that is drawn anew each step allocates
// nothing. Buffers come back when the garbage collector has found their Exec, from any goroutine; a buffer is used
// again in the order of the stream.
type pool struct {
	mu     sync.Mutex
	free   map[int][]driver.Ptr // by class
	all    []driver.Ptr
	graphs map[driver.Graph]bool // all that were recorded; false: their Exec is gone
}

func newPool() pool { return pool{free: map[int][]driver.Ptr{}, graphs: map[driver.Graph]bool{}} }

const smallestClass = 12

func class(bytes int64) int { return max(smallestClass, bits.Len64(uint64(bytes-1))) }

func (p *pool) take(d driver.Driver, bytes int64) (driver.Ptr, error) {
	c := class(max(bytes, 1))
	p.mu.Lock()
	if list := p.free[c]; len(list) > 0 {
		at := list[len(list)-1]
		p.free[c] = list[:len(list)-1]
		p.mu.Unlock()
		return at, nil
	}
	p.mu.Unlock()
	at, err := d.Alloc(1 << c)
	if err != nil {
		return 0, err
	}
	p.mu.Lock()
	p.all = append(p.all, at)
	p.mu.Unlock()
	return at, nil
}

// holding is what an Exec has of a pool. It outlives the Exec, so that a cleanup can give it back.
type holding struct {
	pool   *pool
	blocks map[driver.Ptr]int // class
	graphs []driver.Graph
}

func (h *holding) take(d driver.Driver, bytes int64) (driver.Ptr, error) {
	at, err := h.pool.take(d, bytes)
	if err == nil {
		h.blocks[at] = class(max(bytes, 1))
	}
	return at, err
}

func (h *holding) release(at driver.Ptr) {
	c, ok := h.blocks[at]
	if !ok {
		return
	}
	delete(h.blocks, at)
	h.pool.mu.Lock()
	defer h.pool.mu.Unlock()
	h.pool.free[c] = append(h.pool.free[c], at)
}

func (h *holding) releaseAll() {
	for at := range h.blocks {
		h.release(at)
	}
	h.pool.mu.Lock()
	defer h.pool.mu.Unlock()
	for _, g := range h.graphs {
		if _, ok := h.pool.graphs[g]; ok {
			h.pool.graphs[g] = false
		}
	}
	h.graphs = nil
}

// recorded notes a graph, to be freed when its Exec is gone.
func (h *holding) recorded(g driver.Graph) {
	h.graphs = append(h.graphs, g)
	h.pool.mu.Lock()
	defer h.pool.mu.Unlock()
	h.pool.graphs[g] = true
}

// tidy frees the graphs of Execs that are gone, or all.
func (p *pool) tidy(d driver.Driver, all bool) error {
	p.mu.Lock()
	var gone []driver.Graph
	for g, used := range p.graphs {
		if all || !used {
			gone = append(gone, g)
			delete(p.graphs, g)
		}
	}
	p.mu.Unlock()
	var errs []error
	for _, g := range gone {
		errs = append(errs, d.FreeGraph(g))
	}
	return errors.Join(errs...)
}

func (p *pool) close(d driver.Driver) error {
	errs := []error{p.tidy(d, true)}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range p.all {
		errs = append(errs, d.Free(at))
	}
	p.all, p.free = nil, map[int][]driver.Ptr{}
	return errors.Join(errs...)
}
