package ptx

import (
	"fmt"
	"strconv"
	"strings"
)

// scope maps the registers and ranges declared between braces.
type scope struct {
	names     map[string]int // one register
	ranges    map[string]regRange
	variables map[string]string // their names in the function, which other braces may use again
}

// regRange is .reg .b32 %r<8>: %r0 to %r7.
type regRange struct{ first, count int }

// reader reads one function.
type reader struct {
	*parser
	f      *function
	scopes []scope
}

const maxRegisters = 1 << 16

// function reads .entry name(params) directives { body }; a declaration without a body is passed over.
func (p *parser) function(s *source) error {
	f := &function{line: p.next().line}
	var err error
	if f.name, err = p.word(); err != nil {
		return err
	}
	if p.peek().text == "(" {
		if f.params, err = p.params(); err != nil {
			return err
		}
	}
	if err := p.directives(f); err != nil {
		return err
	}
	if p.take(";") {
		return nil
	}
	if err := p.expect("{"); err != nil {
		return err
	}
	if _, twice := s.functions[f.name]; twice {
		return p.errorf("function %s is there twice", f.name)
	}
	r := &reader{parser: p, f: f}
	if err := r.block(); err != nil {
		return err
	}
	s.functions[f.name] = f
	s.order = append(s.order, f.name)
	return nil
}

// params reads (.param .u64 a, .param .f64 b).
func (p *parser) params() ([]variable, error) {
	var vs []variable
	if err := p.expect("("); err != nil {
		return nil, err
	}
	for !p.take(")") {
		v, _, err := p.declaration()
		if err != nil {
			return nil, err
		}
		if v.space != "param" {
			return nil, p.errorf("parameter %s is in .%s", v.name, v.space)
		}
		vs = append(vs, v)
		if t := p.peek().text; !p.take(",") && t != ")" {
			return nil, p.errorf("want , or ) not %q", t)
		}
	}
	return vs, nil
}

// directives reads .maxntid 256, 1, 1 and the like before a body.
func (p *parser) directives(f *function) error {
	for p.peek().kind == tokenWord {
		word := p.next().text
		switch word {
		case ".maxntid", ".reqntid":
			f.maxThreads = 1
			for more := true; more; more = p.take(",") {
				n, err := p.integer()
				if err != nil {
					return err
				}
				f.maxThreads *= max(1, min(n, 1024))
			}
		case ".minnctapersm", ".maxnreg":
			if _, err := p.integer(); err != nil {
				return err
			}
		default:
			return p.errorf("directive %s is not supported", word)
		}
	}
	return nil
}

// block reads statements up to and with the closing brace.
func (r *reader) block() error {
	r.scopes = append(r.scopes, scope{map[string]int{}, map[string]regRange{}, map[string]string{}})
	defer func() { r.scopes = r.scopes[:len(r.scopes)-1] }()
	if len(r.scopes) > 64 {
		return r.errorf("braces too deep")
	}
	for !r.take("}") {
		if r.peek().kind == tokenEnd {
			return r.errorf("function %s has no end", r.f.name)
		}
		if err := r.statement(); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) statement() error {
	t := r.peek()
	switch {
	case r.take("{"):
		return r.block()
	case r.take(";"):
		return nil
	case t.text == ".reg":
		return r.registers()
	case t.text == ".shared" || t.text == ".local":
		v, err := r.variable(false)
		unique := fmt.Sprintf("%s(%d)", v.name, len(r.f.variables))
		r.scopes[len(r.scopes)-1].variables[v.name] = unique
		v.name = unique
		r.f.variables = append(r.f.variables, v)
		return err
	case t.text == ".pragma":
		for r.peek().kind != tokenEnd && !r.take(";") {
			r.next()
		}
		return nil
	case t.kind == tokenWord && r.tokens[r.at+1].text == ":":
		r.at += 2
		r.f.body = append(r.f.body, statement{label: t.text})
		return nil
	case t.kind == tokenWord || t.text == "@":
		in, err := r.instruction()
		if err == nil {
			r.f.body = append(r.f.body, statement{instr: in})
		}
		return err
	}
	return r.errorf("unexpected %q", t.text)
}

// registers reads .reg .b32 %r<8>, %temp;
func (r *reader) registers() error {
	r.next()
	word, err := r.word()
	if err != nil {
		return err
	}
	t, ok := typeOf[strings.TrimPrefix(word, ".")]
	if !ok {
		return r.errorf("registers of type %s are not supported", word)
	}
	sc := r.scopes[len(r.scopes)-1]
	for more := true; more; more = r.take(",") {
		name, err := r.word()
		if err != nil {
			return err
		}
		first, count := len(r.f.registers), 1
		if r.take("<") {
			if count, err = r.integer(); err != nil {
				return err
			}
			if err := r.expect(">"); err != nil {
				return err
			}
			sc.ranges[name] = regRange{first, count}
		} else {
			sc.names[name] = first
		}
		if first+count > maxRegisters {
			return r.errorf("more than %d registers", maxRegisters)
		}
		for i := range count {
			n := name
			if _, isRange := sc.ranges[name]; isRange {
				n = fmt.Sprint(name, i)
			}
			r.f.registers = append(r.f.registers, register{n, t})
		}
	}
	return r.expect(";")
}

// find looks a register up, from the innermost braces outwards.
func (r *reader) find(name string) (int, bool) {
	stem := strings.TrimRight(name, "0123456789")
	number, err := strconv.Atoi(name[len(stem):])
	for i := len(r.scopes) - 1; i >= 0; i-- {
		if reg, ok := r.scopes[i].names[name]; ok {
			return reg, true
		}
		if in, ok := r.scopes[i].ranges[stem]; ok && err == nil && number < in.count {
			return in.first + number, true
		}
	}
	return 0, false
}

// variableName is the name in the function of what is called name here.
func (r *reader) variableName(name string) string {
	for i := len(r.scopes) - 1; i >= 0; i-- {
		if v, ok := r.scopes[i].variables[name]; ok {
			return v
		}
	}
	return name
}
