package ptx

import "fmt"

// loadParam builds ld.param: the kernel's parameters are constants of a launch.
func (b *builder) loadParam(in *instr, a access) (op, error) {
	st, offset, err := b.param(in.args[1])
	if err != nil {
		return op{}, err
	}
	n := a.typ.bytes
	if offset+n*a.count > st.size {
		return op{}, fmt.Errorf("%d bytes at %d of a parameter of %d", n*a.count, offset, st.size)
	}
	d, err := b.elements(in.args[0], a.count, func(o operand) (int, error) { return b.dst(o, widened(b, o, a.typ)) })
	if err != nil {
		return op{}, err
	}
	s := make([]int, len(d))
	for i := range s {
		s[i] = b.constant(fixed{kind: fixedParam, value: uint64(st.offset + offset + i*n), bytes: n})
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
