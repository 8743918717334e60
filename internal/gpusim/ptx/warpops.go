package ptx

import (
	"math/bits"
	"strings"
)

// shuffle builds shfl.sync.MODE.b32 d|p, a, b, c, members. The bounds come as the instruction has them: c holds the
// clamp in bits 0–4 and the mask of a segment in bits 8–12.
func (b *builder) shuffle(in *instr) (op, error) {
	mode, ok := strings.CutPrefix(strings.TrimSuffix(in.op, ".b32"), "shfl.sync.")
	if !ok || !strings.HasSuffix(in.op, ".b32") || mode != "up" && mode != "down" && mode != "bfly" && mode != "idx" {
		return op{}, errOperand("unknown instruction")
	}
	if err := wantArgs(in, 5); err != nil {
		return op{}, err
	}
	to, p := in.args[0], operand{kind: sinkOperand}
	if to.kind == pairOperand {
		to, p = to.parts[0], to.parts[1]
	}
	d, err := b.dst(to, typeOf["b32"])
	if err != nil {
		return op{}, err
	}
	pd, err := b.predDst(p)
	if err != nil {
		return op{}, err
	}
	var s [4]int
	for i := range s {
		if s[i], err = b.src(in.args[1+i], typeOf["b32"]); err != nil {
			return op{}, err
		}
	}
	return op{kind: opCollective, member: s[3], run: func(w *warp, m uint32) {
		a := w.regs[s[0]]
		for l := range lanes(m) {
			from, inside := shuffleSource(mode, l, int(w.regs[s[1]][l]), w.regs[s[2]][l])
			if m>>from&1 == 0 {
				w.fail(l, "shfl reads lane %d, which does not take part", from)
				return
			}
			w.regs[d][l] = a[from]
			w.preds[pd] &^= 1 << l
			if inside {
				w.preds[pd] |= 1 << l
			}
		}
	}}, nil
}

// shuffleSource is the lane that lane l reads, and whether it is inside the segment: outside, a lane reads itself.
func shuffleSource(mode string, l, by int, c uint64) (from int, inside bool) {
	segment, clamp := int(c>>8&31), int(c&31)
	low := l & segment
	high := low | clamp&^segment
	by &= 31
	switch mode {
	case "up":
		from = l - by
		inside = from >= high
	case "down":
		from = l + by
		inside = from <= high
	case "bfly":
		from = l ^ by
		inside = from <= high
	default:
		from = low | by&^segment
		inside = from <= high
	}
	if !inside {
		from = l
	}
	return from, inside
}

// vote builds vote.sync.ballot.b32 and vote.sync.{any,all,uni}.pred.
func (b *builder) vote(in *instr) (op, error) {
	if err := wantArgs(in, 3); err != nil {
		return op{}, err
	}
	p, err := b.pred(in.args[1])
	if err != nil {
		return op{}, err
	}
	members, err := b.src(in.args[2], typeOf["b32"])
	if err != nil {
		return op{}, err
	}
	if in.op == "vote.sync.ballot.b32" {
		d, err := b.dst(in.args[0], typeOf["b32"])
		return op{kind: opCollective, member: members, run: func(w *warp, m uint32) {
			v := uint64(p.of(w) & m)
			for l := range lanes(m) {
				w.regs[d][l] = v
			}
		}}, err
	}
	var holds func(yes, m uint32) bool
	switch in.op {
	case "vote.sync.any.pred":
		holds = func(yes, _ uint32) bool { return yes != 0 }
	case "vote.sync.all.pred":
		holds = func(yes, m uint32) bool { return yes == m }
	case "vote.sync.uni.pred":
		holds = func(yes, m uint32) bool { return yes == 0 || yes == m }
	default:
		return op{}, errOperand("unknown instruction")
	}
	d, err := b.predDst(in.args[0])
	return op{kind: opCollective, member: members, run: func(w *warp, m uint32) {
		yes := holds(p.of(w)&m, m)
		w.preds[d] &^= m
		if yes {
			w.preds[d] |= m
		}
	}}, err
}

// match builds match.any.sync.b32 and .b64: the lanes that have the same value.
func (b *builder) match(in *instr) (op, error) {
	t := typeOf[in.parts[len(in.parts)-1]]
	if in.op != "match.any.sync.b32" && in.op != "match.any.sync.b64" {
		return op{}, errOperand("unknown instruction")
	}
	if err := wantArgs(in, 3); err != nil {
		return op{}, err
	}
	d, err := b.dst(in.args[0], typeOf["b32"])
	if err != nil {
		return op{}, err
	}
	s, err := b.src(in.args[1], t)
	if err != nil {
		return op{}, err
	}
	members, err := b.src(in.args[2], typeOf["b32"])
	return op{kind: opCollective, member: members, run: func(w *warp, m uint32) {
		a := w.regs[s]
		for l := range lanes(m) {
			same := uint64(0)
			for j := range lanes(m) {
				if a[j] == a[l] {
					same |= 1 << j
				}
			}
			w.regs[d][l] = same
		}
	}}, err
}

// reduce builds redux.sync: add, min, max of 32-bit integers, and, or, xor of bits.
func (b *builder) reduce(in *instr) (op, error) {
	if len(in.parts) != 4 || in.parts[1] != "sync" {
		return op{}, errOperand("unknown instruction")
	}
	t, ok := typeOf[in.parts[3]]
	name := in.parts[2]
	f := atomicFunction(name, t)
	if !ok || f == nil || t.bytes != 4 || name == "exch" || name == "cas" || name == "inc" || name == "dec" {
		return op{}, errOperand("unknown instruction")
	}
	if err := wantArgs(in, 3); err != nil {
		return op{}, err
	}
	d, err := b.dst(in.args[0], t)
	if err != nil {
		return op{}, err
	}
	s, err := b.src(in.args[1], t)
	if err != nil {
		return op{}, err
	}
	members, err := b.src(in.args[2], typeOf["b32"])
	return op{kind: opCollective, member: members, run: func(w *warp, m uint32) {
		a := w.regs[s]
		v := a[bits.TrailingZeros32(m)]
		for l := range lanes(m & (m - 1)) {
			v = f(v, a[l], 0)
		}
		for l := range lanes(m) {
			w.regs[d][l] = v
		}
	}}, err
}

// activeMask builds activemask.b32: the lanes that are here together.
func (b *builder) activeMask(in *instr) (op, error) {
	if in.op != "activemask.b32" {
		return op{}, errOperand("unknown instruction")
	}
	if err := wantArgs(in, 1); err != nil {
		return op{}, err
	}
	d, err := b.dst(in.args[0], typeOf["b32"])
	return op{run: func(w *warp, m uint32) {
		for l := range lanes(m) {
			w.regs[d][l] = uint64(m)
		}
	}}, err
}
