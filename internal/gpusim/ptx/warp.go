package ptx

import (
	"math"
	"math/bits"
)

// warp is 32 threads of a block.
type warp struct {
	block  *block
	index  int
	all    uint32 // the lanes that the block has threads for
	live   uint32 // those that have not left
	groups []group
	regs   []vec
	preds  []uint32
	spare  vec
	local  []byte // of each lane in turn
	async  [warpSize]asyncQueue
	syncs  uint32 // bar.warp.sync so far
	met    [warpSize][warpSize]uint32
	recent *alloc // of the last access to global memory
	steps  uint64
	pc     int     // of the instruction that is running
	timing *timing // nil: not wanted
	fault  *Fault
}

// group is the lanes of a warp that are at one place.
type group struct {
	pc      int
	mask    uint32
	waiting bool // for other lanes, or at the block's barrier
}

// state is how a warp's turn ended.
type state int

const (
	stateReady   state = iota // its turn was over
	stateBarrier              // all its lanes are at a barrier of the block
	stateLeft                 // all its lanes have left
	stateFault
)

// turn is how many instructions a warp runs before another gets its turn.
const turn = 1 << 14

// tid is the index of a lane's thread in the block.
func (w *warp) tid(lane int) [3]int {
	n, size := w.index*warpSize+lane, w.block.launch.block
	return [3]int{n % size[0], n / size[0] % size[1], n / size[0] / size[1]}
}

// begin puts all lanes at the start of the kernel.
func (w *warp) begin() {
	w.live = w.all
	w.groups = append(w.groups[:0], group{mask: w.all})
	w.fault, w.recent, w.steps = nil, nil, 0
	clear(w.local)
	if w.timing != nil {
		w.timing.begin()
	}
	for l := range w.async {
		w.async[l] = asyncQueue{copies: w.async[l].copies[:0]}
	}
}

// run is one turn of the warp: the group that is furthest behind goes on until it meets another.
func (w *warp) run() state {
	end := w.steps + turn
	for w.fault == nil {
		w.merge()
		i := w.furthestBehind()
		switch {
		case i >= 0 && w.steps >= end:
			return stateReady
		case i >= 0:
			w.advance(i, end)
			continue
		case len(w.groups) == 0:
			return stateLeft
		case w.atBarrier():
			return stateBarrier
		case !w.releaseSync():
			w.failStuck()
		}
	}
	return stateFault
}

// merge joins groups that are at the same place; those that waited there look again.
func (w *warp) merge() {
	for i := 0; i < len(w.groups); i++ {
		for j := len(w.groups) - 1; j > i; j-- {
			if w.groups[i].pc == w.groups[j].pc {
				w.groups[i].mask |= w.groups[j].mask
				w.groups[i].waiting = false
				w.remove(j)
			}
		}
	}
}

func (w *warp) remove(i int) {
	last := len(w.groups) - 1
	w.groups[i] = w.groups[last]
	w.groups = w.groups[:last]
}

func (w *warp) furthestBehind() int {
	best := -1
	for i, g := range w.groups {
		if !g.waiting && (best < 0 || g.pc < w.groups[best].pc) {
			best = i
		}
	}
	return best
}

// nextGroup is the place of the next group beyond pc.
func (w *warp) nextGroup(pc int) int {
	next := math.MaxInt
	for _, g := range w.groups {
		if g.pc > pc && g.pc < next {
			next = g.pc
		}
	}
	return next
}

// advance runs group i until it meets another, parts, waits, leaves, or its turn ends.
func (w *warp) advance(i int, end uint64) {
	code, counts := w.block.launch.program.code, w.block.counts
	pc, mask := w.groups[i].pc, w.groups[i].mask
	next := w.nextGroup(pc)
	for pc < next {
		o := &code[pc]
		m := mask
		if o.guard >= 0 {
			p := w.preds[o.guard]
			if o.not {
				p = ^p
			}
			m &= p
		}
		w.pc = pc
		w.steps++
		if w.timing != nil {
			w.timing.issue(w, pc, m)
		}
		switch o.kind {
		case opPlain:
			counts[pc] += uint64(bits.OnesCount32(m))
			if m != 0 {
				if o.run(w, m); w.fault != nil {
					return
				}
			}
			pc++
		case opBranch:
			counts[pc] += uint64(bits.OnesCount32(m))
			switch m {
			case 0:
				pc++
			case mask:
				pc = o.target
				if len(w.groups) > 1 || w.steps >= end {
					w.groups[i].pc = pc
					return
				}
			default:
				w.groups[i] = group{pc: pc + 1, mask: mask &^ m}
				w.groups = append(w.groups, group{pc: o.target, mask: m})
				return
			}
		default:
			w.groups[i].pc = pc
			if w.control(i, o, m) {
				return
			}
			pc++
		}
	}
	w.groups[i].pc = pc
}

// control runs an instruction that may move, stop or part a group, and says whether the group's place has changed.
func (w *warp) control(i int, o *op, m uint32) bool {
	g := &w.groups[i]
	if m == 0 {
		return false
	}
	if m != g.mask {
		// Those whose guard does not hold go on.
		rest := group{pc: g.pc + 1, mask: g.mask &^ m}
		g.mask = m
		w.groups = append(w.groups, rest)
		g = &w.groups[i]
	}
	switch o.kind {
	case opExit:
		w.leave(i)
	case opTrap:
		w.fail(bits.TrailingZeros32(m), "trap")
	case opBarrier:
		g.waiting = true
		return true
	default:
		if !w.together(o, m) {
			g.waiting = w.fault == nil
			return true
		}
		g.pc++
	}
	w.block.counts[w.pc] += uint64(bits.OnesCount32(m))
	return true
}

// leave ends the lanes of a group. Who waits for them looks again.
func (w *warp) leave(i int) {
	w.live &^= w.groups[i].mask
	w.remove(i)
	for j := range w.groups {
		w.groups[j].waiting = false
	}
}
