package ptx

import "strings"

// shuffle builds shfl.sync.MODE.b32 d|p, a, b, c, members. The bounds come as the instruction has them: c holds the
// clamp in bits 0–4 and the mask of a segment in bits 8–12.
func (b *builder) shuffle(in *instr) (op, error) {
	mode, ok := strings.CutPrefix(strings.TrimSuffix(in.op, ".b32"), "shfl.sync.")
	if !ok || !strings.HasSuffix(in.op, ".b32") || mode != "bfly" && mode != "idx" {
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
	from = low | by&^segment
	if mode == "bfly" {
		from = l ^ by
	}
	if from > high {
		return l, false
	}
	return from, true
}

// vote builds vote.sync.ballot.b32.
func (b *builder) vote(in *instr) (op, error) {
	if in.op != "vote.sync.ballot.b32" {
		return op{}, errOperand("unknown instruction")
	}
	if err := wantArgs(in, 3); err != nil {
		return op{}, err
	}
	d, err := b.dst(in.args[0], typeOf["b32"])
	if err != nil {
		return op{}, err
	}
	p, err := b.pred(in.args[1])
	if err != nil {
		return op{}, err
	}
	members, err := b.src(in.args[2], typeOf["b32"])
	return op{kind: opCollective, member: members, run: func(w *warp, m uint32) {
		v := uint64(p.of(w) & m)
		for l := range lanes(m) {
			w.regs[d][l] = v
		}
	}}, err
}
