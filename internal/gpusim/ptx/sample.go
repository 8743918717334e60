package ptx

import (
	"fmt"
	"maps"
)

// Sample is what a launch does, from some of its blocks.
type Sample struct {
	WarpInstructions uint64  // of the whole launch
	Path             float64 // cycles of a block, but for the tail; the mean over blocks
	Tail             int     // cycles that the last block runs after it has arrived as the last one
	// Lines has how often warps of the whole launch run the instructions of each line of the module's text.
	Lines map[int]uint64
}

// Sample runs the first of the equal parts into which a launch's grid is cut along x, and takes the others to be like it: with
// a part for each image of a batch, only the last block of all does more than the same block of another image. That one is
// run too: its part's last block runs again, with the counters that blocks add to by atomics as all others leave them. One
// part is the whole launch. Memory is not as the launch would leave it.
func (m *Machine) Sample(k *Kernel, grid, block [3]int, shared int, args []uint64, parts int, latencies Latencies) (Sample, error) {
	l, err := m.prepare(k, grid, block, shared, args)
	if err == nil && (parts < 1 || grid[0]%parts != 0) {
		err = fmt.Errorf("%d blocks across are not %d equal parts", grid[0], parts)
	}
	if err != nil {
		return Sample{}, fmt.Errorf("ptx: kernel %s: %w", k.Name, err)
	}
	r := &sampling{launch: l, b: newBlock(l), parts: uint64(parts), issued: make([]uint64, len(l.program.code))}
	r.b.timed(&latencies)
	defer func() { m.counters = nil }()
	for row := range grid[1] * grid[2] {
		if f := r.row(row*grid[0], grid[0]/parts); f != nil {
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
	parts  uint64
	issued []uint64 // by the whole launch, of each instruction
	blocks uint64   // that issued is of
	s      Sample
}

// row runs the n blocks of the first part of a row of the grid.
func (r *sampling) row(first, n int) *Fault {
	m := r.machine
	m.counters = map[uint64]uint64{}
	for i := range n - 1 {
		if f := r.run(first+i, r.parts); f != nil {
			return f
		}
	}
	before := maps.Clone(m.counters)
	for address := range before {
		before[address] = m.counter(address).value()
	}
	if f := r.run(first+n-1, max(1, r.parts-1)); f != nil {
		return f
	}
	if r.parts > 1 {
		for address, begin := range m.counters {
			c := m.counter(address)
			gained := c.value() - begin
			if now, touched := before[address]; touched {
				begin = now
			}
			c.set(begin + (r.parts-1)*gained)
		}
		if f := r.run(first+n-1, 1); f != nil {
			return f
		}
	}
	r.s.Tail = max(r.s.Tail, r.b.tail())
	return nil
}

// run runs a block that stands for a number of blocks.
func (r *sampling) run(n int, times uint64) *Fault {
	if f := r.b.run(n); f != nil {
		return f
	}
	for pc, k := range r.b.issued {
		r.issued[pc] += k * times
	}
	r.blocks += times
	r.s.Path += float64(times) * float64(r.b.clock()-r.b.tail())
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
