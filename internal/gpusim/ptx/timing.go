package ptx

import (
	"math/bits"
	"slices"
	"strings"
)

// Latencies are how many cycles pass between the issue of an instruction and that of the first one that needs its result.
type Latencies struct {
	Arithmetic int // of integers and float32
	Double     int // of float64, but for divisions and roots
	Special    int // divisions, roots and powers of 32 bits
	Long       int // divisions and roots of 64 bits
	Matrix     int // mma
	Shared     int // of shared memory, and of what lanes exchange
	Near       int // a load from a line that the block has loaded before: the first-level cache
	Far        int // any other load, an atomic, a fence: the second-level cache
	Barrier    int
}

// timing is the time of a warp. Instructions issue in the order of the text, one a cycle, each as soon as what it reads is
// there. The warp has its multiprocessor to itself, and every load finds its data in the second-level cache at least.
type timing struct {
	latencies *Latencies
	uses      []use
	clock     int            // when the next instruction may issue
	ready     []int          // of each slot
	lines     map[uint64]int // when each line that the block has loaded is in the first-level cache
	groups    []int          // when each group of cp.async has landed
	copied    int            // when what is not committed yet has landed
	atomics   []int          // when each atomic was issued
}

func newTiming(l *Latencies, p *program, lines map[uint64]int) *timing {
	return &timing{latencies: l, uses: p.uses, ready: make([]int, p.slots), lines: lines}
}

func (t *timing) begin() {
	clear(t.ready)
	t.clock, t.groups, t.copied, t.atomics = 0, t.groups[:0], 0, t.atomics[:0]
}

// issue moves the clock past an instruction that lanes m of a warp run.
func (t *timing) issue(w *warp, pc int, m uint32) {
	u := &t.uses[pc]
	at := t.clock
	for _, r := range u.reads {
		at = max(at, t.ready[r])
	}
	t.clock = at + 1
	w.block.issued[pc]++
	if m == 0 {
		return
	}
	l := t.latencies
	ready := at
	switch u.class {
	case freeClass:
		ready += 1
	case quickClass:
		ready += l.Arithmetic
	case doubleClass:
		ready += l.Double
	case specialClass:
		ready += l.Special
	case longClass:
		ready += l.Long
	case matrixClass:
		ready += l.Matrix
	case sharedClass:
		ready += l.Shared
	case cachedClass:
		ready = t.load(w, u, at, m)
	case farClass:
		ready += l.Far
	case atomicClass:
		ready += l.Far
		t.atomics = append(t.atomics, at)
	case fenceClass:
		t.clock = at + l.Far
	case copyClass:
		t.copied = max(t.copied, at+l.Far)
	case commitClass:
		t.groups = append(t.groups, t.copied)
		t.copied = 0
	case waitClass:
		for _, landed := range t.groups[:max(0, len(t.groups)-u.left)] {
			t.clock = max(t.clock, landed)
		}
	}
	for _, r := range u.writes {
		t.ready[r] = ready
	}
}

// load is when a load that goes through the first-level cache is there.
func (t *timing) load(w *warp, u *use, at int, m uint32) int {
	ready := at + t.latencies.Near
	if u.address < 0 {
		return ready
	}
	for ; m != 0; m &= m - 1 {
		address := w.regs[u.address][bits.TrailingZeros32(m)] + u.offset
		if address>>32 == sharedWindow>>32 || address>>32 == localWindow>>32 {
			continue
		}
		in, ok := t.lines[address/lineBytes]
		if !ok {
			in = at + t.latencies.Far
			t.lines[address/lineBytes] = in
		}
		ready = max(ready, in)
	}
	return ready
}

// lineBytes is the length of a line of the first-level cache.
const lineBytes = 128

// latency classes of an instruction.
type latencyClass int

const (
	freeClass latencyClass = iota // moves, which the assembler leaves out
	quickClass
	doubleClass
	specialClass
	longClass
	matrixClass
	sharedClass
	cachedClass // through the first-level cache
	farClass    // not through it
	atomicClass
	fenceClass
	copyClass   // cp.async
	commitClass // cp.async.commit_group
	waitClass   // cp.async.wait_group
)

