package ptx

import (
	"math/bits"
	"strings"
)

// block runs one block of a launch after another.
type block struct {
	launch *launch
	index  [3]int
	warps  []*warp
	shared shared
	counts []uint64       // of lanes, for each instruction
	steps  uint64         // of warps, of all blocks before this one
	lines  map[uint64]int // of a block that is timed: see timing
	issued []uint64       // of a block that is timed: how often warps have run each instruction
}

func newBlock(l *launch) *block {
	b := &block{launch: l, counts: make([]uint64, len(l.program.code))}
	threads := l.block[0] * l.block[1] * l.block[2]
	for first := 0; first < threads; first += warpSize {
		w := &warp{
			block: b, index: first / warpSize, all: allLanes,
			regs: make([]vec, l.program.slots), preds: make([]uint32, l.program.slots),
			local: make([]byte, warpSize*l.program.layout.local),
		}
		if n := threads - first; n < warpSize {
			w.all = 1<<n - 1
		}
		b.warps = append(b.warps, w)
	}
	for _, w := range b.warps {
		for _, f := range l.program.fixed {
			l.fix(w, f)
		}
	}
	return b
}

// run runs block number n to its end.
func (b *block) run(n int) *Fault {
	grid := b.launch.grid
	b.index = [3]int{n % grid[0], n / grid[0] % grid[1], n / grid[0] / grid[1]}
	b.shared.begin(b.launch.sharedSize, b.launch.program.layout.gaps)
	clear(b.lines)
	clear(b.issued)
	for _, w := range b.warps {
		w.begin()
		for _, f := range b.launch.program.fixed {
			if strings.HasPrefix(f.name, "%ctaid") {
				b.launch.fix(w, f)
			}
		}
	}
	for {
		waiting, left, steps := 0, 0, uint64(0)
		for _, w := range b.warps {
			switch w.run() {
			case stateFault:
				return w.fault
			case stateBarrier:
				waiting++
			case stateLeft:
				left++
			}
			steps += w.steps
		}
		switch {
		case left == len(b.warps):
			b.steps += steps
			return nil
		case steps > b.launch.machine.o.MaxSteps:
			return b.endless(steps)
		case waiting+left == len(b.warps):
			if f := b.release(left); f != nil {
				return f
			}
		}
	}
}

// release lets all warps go past the barrier that they are at.
func (b *block) release(left int) *Fault {
	first := b.warps[0]
	for _, w := range b.warps {
		if len(w.groups) == 0 {
			continue
		}
		w.pc = w.groups[0].pc
		lane := bits.TrailingZeros32(w.live)
		switch {
		case left > 0:
			w.fail(lane, "a divergent barrier: %d warps of the block have left without it", left)
			return w.fault
		case w.pc != first.groups[0].pc:
			line := b.launch.program.code[first.groups[0].pc].in.line
			w.fail(lane, "a divergent barrier: warp %d is here, warp 0 at the one of line %d", w.index, line)
			return w.fault
		}
	}
	for _, w := range b.warps {
		w.step(w.live)
	}
	b.align()
	b.shared.phase++
	return nil
}

// endless reports a warp that has not come to its end.
func (b *block) endless(steps uint64) *Fault {
	for _, w := range b.warps {
		if len(w.groups) > 0 {
			w.pc = w.groups[0].pc
			w.fail(bits.TrailingZeros32(w.groups[0].mask), "no end after %d instructions: a deadlock, or a loop without end", steps)
			return w.fault
		}
	}
	return nil
}
