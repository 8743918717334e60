package ptx

// mov builds mov: between registers, from special registers and addresses, and the packing and unpacking of vectors.
func (b *builder) mov(in *instr) (op, error) {
	if err := wantArgs(in, 2); err != nil {
		return op{}, err
	}
	if len(in.parts) != 2 {
		return op{}, errOperand("unknown instruction")
	}
	t, ok := typeOf[in.parts[1]]
	to, from := in.args[0], in.args[1]
	switch {
	case !ok:
		return op{}, errOperand("unknown instruction")
	case t.class == predClass:
		return b.movPred(to, from)
	case to.kind == vectorOperand:
		return b.unpack(to.parts, from, t)
	case from.kind == vectorOperand:
		return b.pack(to, from.parts, t)
	}
	d, err := b.dst(to, t)
	if err != nil {
		return op{}, err
	}
	s, err := b.src(from, t)
	return b.pure(d, s, s, s, copyLanes), err
}

func copyLanes(d, a, _, _ *vec) { *d = *a }

func (b *builder) movPred(to, from operand) (op, error) {
	d, err := b.predDst(to)
	if err != nil {
		return op{}, err
	}
	p, err := b.pred(from)
	return op{run: func(w *warp, m uint32) { w.preds[d] = w.preds[d]&^m | p.of(w)&m }}, err
}

// part is the type of one of n equal parts.
func part(t typ, n int) (typ, error) {
	if n != 2 && n != 4 || t.bytes/n < 1 {
		return t, errOperand("these parts are not supported")
	}
	return typeOf["b"+width(t.bits()/n)], nil
}

func (b *builder) unpack(to []operand, from operand, t typ) (op, error) {
	pt, err := part(t, len(to))
	if err != nil {
		return op{}, err
	}
	s, err := b.src(from, t)
	if err != nil {
		return op{}, err
	}
	d := make([]int, len(to))
	for i, o := range to {
		if d[i], err = b.dst(o, pt); err != nil {
			return op{}, err
		}
	}
	n, mask := pt.bits(), pt.mask()
	return op{run: func(w *warp, m uint32) {
		for l := range lanes(m) {
			v := w.regs[s][l]
			for i, d := range d {
				w.regs[d][l] = v >> (i * n) & mask
			}
		}
	}}, nil
}

func (b *builder) pack(to operand, from []operand, t typ) (op, error) {
	pt, err := part(t, len(from))
	if err != nil {
		return op{}, err
	}
	d, err := b.dst(to, t)
	if err != nil {
		return op{}, err
	}
	s := make([]int, len(from))
	for i, o := range from {
		if s[i], err = b.src(o, pt); err != nil {
			return op{}, err
		}
	}
	n := pt.bits()
	return op{run: func(w *warp, m uint32) {
		for l := range lanes(m) {
			v := uint64(0)
			for i, s := range s {
				v |= w.regs[s][l] << (i * n)
			}
			w.regs[d][l] = v
		}
	}}, nil
}

// selp builds selp.b32 d, a, b, p: a where p holds, else b.
func (b *builder) selp(in *instr) (op, error) {
	if err := wantArgs(in, 4); err != nil {
		return op{}, err
	}
	t, ok := typeOf[in.parts[len(in.parts)-1]]
	if !ok || len(in.parts) != 2 || t.class == predClass {
		return op{}, errOperand("unknown instruction")
	}
	d, err := b.dst(in.args[0], t)
	if err != nil {
		return op{}, err
	}
	x, err := b.src(in.args[1], t)
	if err != nil {
		return op{}, err
	}
	y, err := b.src(in.args[2], t)
	if err != nil {
		return op{}, err
	}
	p, err := b.pred(in.args[3])
	return op{run: func(w *warp, m uint32) {
		yes := p.of(w)
		dst, x, y := &w.regs[d], &w.regs[x], &w.regs[y]
		for l := range dst {
			if m>>l&1 == 0 {
				continue
			}
			if yes>>l&1 != 0 {
				dst[l] = x[l]
			} else {
				dst[l] = y[l]
			}
		}
	}}, err
}

// predLogic builds and.pred, or.pred, xor.pred and not.pred.
func (b *builder) predLogic(in *instr) (op, error) {
	logic := in.parts[0]
	want := 3
	if logic == "not" {
		want = 2
	}
	if in.op != logic+".pred" {
		return op{}, errOperand("unknown instruction")
	}
	if err := wantArgs(in, want); err != nil {
		return op{}, err
	}
	d, err := b.predDst(in.args[0])
	if err != nil {
		return op{}, err
	}
	x, err := b.pred(in.args[1])
	if err != nil {
		return op{}, err
	}
	if logic == "not" {
		return op{run: func(w *warp, m uint32) { w.preds[d] = w.preds[d]&^m | ^x.of(w)&m }}, nil
	}
	y, err := b.pred(in.args[2])
	return op{run: func(w *warp, m uint32) {
		w.preds[d] = w.preds[d]&^m | combine(logic, x.of(w), y.of(w))&m
	}}, err
}

func combine(logic string, x, y uint32) uint32 {
	switch logic {
	case "and":
		return x & y
	case "or":
		return x | y
	}
	return x ^ y
}

// cvta builds cvta.to.global.u64 and cvta.global.u64: global memory is where its generic addresses are.
func (b *builder) cvta(in *instr) (op, error) {
	if in.op != "cvta.to.global.u64" && in.op != "cvta.global.u64" {
		return op{}, errOperand("unknown instruction")
	}
	t := typeOf["u64"]
	return b.simple(in, simple{t, []typ{t}, copyLanes})
}

// nothing builds the fences, which have no effect here: blocks see each other's writes as they happen.
func (b *builder) nothing(in *instr) (op, error) {
	if in.op != "membar.gl" && in.op != "fence.acq_rel.gpu" {
		return op{}, errOperand("unknown instruction")
	}
	return op{run: func(*warp, uint32) {}}, nil
}