// classOf is the class of an instruction's latency.
func classOf(in *instr) latencyClass {
	family, rest := in.parts[0], in.parts[1:]
	last := in.parts[len(in.parts)-1]
	has := func(word string) bool { return slices.Contains(rest, word) }
	wide := strings.HasSuffix(last, "64")
	switch family {
	case "ld":
		switch {
		case has("shared"):
			return sharedClass
		case has("param") || has("const") || has("local"):
			return quickClass
		case has("cg") || has("volatile"):
			return farClass
		}
		return cachedClass
	case "atom":
		if has("shared") {
			return sharedClass
		}
		return atomicClass
	case "membar", "fence":
		return fenceClass
	case "mov", "cvta":
		return freeClass
	case "ldmatrix", "shfl", "vote":
		return sharedClass
	case "mma":
		return matrixClass
	case "cp":
		switch {
		case has("commit_group"):
			return commitClass
		case has("wait_group"):
			return waitClass
		}
		return copyClass
	case "div", "rem", "sqrt", "rsqrt", "rcp", "ex2":
		if wide {
			return longClass
		}
		return specialClass
	}
	if has("f64") {
		return doubleClass
	}
	return quickClass
}

// use is what an instruction reads and writes, and its latency.
type use struct {
	reads, writes []int
	class         latencyClass
	address       int    // cachedClass: the slot of the address
	offset        uint64 // cachedClass: beyond it
	left          int    // waitClass: groups that may still be under way
}

// usesOf are the uses of every instruction of a program.
func usesOf(code []op) []use {
	list := make([]use, len(code))
	for i, o := range code {
		u := use{class: classOf(o.in), address: -1}
		for k, a := range o.in.args {
			if k == 0 && writesFirst(o.in.parts[0]) {
				u.writes = registersOf(a, u.writes)
			} else {
				u.reads = registersOf(a, u.reads)
			}
			if u.class == waitClass {
				u.left = int(a.value)
			}
			if u.class == cachedClass && a.kind == addressOperand && a.parts[0].kind == regOperand {
				u.address, u.offset = a.parts[0].reg, a.value
			}
		}
		if o.guard >= 0 {
			u.reads = append(u.reads, o.guard)
		}
		list[i] = u
	}
	return list
}

// writesFirst says whether the first operand of a family of instructions is its result.
func writesFirst(family string) bool {
	switch family {
	case "st", "cp", "bar", "bra", "membar", "ret", "trap":
		return false
	}
	return true
}

func registersOf(o operand, list []int) []int {
	if o.kind == regOperand {
		list = append(list, o.reg)
	}
	for _, p := range o.parts {
		list = registersOf(p, list)
	}
	return list
}

// timed gives the warps of a block clocks.
func (b *block) timed(l *Latencies) {
	b.lines, b.issued = map[uint64]int{}, make([]uint64, len(b.launch.program.code))
	for _, w := range b.warps {
		w.timing = newTiming(l, b.launch.program, b.lines)
	}
}

// clock is the latest of the warps' clocks.
func (b *block) clock() (latest int) {
	for _, w := range b.warps {
		latest = max(latest, w.timing.clock)
	}
	return latest
}

// align lets the warps go on from a barrier together.
func (b *block) align() {
	if b.lines == nil {
		return
	}
	latest := b.clock() + b.warps[0].timing.latencies.Barrier
	for _, w := range b.warps {
		w.timing.clock = latest
	}
}

// tail is how long the block ran after the atomic that is the k-th from the end was issued; 0 without atomics. One thread makes them.
func (b *block) tail(k int) int {
	begin := -1
	for _, w := range b.warps {
		if at := w.timing.atomics; len(at) > 0 {
			begin = max(begin, at[max(0, len(at)-k)])
		}
	}
	if begin < 0 {
		return 0
	}
	return b.clock() - begin
}
