package ptx

import "fmt"

// loadParam builds ld.param: of the kernel's parameters, which are constants of a launch, or of a call's, which are
// slots.
func (b *builder) loadParam(in *instr, a access) (op, error) {
	st, offset, err := b.param(in.args[1])
	if err != nil {
		return op{}, err
	}
	n := a.typ.bytes
	if offset < 0 || offset+n*a.count > st.size {
		return op{}, fmt.Errorf("%d bytes at %d of a parameter of %d", n*a.count, offset, st.size)
	}
	d, err := b.elements(in.args[0], a.count, func(o operand) (int, error) { return b.dst(o, widened(b, o, a.typ)) })
	if err != nil {
		return op{}, err
	}
	s := make([]int, len(d))
	for i := range s {
		at := offset + i*n
		if st.argument {
			s[i] = b.constant(fixed{kind: fixedParam, value: uint64(st.offset + at), bytes: n})
		} else {
			s[i] = b.paramSlot(in.args[1].parts[0].name, at, n)
		}
	}
	return op{run: func(w *warp, m uint32) {
		for i, d := range d {
			for l := range lanes(m) {
				v := w.regs[s[i]][l]
				if a.typ.isSigned() {
					v = uint64(signed(v, 8*n)) & b.f.registers[d].typ.mask()
				}
				w.regs[d][l] = v
			}
		}
	}}, nil
}

// storeParam builds st.param: an argument or a result of a call.
func (b *builder) storeParam(in *instr, a access) (op, error) {
	st, offset, err := b.param(in.args[0])
	if err != nil {
		return op{}, err
	}
	n := a.typ.bytes
	if st.argument || offset < 0 || offset+n*a.count > st.size {
		return op{}, fmt.Errorf("a store of %d bytes at %d of a parameter of %d", n*a.count, offset, st.size)
	}
	s, err := b.elements(in.args[1], a.count, func(o operand) (int, error) { return b.srcWide(o, a.typ) })
	if err != nil {
		return op{}, err
	}
	d := make([]int, len(s))
	for i := range d {
		d[i] = b.paramSlot(in.args[0].parts[0].name, offset+i*n, n)
	}
	mask := a.typ.mask()
	return op{run: func(w *warp, m uint32) {
		for i, s := range s {
			for l := range lanes(m) {
				w.regs[d[i]][l] = w.regs[s][l] & mask
			}
		}
	}}, nil
}

// widened is the type that a register of a load has: its own where it is wider.
func widened(b *builder, o operand, t typ) typ {
	if o.kind == regOperand && b.f.registers[o.reg].typ.bytes > t.bytes {
		return b.f.registers[o.reg].typ
	}
	return t
}

// param is the parameter of an address, and the place in it.
func (b *builder) param(o operand) (*storage, int, error) {
	if len(o.parts) != 1 || o.parts[0].kind != symbolOperand {
		return nil, 0, errOperand("parameters are addressed by name alone")
	}
	st := b.f.storage[o.parts[0].name]
	if st == nil || st.space != "param" {
		return nil, 0, errOperand("no parameter is called " + o.parts[0].name)
	}
	if o.value > uint64(st.size) {
		return nil, 0, errOperand("an address beyond the parameter")
	}
	return st, int(o.value), nil
}

// paramSlot is the slot of n bytes of a call's parameter. A caller and a callee that cut it differently are refused
// when the program is complete.
func (b *builder) paramSlot(name string, offset, n int) int {
	key := paramKey{name, offset, n}
	slot, ok := b.paramSlots[key]
	if !ok {
		slot = b.slots
		b.slots++
		b.paramSlots[key] = slot
	}
	return slot
}

type paramKey struct {
	name          string
	offset, bytes int
}

// checkParams refuses parameters of calls that are cut in parts that overlap but differ.
func (b *builder) checkParams() error {
	at := map[string]map[int]paramKey{}
	for key := range b.paramSlots {
		if at[key.name] == nil {
			at[key.name] = map[int]paramKey{}
		}
		for i := range key.bytes {
			if other, ok := at[key.name][key.offset+i]; ok {
				return fmt.Errorf("parameter %s is cut into %d and %d bytes at %d", key.name, key.bytes, other.bytes, key.offset)
			}
			at[key.name][key.offset+i] = key
		}
	}
	return nil
}
