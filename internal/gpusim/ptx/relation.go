package ptx

// relation is what setp and set share: the comparison and its combination with a predicate.
type relation struct {
	cmp   comparison
	logic string // "", "and", "or", "xor"
	t     typ
}

func parseRelation(mods []string) (relation, error) {
	r := relation{}
	if len(mods) < 2 {
		return r, errOperand("a comparison needs a relation and a type")
	}
	var ok bool
	if r.t, ok = typeOf[mods[len(mods)-1]]; !ok || r.t.class == predClass {
		return r, errOperand("this type is not supported")
	}
	ftz := false
	for _, m := range mods[1 : len(mods)-1] {
		switch m {
		case "and", "or", "xor":
			r.logic = m
		case "ftz":
			ftz = true
		default:
			return r, errOperand("modifier ." + m + " is not supported")
		}
	}
	var err error
	r.cmp, err = compare(mods[0], r.t, ftz)
	return r, err
}

// lanes evaluates the comparison in the lanes of m.
func (r relation) lanes(a, b *vec, m uint32) uint32 {
	out := uint32(0)
	for l := range lanes(m) {
		if r.cmp(a[l], b[l]) {
			out |= 1 << l
		}
	}
	return out
}

func combine(logic string, x, y uint32) uint32 {
	switch logic {
	case "and":
		return x & y
	case "or":
		return x | y
	case "xor":
		return x ^ y
	}
	return x
}

// setp builds setp.lt.and.f32 p|q, a, b, c: p = (a < b) and c, q = !(a < b) and c.
func (b *builder) setp(in *instr) (op, error) {
	r, err := parseRelation(in.parts[1:])
	if err != nil {
		return op{}, err
	}
	x, y, c, err := b.relationArgs(in, r)
	if err != nil {
		return op{}, err
	}
	p, q := in.args[0], operand{kind: sinkOperand}
	if p.kind == pairOperand {
		p, q = p.parts[0], p.parts[1]
	}
	pd, err := b.predDst(p)
	if err != nil {
		return op{}, err
	}
	qd, err := b.predDst(q)
	if err != nil {
		return op{}, err
	}
	quick := quickCompare(in.parts[1], r.t)
	return op{run: func(w *warp, m uint32) {
		var v uint32
		if quick != nil {
			v = quick(&w.regs[x], &w.regs[y])
		} else {
			v = r.lanes(&w.regs[x], &w.regs[y], m)
		}
		other := c.of(w)
		w.preds[pd] = w.preds[pd]&^m | combine(r.logic, v, other)&m
		if qd != b.sink {
			w.preds[qd] = w.preds[qd]&^m | combine(r.logic, ^v, other)&m
		}
	}}, nil
}

// quickCompare is the loop of the commonest relations, of all lanes; nil for others.
func quickCompare(name string, t typ) func(a, b *vec) uint32 {
	switch {
	case t.isFloat() || name == "lo" || name == "hi":
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

// set builds set.lt.u32.f32 d, a, b: all ones, or 1.0, where the relation holds.
func (b *builder) set(in *instr) (op, error) {
	mods := in.parts[1:]
	if len(mods) < 3 {
		return op{}, errOperand("set needs two types")
	}
	dt, ok := typeOf[mods[len(mods)-2]]
	if !ok || dt.bytes != 4 {
		return op{}, errOperand("set makes 32 bits")
	}
	r, err := parseRelation(append(append([]string{}, mods[:len(mods)-2]...), mods[len(mods)-1]))
	if err != nil {
		return op{}, err
	}
	x, y, c, err := b.relationArgs(in, r)
	if err != nil {
		return op{}, err
	}
	d, err := b.dst(in.args[0], dt)
	if err != nil {
		return op{}, err
	}
	yes := uint64(0xffffffff)
	if dt.isFloat() {
		yes = bits32(1)
	}
	return op{run: func(w *warp, m uint32) {
		v := combine(r.logic, r.lanes(&w.regs[x], &w.regs[y], m), c.of(w))
		for l := range lanes(m) {
			w.regs[d][l] = yes * uint64(v>>l&1)
		}
	}}, nil
}

// relationArgs are the two values and the predicate, where there is one.
func (b *builder) relationArgs(in *instr, r relation) (x, y int, c predicate, err error) {
	want := 3
	if r.logic != "" {
		want = 4
	}
	if err = wantArgs(in, want); err != nil {
		return
	}
	if x, err = b.src(in.args[1], r.t); err != nil {
		return
	}
	if y, err = b.src(in.args[2], r.t); err != nil {
		return
	}
	if r.logic != "" {
		c, err = b.pred(in.args[3])
	}
	return
}
