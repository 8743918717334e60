package ptx

import "fmt"

// flat is a kernel with the functions that it calls put in place of the calls. There is no recursion on a path that a
// compiler leaves out of line here, so a flat kernel needs no stack.
type flat struct {
	entry     *function
	registers []register
	code      []*instr
	labels    map[string]int // index in code
	tables    map[string][]string
	storage   map[string]*storage
	shared    int   // where static shared memory ends, gaps included
	declared  int   // bytes of static shared memory without the gaps
	gaps      []int // the words of gaps between shared variables: nobody may touch them
	align     int   // of the dynamic shared memory
	local     int   // bytes of local memory of a thread
	params    int   // bytes of parameters
}

// storage is where a variable lives.
type storage struct {
	variable
	offset   int  // in its space; of .global and .const nothing until they are loaded
	dynamic  bool // the dynamic shared memory
	argument bool // a parameter of the kernel, not of a call
}

const maxCode = 1 << 20

type inliner struct {
	s      *source
	f      *flat
	stack  []string
	serial int
}

func flatten(s *source, entry *function) (*flat, error) {
	il := &inliner{s: s, f: &flat{
		entry: entry, align: 16, labels: map[string]int{}, tables: map[string][]string{}, storage: map[string]*storage{},
	}}
	for _, v := range s.variables {
		st := &storage{variable: v}
		if v.space == "shared" {
			if v.size == 0 {
				st.dynamic = true
				il.f.align = max(il.f.align, v.align)
			} else {
				st.offset = il.f.placeShared(v)
			}
		}
		il.f.storage[v.name] = st
	}
	params := map[string]string{}
	for _, v := range entry.params {
		name := "(param)" + v.name
		il.f.storage[name] = &storage{variable: v, offset: place(&il.f.params, v), argument: true}
		params[v.name] = name
	}
	if err := il.expand(entry, params, ""); err != nil {
		return nil, err
	}
	for _, in := range il.f.code {
		if err := il.checkTargets(in); err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", in.line, in.text, err)
		}
	}
	return il.f, nil
}

// place gives a variable its place after those before it.
func place(end *int, v variable) int {
	at := (*end + v.align - 1) &^ (v.align - 1)
	*end = at + v.size
	return at
}

// gap is left after every shared variable, so that an index just beyond one is not in the next.
const gap = 16

func (f *flat) placeShared(v variable) int {
	at := place(&f.shared, v)
	f.declared += v.size
	f.shared = (f.shared+3)&^3 + gap
	for i := f.shared - gap; i < f.shared; i += 4 {
		f.gaps = append(f.gaps, i/4)
	}
	return at
}

// dynamicBase is where the dynamic shared memory begins.
func (f *flat) dynamicBase() int { return (f.shared + f.align - 1) &^ (f.align - 1) }

// expand appends the code of f. Names of its own get a prefix; params maps its parameters' names. A return goes to the
// label end, or leaves the kernel where there is none.
func (il *inliner) expand(f *function, params map[string]string, end string) error {
	for _, name := range il.stack {
		if name == f.name {
			return fmt.Errorf("line %d: %s calls itself", f.line, f.name)
		}
	}
	il.stack = append(il.stack, f.name)
	defer func() { il.stack = il.stack[:len(il.stack)-1] }()

	prefix := fmt.Sprintf("(%d)", il.serial)
	il.serial++
	base := len(il.f.registers)
	il.f.registers = append(il.f.registers, f.registers...)
	if len(il.f.registers) > maxRegisters {
		return fmt.Errorf("line %d: more than %d registers with all calls in place", f.line, maxRegisters)
	}
	names := map[string]string{}
	for from, to := range params {
		names[from] = to
	}
	for _, v := range f.variables {
		names[v.name] = il.declare(f, v, prefix)
	}
	for _, st := range f.body {
		if st.label != "" {
			names[st.label] = prefix + st.label
		}
	}
	rename := func(o operand) operand { return renamed(o, base, names) }
	for _, st := range f.body {
		switch {
		case st.targets != nil:
			to := make([]string, len(st.targets))
			for i, t := range st.targets {
				to[i] = prefix + t
			}
			il.f.tables[prefix+st.label] = to
		case st.label != "":
			if _, twice := il.f.labels[prefix+st.label]; twice {
				return fmt.Errorf("line %d: label %s is there twice", f.line, st.label)
			}
			il.f.labels[prefix+st.label] = len(il.f.code)
		default:
			in := *st.instr
			in.guard = rename(in.guard)
			in.args = make([]operand, len(st.instr.args))
			for i, o := range st.instr.args {
				in.args[i] = rename(o)
			}
			if err := il.append(&in, end, prefix); err != nil {
				return err
			}
		}
	}
	return nil
}

