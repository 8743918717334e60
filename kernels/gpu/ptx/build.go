package ptx

import (
	"errors"
	"fmt"
	"math"
)

func errOperand(s string) error { return errors.New(s) }

// builder turns a flat kernel into a program.
type builder struct {
	s          *source
	f          *flat
	slots      int // registers, then constants
	fixed      []fixed
	consts     map[fixed]int
	sink       int // a slot that nobody reads
	paramSlots map[paramKey]int
}

// fixed is a slot that the program only reads: the same for a whole launch, or a block.
type fixed struct {
	slot  int
	kind  fixedKind
	value uint64 // fixedBits; fixedParam and fixedSymbol: the offset
	bytes int    // fixedParam
	name  string // fixedSpecial, fixedSymbol
}

type fixedKind int

const (
	fixedBits    fixedKind = iota
	fixedSpecial           // %tid.x
	fixedParam             // bytes of the launch's arguments
	fixedSymbol            // the address of a module's variable
	fixedDynamic           // where the dynamic shared memory begins
)

// program is a kernel ready to run.
type program struct {
	flat  *flat
	code  []op
	slots int
	fixed []fixed
}

// op is one instruction, ready to run.
type op struct {
	kind   opKind
	run    func(w *warp, m uint32) // opPlain and opCollective
	guard  int                     // predicate; -1: none
	not    bool
	target int        // opBranch
	table  []int      // opTable
	index  int        // opTable: the slot that chooses
	member int        // opCollective: the slot of the mask of lanes that take part; -1: the whole warp
	vote   *predicate // opBarrier that counts: what, and who is told
	tell   func(w *warp, yes, all int)
	in     *instr
	global int // bytes that a lane moves from or to global memory, for the counts
	store  bool
}

type opKind int

const (
	opPlain      opKind = iota
	opBranch            // bra
	opTable             // brx.idx
	opExit              // exit, ret
	opBarrier           // bar.sync
	opCollective        // all member lanes come together: shfl.sync, mma.sync…
	opWarpSync          // bar.warp.sync
	opTrap
)

func build(s *source, f *flat) (*program, error) {
	b := &builder{s: s, f: f, slots: len(f.registers), consts: map[fixed]int{}, paramSlots: map[paramKey]int{}}
	b.sink = b.slots
	b.slots++
	p := &program{flat: f}
	for _, in := range f.code {
		o, err := b.instruction(in)
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", in.line, in.text, err)
		}
		p.code = append(p.code, o)
	}
	if err := b.checkParams(); err != nil {
		return nil, err
	}
	// Running off the end is a return.
	p.code = append(p.code, op{kind: opExit, guard: -1, in: &instr{op: "ret", line: f.entry.line, text: "end of " + f.entry.name}})
	p.slots, p.fixed = b.slots, b.fixed
	return p, nil
}

// instruction builds one instruction with its guard.
func (b *builder) instruction(in *instr) (op, error) {
	o, err := b.dispatch(in)
	if err != nil {
		return o, err
	}
	o.in, o.guard = in, -1
	if in.guard.kind == regOperand {
		if o.guard, err = b.predReg(in.guard); err != nil {
			return o, err
		}
		o.not = in.guard.neg
	}
	return o, nil
}

func (b *builder) dispatch(in *instr) (op, error) {
	if s, ok := simples[in.op]; ok && in.parts[0] != "lop3" {
		return b.simple(in, s)
	}
	if c, ok := carries[in.op]; ok {
		return b.carry(in, c)
	}
	if make, ok := families[in.parts[0]]; ok {
		return make(b, in)
	}
	return op{}, errOperand("unknown instruction")
}

// families are the instructions with builders of their own, by their first word.
var families map[string]func(*builder, *instr) (op, error)

func init() {
	families = map[string]func(*builder, *instr) (op, error){
		"mov": (*builder).mov, "selp": (*builder).selp, "slct": (*builder).slct, "setp": (*builder).setp, "set": (*builder).set,
		"and": (*builder).predLogic, "or": (*builder).predLogic, "xor": (*builder).predLogic, "not": (*builder).predLogic,
		"cvt": (*builder).convert, "cvta": (*builder).cvta, "lop3": (*builder).lop3, "bfi": (*builder).insertField,
		"ld": (*builder).load, "ldu": (*builder).load, "st": (*builder).store, "atom": (*builder).atomic, "red": (*builder).atomic,
		"prefetch": (*builder).nothing, "prefetchu": (*builder).nothing, "membar": (*builder).nothing, "fence": (*builder).nothing, "nanosleep": (*builder).nothing,
		"cp": (*builder).copyAsync, "ldmatrix": (*builder).loadMatrix, "mma": (*builder).multiply,
		"bra": (*builder).branch, "brx": (*builder).branchTable, "ret": (*builder).exit, "exit": (*builder).exit, "trap": (*builder).trap,
		"bar": (*builder).barrier, "barrier": (*builder).barrier,
		"shfl": (*builder).shuffle, "vote": (*builder).vote, "match": (*builder).match, "redux": (*builder).reduce, "activemask": (*builder).activeMask,
	}
}

// simple builds an instruction of the table.
func (b *builder) simple(in *instr, s simple) (op, error) {
	if err := wantArgs(in, 1+len(s.src)); err != nil {
		return op{}, err
	}
	d, err := b.dst(in.args[0], s.dst)
	if err != nil {
		return op{}, err
	}
	var src [3]int
	for i, t := range s.src {
		if src[i], err = b.src(in.args[1+i], t); err != nil {
			return op{}, err
		}
	}
	for i := len(s.src); i < 3; i++ {
		src[i] = src[0]
	}
	return b.pure(d, src[0], src[1], src[2], s.f), nil
}

// pure is an instruction without side effects. Where some lanes that have not left stand elsewhere, their registers
// must stay.
func (b *builder) pure(d, x, y, z int, f lanewise) op {
	return op{run: func(w *warp, m uint32) {
		r := w.regs
		if m == w.live {
			f(&r[d], &r[x], &r[y], &r[z])
			return
		}
		f(&w.spare, &r[x], &r[y], &r[z])
		blend(&r[d], &w.spare, m)
	}}
}

func wantArgs(in *instr, n int) error {
	if len(in.args) != n {
		return fmt.Errorf("%d operands, want %d", len(in.args), n)
	}
	return nil
}

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
		if clocks[o.name] {
			return 0, errOperand("a clock is read by mov alone")
		}
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
