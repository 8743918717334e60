package ptx

import (
	"errors"
	"fmt"
)

func errOperand(s string) error { return errors.New(s) }

// builder turns a kernel into a program.
type builder struct {
	s      *source
	f      *layout
	slots  int // registers, then constants
	fixed  []fixed
	consts map[fixed]int
	sink   int // a slot that nobody reads
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
	layout *layout
	code   []op
	uses   []use
	slots  int
	fixed  []fixed
}

// op is one instruction, ready to run.
type op struct {
	kind   opKind
	run    func(w *warp, m uint32) // opPlain and opCollective
	guard  int                     // predicate; -1: none
	not    bool
	target int // opBranch
	member int // opCollective: the slot of the mask of lanes that take part; -1: the whole warp
	in     *instr
	global int // bytes that a lane moves from or to global memory, for the counts
	store  bool
}

type opKind int

const (
	opPlain      opKind = iota
	opBranch            // bra
	opExit              // ret
	opBarrier           // bar.sync
	opCollective        // all member lanes come together: shfl.sync, mma.sync…
	opWarpSync          // bar.warp.sync
	opTrap
)

func build(s *source, f *layout) (*program, error) {
	b := &builder{s: s, f: f, slots: len(f.registers), consts: map[fixed]int{}}
	b.sink = b.slots
	b.slots++
	p := &program{layout: f}
	for _, in := range f.code {
		o, err := b.instruction(in)
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", in.line, in.text, err)
		}
		p.code = append(p.code, o)
	}
	// Running off the end is a return.
	p.code = append(p.code, op{kind: opExit, guard: -1, in: &instr{op: "ret", parts: []string{"ret"}, line: f.entry.line, text: "end of " + f.entry.name}})
	p.slots, p.fixed, p.uses = b.slots, b.fixed, usesOf(p.code)
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
	if s, ok := simples[in.op]; ok {
		return b.simple(in, s)
	}
	if build, ok := families[in.parts[0]]; ok {
		return build(b, in)
	}
	return op{}, errOperand("unknown instruction")
}

// families are the instructions with builders of their own, by their first word.
var families map[string]func(*builder, *instr) (op, error)

func init() {
	families = map[string]func(*builder, *instr) (op, error){
		"mov": (*builder).mov, "selp": (*builder).selp, "setp": (*builder).setp,
		"and": (*builder).predLogic, "or": (*builder).predLogic, "xor": (*builder).predLogic, "not": (*builder).predLogic,
		"cvt": (*builder).convert, "cvta": (*builder).cvta, "bfi": (*builder).insertField,
		"ld": (*builder).load, "st": (*builder).store, "atom": (*builder).atomic, "membar": (*builder).nothing, "fence": (*builder).nothing,
		"cp": (*builder).copyAsync, "ldmatrix": (*builder).loadMatrix, "mma": (*builder).multiply,
		"bra": (*builder).branch, "ret": (*builder).exit, "trap": (*builder).trap, "bar": (*builder).barrier,
		"shfl": (*builder).shuffle, "vote": (*builder).vote,
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
