package ptx

// setp builds setp.lt.f32 p, a, b: p = (a < b).
func (b *builder) setp(in *instr) (op, error) {
	if len(in.parts) != 3 {
		return op{}, errOperand("unknown instruction")
	}
	if err := wantArgs(in, 3); err != nil {
		return op{}, err
	}
	t, ok := typeOf[in.parts[2]]
	if !ok || t.class == predClass {
		return op{}, errOperand("this type is not supported")
	}
	holds, err := compare(in.parts[1], t)
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
	p, err := b.predDst(in.args[0])
	if err != nil {
		return op{}, err
	}
	if quick := quickCompare(in.parts[1], t); quick != nil {
		return op{run: func(w *warp, m uint32) {
			w.preds[p] = w.preds[p]&^m | quick(&w.regs[x], &w.regs[y])&m
		}}, nil
	}
	return op{run: func(w *warp, m uint32) {
		a, b := &w.regs[x], &w.regs[y]
		for l := range lanes(m) {
			w.preds[p] &^= 1 << l
			if holds(a[l], b[l]) {
				w.preds[p] |= 1 << l
			}
		}
	}}, nil
}

// quickCompare is the loop of the commonest relations, of all lanes; nil for others.
func quickCompare(name string, t typ) func(a, b *vec) uint32 {
	switch {
	case t.isFloat():
		return nil
	case name == "eq" || name == "ne":
		flip := uint32(0)
		if name == "ne" {
			flip = allLanes
		}
		return func(a, b *vec) uint32 {
			out := uint32(0)
			for l := range a {
				if a[l] == b[l] {
					out |= 1 << l
				}
			}
			return out ^ flip
		}
	case t.name == "s32" && (name == "lt" || name == "ge"):
		flip := uint32(0)
		if name == "ge" {
			flip = allLanes
		}
		return func(a, b *vec) uint32 {
			out := uint32(0)
			for l := range a {
				if int32(a[l]) < int32(b[l]) {
					out |= 1 << l
				}
			}
			return out ^ flip
		}
	case t.name == "s32" && (name == "gt" || name == "le"):
		flip := uint32(0)
		if name == "le" {
			flip = allLanes
		}
		return func(a, b *vec) uint32 {
			out := uint32(0)
			for l := range a {
				if int32(a[l]) > int32(b[l]) {
					out |= 1 << l
				}
			}
			return out ^ flip
		}
	}
	return nil
}
