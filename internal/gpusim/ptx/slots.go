package ptx

import (
	"fmt"
	"math"
)

// dst is the slot of a register that is written and has the type's width.
func (b *builder) dst(o operand, t typ) (int, error) {
	if o.kind == sinkOperand {
		return b.sink, nil
	}
	return b.register(o, t, false)
}

// dstWide and srcWide also take wider registers.
func (b *builder) dstWide(o operand, t typ) (int, error) { return b.register(o, t, true) }

func (b *builder) srcWide(o operand, t typ) (int, error) {
	if o.kind == regOperand {
		return b.register(o, t, true)
	}
	return b.src(o, t)
}

func (b *builder) register(o operand, t typ, wider bool) (int, error) {
	if o.kind != regOperand || o.neg {
		return 0, errOperand("an operand is not a register of ." + t.name)
	}
	r := b.f.registers[o.reg]
	if r.typ.class == predClass || r.typ.bytes < t.bytes || !wider && r.typ.bytes != t.bytes {
		return 0, fmt.Errorf("register %s is .%s, not .%s", r.name, r.typ.name, t.name)
	}
	return o.reg, nil
}

// src is the slot of a value: a register, or a constant of the program.
func (b *builder) src(o operand, t typ) (int, error) {
	switch o.kind {
	case regOperand:
		return b.register(o, t, false)
	case immOperand:
		v, err := immediate(o, t)
		return b.constant(fixed{kind: fixedBits, value: v}), err
	case specialOperand:
		if n := specials[o.name].bytes; n != t.bytes {
			return 0, fmt.Errorf("%s has %d bytes, not %d", o.name, n, t.bytes)
		}
		return b.constant(fixed{kind: fixedSpecial, name: o.name}), nil
	case symbolOperand:
		if t.bytes != 8 {
			return 0, errOperand("an address has 64 bits")
		}
		return b.address(o.name, 0)
	}
	return 0, errOperand("this kind of operand is not supported here")
}

// immediate is the bits of a constant of a type.
func immediate(o operand, t typ) (uint64, error) {
	if !o.float {
		if t.isFloat() {
			return 0, errOperand("an integer where a float is wanted")
		}
		return o.value & t.mask(), nil
	}
	if t.isInt() {
		return 0, errOperand("a float where an integer is wanted")
	}
	switch t.bytes {
	case 8:
		return o.value, nil
	case 4:
		return bits32(float32(math.Float64frombits(o.value))), nil
	}
	return 0, errOperand("a float constant of this type is not supported")
}

// constant is the slot of a fixed value; equal ones share it.
func (b *builder) constant(c fixed) int {
	if slot, ok := b.consts[c]; ok {
		return slot
	}
	slot := b.slots
	b.slots++
	b.consts[c] = slot
	c.slot = slot
	b.fixed = append(b.fixed, c)
	return slot
}

// address is the slot that holds where a variable is: in the generic window of .global and .const, and in their own
// spaces for .shared and .local.
func (b *builder) address(name string, offset uint64) (int, error) {
	st := b.f.storage[name]
	if st == nil {
		return 0, errOperand("nothing is called " + name)
	}
	switch {
	case st.dynamic:
		return b.constant(fixed{kind: fixedDynamic, value: offset}), nil
	case st.space == "shared" || st.space == "local":
		return b.constant(fixed{kind: fixedBits, value: uint64(st.offset) + offset}), nil
	case st.space == "global" || st.space == "const":
		if st.extern {
			return 0, errOperand(name + " is defined elsewhere")
		}
		return b.constant(fixed{kind: fixedSymbol, name: name, value: offset}), nil
	}
	return 0, errOperand("the address of a parameter is not supported")
}

// predicate is a predicate operand: a register, negated or not, or a constant.
type predicate struct {
	reg   int
	not   bool
	fixed bool
	value uint32
}

func (p predicate) of(w *warp) uint32 {
	switch {
	case p.fixed:
		return p.value
	case p.not:
		return ^w.preds[p.reg]
	}
	return w.preds[p.reg]
}

func (b *builder) pred(o operand) (predicate, error) {
	if o.kind == immOperand && !o.float {
		if o.value != 0 {
			return predicate{fixed: true, value: allLanes}, nil
		}
		return predicate{fixed: true}, nil
	}
	reg, err := b.predReg(o)
	return predicate{reg: reg, not: o.neg}, err
}

func (b *builder) predReg(o operand) (int, error) {
	if o.kind != regOperand || b.f.registers[o.reg].typ.class != predClass {
		return 0, errOperand("an operand is no predicate")
	}
	return o.reg, nil
}

func (b *builder) predDst(o operand) (int, error) {
	if o.kind == sinkOperand {
		return b.sink, nil
	}
	if o.neg {
		return 0, errOperand("a negated predicate cannot be written")
	}
	return b.predReg(o)
}
