package ptx

import (
	"fmt"
	"maps"
)

// Sample is what a launch does, from some of its blocks.
type Sample struct {
	WarpInstructions uint64  // of the whole launch
	Path             float64 // cycles of a block, but for the tail; the mean over blocks
	Tail             int     // cycles that the last block runs after its part is complete, as the last one
	// Lines has how often warps of the whole launch run the instructions of each line of the module's text.
	Lines map[int]uint64
}

// Parts are the equal parts into which a launch's grid is cut along x, such as the images of a batch.
type Parts struct {
	Count int
	// Group, if not 0, is how many parts are a group: the last block of each group merges its parts, that of the launch the groups.
	// Otherwise it merges all parts.
	Group int
}

// levels are the numbers of arrivals at the counters that the last block of a part comes to: parts, or parts of a group and groups.
func (p Parts) levels() []uint64 {
	switch {
	case p.Count == 1:
		return nil
	case p.Group == 0:
		return []uint64{uint64(p.Count)}
	}
	return []uint64{uint64(p.Group), p.groups()}
}

func (p Parts) groups() uint64 { return uint64((p.Count + p.Group - 1) / p.Group) }

// Sample runs the first of the parts of a launch, and takes the others to be like it: only the last block of a group and that of the
// launch do more than the same block of another part. They are run too: the part's last block runs again, with the counters that blocks
// add to by atomics as all others leave them. One part is the whole launch. Memory is not as the launch would leave it.
func (m *Machine) Sample(k *Kernel, grid, block [3]int, shared int, args []uint64, parts Parts, latencies Latencies) (Sample, error) {
	l, err := m.prepare(k, grid, block, shared, args)
	if err == nil && (parts.Count < 1 || grid[0]%parts.Count != 0) {
		err = fmt.Errorf("%d blocks across are not %d equal parts", grid[0], parts.Count)
	}
	if err == nil && parts.Group != 0 && (parts.Group < 2 || parts.Count <= parts.Group) {
		err = fmt.Errorf("%d parts are not several groups of %d", parts.Count, parts.Group)
	}
	if err != nil {
		return Sample{}, fmt.Errorf("ptx: kernel %s: %w", k.Name, err)
	}
	r := &sampling{launch: l, b: newBlock(l), parts: parts, issued: make([]uint64, len(l.program.code))}
	r.b.timed(&latencies)
	defer func() { m.counters = nil }()
	for row := range grid[1] * grid[2] {
		if f := r.row(row*grid[0], grid[0]/parts.Count); f != nil {
			return Sample{}, f
		}
	}
	r.s.Path /= float64(r.blocks)
	r.s.Lines = map[int]uint64{}
	for pc, n := range r.issued {
		r.s.WarpInstructions += n
		if n > 0 {
			r.s.Lines[l.program.code[pc].in.line] += n
		}
	}
	return r.s, nil
}

// sampling is a Sample under way.
type sampling struct {
	*launch
	b      *block
	parts  Parts
	issued []uint64 // by the whole launch, of each instruction
	blocks uint64   // that issued is of
	s      Sample
}

// row runs the n blocks of the first part of a row of the grid.
func (r *sampling) row(first, n int) *Fault {
	m, last, parts := r.machine, first+n-1, uint64(r.parts.Count)
	m.counters = map[uint64]uint64{}
	for i := range n - 1 {
		if f := r.run(first+i, parts, 1); f != nil {
			return f
		}
	}
	before := maps.Clone(m.counters)
	for address := range before {
		before[address] = m.counter(address).value()
	}
	levels := r.parts.levels()
	beyond := make([]uint64, len(levels)+1) // how many of the parts' last blocks go on beyond each level
	for i := range levels {
		beyond[i] = 1
		if i+1 < len(levels) {
			beyond[i] = r.parts.groups()
		}
	}
	times := parts
	if len(levels) > 0 {
		times -= beyond[0]
	}
	if f := r.run(last, times, 1); f != nil {
		return f
	}
	complete := map[uint64]uint64{} // the counters as the last block of all finds them
	for i, arrivals := range levels {
		for address, begin := range m.counters {
			if _, known := complete[address]; known {
				continue
			}
			gained := m.counter(address).value() - begin
			if now, touched := before[address]; touched {
				begin = now
			}
			complete[address] = begin + (arrivals-1)*gained
		}
		for address, v := range complete {
			m.counter(address).set(v)
		}
		times, tail := beyond[i]-beyond[i+1], 1
		if i+1 == len(levels) {
			tail = len(levels)
		}
		if f := r.run(last, times, tail); f != nil {
			return f
		}
	}
	r.s.Tail = max(r.s.Tail, r.b.tail(max(1, len(levels))))
	return nil
}

// run runs a block that stands for a number of blocks. Its tail begins at the atomic that is the tail-th from the end.
func (r *sampling) run(n int, times uint64, tail int) *Fault {
	if f := r.b.run(n); f != nil {
		return f
	}
	for pc, k := range r.b.issued {
		r.issued[pc] += k * times
	}
	r.blocks += times
	r.s.Path += float64(times) * float64(r.b.clock()-r.b.tail(tail))
	return nil
}

// counter is the memory of a word of 32 bits to which blocks add.
func (m *Machine) counter(address uint64) counter {
	a := m.alloc(address)
	return a.data[address-a.base:][:4]
}

type counter []byte

func (c counter) value() uint64 { return littleEndian(c) }

func (c counter) set(v uint64) { putLittleEndian(c, v) }
