package ptx

import "fmt"

// layout is a kernel's code with the places of its labels and variables.
type layout struct {
	entry     *function
	registers []register
	code      []*instr
	labels    map[string]int // index in code
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
	offset  int  // in its space; of .global and .const nothing until they are loaded
	dynamic bool // the dynamic shared memory
}

const maxCode = 1 << 20

// layOut gives everything of a kernel its place.
func layOut(s *source, entry *function) (*layout, error) {
	f := &layout{entry: entry, registers: entry.registers, align: 16, labels: map[string]int{}, storage: map[string]*storage{}}
	for _, v := range s.variables {
		f.declare(v)
	}
	for _, v := range entry.params {
		f.storage[v.name] = &storage{variable: v, offset: place(&f.params, v)}
	}
	for _, v := range entry.variables {
		f.declare(v)
	}
	for _, st := range entry.body {
		switch _, twice := f.labels[st.label]; {
		case st.instr != nil:
			f.code = append(f.code, st.instr)
		case twice:
			return nil, fmt.Errorf("line %d: label %s is there twice", entry.line, st.label)
		default:
			f.labels[st.label] = len(f.code)
		}
	}
	if len(f.code) > maxCode {
		return nil, fmt.Errorf("line %d: more than %d instructions", entry.line, maxCode)
	}
	for _, in := range f.code {
		if err := f.checkTarget(in); err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", in.line, in.text, err)
		}
	}
	return f, nil
}

// declare makes the storage of a variable.
func (f *layout) declare(v variable) {
	st := &storage{variable: v}
	switch {
	case v.space == "shared" && v.size == 0:
		st.dynamic = true
		f.align = max(f.align, v.align)
	case v.space == "shared":
		st.offset = f.placeShared(v)
	case v.space == "local":
		st.offset = place(&f.local, v)
	}
	f.storage[v.name] = st
}

// place gives a variable its place after those before it.
func place(end *int, v variable) int {
	at := (*end + v.align - 1) &^ (v.align - 1)
	*end = at + v.size
	return at
}

// gap is left after every shared variable, so that an index just beyond one is not in the next.
const gap = 16

func (f *layout) placeShared(v variable) int {
	at := place(&f.shared, v)
	f.declared += v.size
	f.shared = (f.shared+3)&^3 + gap
	for i := f.shared - gap; i < f.shared; i += 4 {
		f.gaps = append(f.gaps, i/4)
	}
	return at
}

// dynamicBase is where the dynamic shared memory begins.
func (f *layout) dynamicBase() int { return (f.shared + f.align - 1) &^ (f.align - 1) }

// checkTarget makes sure that the label of a branch exists.
func (f *layout) checkTarget(in *instr) error {
	if in.parts[0] != "bra" {
		return nil
	}
	if len(in.args) != 1 || in.args[0].kind != symbolOperand {
		return fmt.Errorf("only branches to labels are supported")
	}
	if _, ok := f.labels[in.args[0].name]; !ok {
		return fmt.Errorf("no label %s", in.args[0].name)
	}
	return nil
}
