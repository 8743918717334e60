package ptx

import (
	"fmt"
	"math/bits"
)

// together runs a collective where all the lanes that it names, and that have not left, are in m. Lanes may name
// different sets, each its own.
func (w *warp) together(o *op, m uint32) bool {
	if o.member < 0 {
		if m != allLanes {
			if w.live != allLanes {
				w.fail(bits.TrailingZeros32(m), "the whole warp must run this, but it has lanes %#x alone", w.live)
			}
			return false
		}
		o.run(w, m)
		return w.fault == nil
	}
	for pass := range 2 {
		for rest := m; rest != 0; {
			members, same := w.members(o, rest)
			if w.fault != nil || members&w.live&^same != 0 {
				return false
			}
			if pass == 1 {
				o.run(w, same)
			}
			rest &^= same
		}
	}
	return w.fault == nil
}

// members is the set that the first lane of m names, and the lanes of m that name the same.
func (w *warp) members(o *op, m uint32) (members, same uint32) {
	v := &w.regs[o.member]
	members = uint32(v[bits.TrailingZeros32(m)])
	for l := range lanes(m) {
		if uint32(v[l]) == members {
			same |= 1 << l
		}
	}
	if same&^members != 0 {
		w.fail(bits.TrailingZeros32(same&^members), "a lane takes part that is not among its members %#x", members)
	}
	return members, same
}

// atBarrier says whether all lanes of the warp are at one barrier of the block.
func (w *warp) atBarrier() bool {
	g := w.groups[0]
	return len(w.groups) == 1 && w.live == w.all && w.block.launch.program.code[g.pc].kind == opBarrier
}

// releaseSync lets lanes go on that have met at different bar.warp.sync.
func (w *warp) releaseSync() bool {
	code := w.block.launch.program.code
	for _, first := range w.groups {
		if code[first.pc].kind != opWarpSync {
			continue
		}
		members, _ := w.members(&code[first.pc], first.mask)
		here := uint32(0)
		for _, g := range w.groups {
			if o := &code[g.pc]; o.kind == opWarpSync {
				for l := range lanes(g.mask) {
					if uint32(w.regs[o.member][l]) == members {
						here |= 1 << l
					}
				}
			}
		}
		if w.fault != nil || members&w.live&^here != 0 {
			continue
		}
		w.meet(here)
		w.step(here)
		return true
	}
	return false
}

// step moves lanes past the instruction that they are at.
func (w *warp) step(m uint32) {
	for i := range w.groups {
		moved := w.groups[i].mask & m
		if moved == 0 {
			continue
		}
		w.block.counts[w.groups[i].pc] += uint64(bits.OnesCount32(moved))
		if rest := w.groups[i].mask &^ m; rest != 0 {
			w.groups = append(w.groups, group{pc: w.groups[i].pc, mask: rest, waiting: true})
		}
		w.groups[i] = group{pc: w.groups[i].pc + 1, mask: moved}
	}
}

// failStuck reports lanes that wait for others that do not come.
func (w *warp) failStuck() {
	code := w.block.launch.program.code
	g := w.groups[0]
	w.pc = g.pc
	others := ""
	for _, x := range w.groups[1:] {
		others += fmt.Sprintf(", lanes %#x wait at line %d", x.mask, code[x.pc].in.line)
	}
	if gone := w.all &^ w.live; gone != 0 {
		others += fmt.Sprintf(", lanes %#x have left", gone)
	}
	what := "a deadlock"
	if code[g.pc].kind == opBarrier {
		what = "a divergent barrier"
	}
	w.fail(bits.TrailingZeros32(g.mask), "%s: lanes %#x are here%s", what, g.mask, others)
}