// append adds one instruction, or the body of a function that it calls.
func (il *inliner) append(in *instr, end, prefix string) error {
	if len(il.f.code) >= maxCode {
		return fmt.Errorf("line %d: more than %d instructions with all calls in place", in.line, maxCode)
	}
	switch in.parts[0] {
	case "call":
		if err := il.call(in, prefix); err != nil {
			return fmt.Errorf("line %d: %s: %w", in.line, in.text, err)
		}
		return nil
	case "ret":
		if end != "" {
			in.op, in.parts = "bra", []string{"bra"}
			in.args = []operand{{kind: symbolOperand, name: end}}
		}
	}
	il.f.code = append(il.f.code, in)
	return nil
}

// declare makes the storage of a function's own variable. Shared variables are one for all calls.
func (il *inliner) declare(f *function, v variable, prefix string) string {
	name := prefix + v.name
	if v.space == "shared" {
		name = "(" + f.name + ")" + v.name
	}
	if _, there := il.f.storage[name]; there {
		return name
	}
	st := &storage{variable: v}
	switch v.space {
	case "shared":
		st.offset = il.f.placeShared(v)
	case "local":
		st.offset = place(&il.f.local, v)
	}
	il.f.storage[name] = st
	return name
}

// call puts a function in place of call.uni (results), name, (arguments). Its parameters become the caller's variables
// that were given.
func (il *inliner) call(in *instr, prefix string) error {
	args := in.args
	var results, params []operand
	if len(args) > 0 && args[0].kind == vectorOperand {
		results, args = args[0].parts, args[1:]
	}
	if len(args) == 0 || args[0].kind != symbolOperand {
		return fmt.Errorf("only direct calls are supported")
	}
	callee := il.s.functions[args[0].name]
	if callee == nil {
		return fmt.Errorf("%s has no body here", args[0].name)
	}
	if len(args) > 1 {
		if args[1].kind != vectorOperand || len(args) > 2 {
			return fmt.Errorf("only direct calls are supported")
		}
		params = args[1].parts
	}
	if len(results) != len(callee.results) || len(params) != len(callee.params) {
		return fmt.Errorf("%s has %d results and %d parameters", callee.name, len(callee.results), len(callee.params))
	}
	names := map[string]string{}
	for i, o := range append(append([]operand{}, results...), params...) {
		v := append(append([]variable{}, callee.results...), callee.params...)[i]
		st := il.f.storage[o.name]
		if o.kind != symbolOperand || st == nil || st.space != "param" || st.argument || st.size != v.size {
			return fmt.Errorf("argument %d of %s is not a .param variable of %d bytes", i, callee.name, v.size)
		}
		names[v.name] = o.name
	}
	end := fmt.Sprintf("%s(end %d)", prefix, il.serial)
	il.serial++
	if in.guard.kind == regOperand {
		skip := *in
		skip.guard.neg = !skip.guard.neg
		skip.op, skip.parts = "bra", []string{"bra"}
		skip.args = []operand{{kind: symbolOperand, name: end}}
		il.f.code = append(il.f.code, &skip)
	}
	if err := il.expand(callee, names, end); err != nil {
		return err
	}
	il.f.labels[end] = len(il.f.code)
	return nil
}

// renamed is an operand of a function whose registers begin at base.
func renamed(o operand, base int, names map[string]string) operand {
	switch o.kind {
	case regOperand:
		o.reg += base
	case symbolOperand:
		if to, ok := names[o.name]; ok {
			o.name = to
		}
	}
	if o.parts != nil {
		parts := make([]operand, len(o.parts))
		for i, p := range o.parts {
			parts[i] = renamed(p, base, names)
		}
		o.parts = parts
	}
	return o
}

// checkTargets makes sure that the labels of a branch exist.
func (il *inliner) checkTargets(in *instr) error {
	var to []string
	switch {
	case in.parts[0] == "bra" && len(in.args) == 1 && in.args[0].kind == symbolOperand:
		to = []string{in.args[0].name}
	case in.parts[0] == "brx" && len(in.args) == 2 && in.args[1].kind == symbolOperand:
		to = il.f.tables[in.args[1].name]
		if to == nil {
			return fmt.Errorf("no list of targets %s", in.args[1].name)
		}
	case in.parts[0] == "bra" || in.parts[0] == "brx":
		return fmt.Errorf("only branches to labels are supported")
	}
	for _, t := range to {
		if _, ok := il.f.labels[t]; !ok {
			return fmt.Errorf("no label %s", t)
		}
	}
	return nil
}
