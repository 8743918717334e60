package ptx

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// instruction reads one instruction up to and with its semicolon.
func (r *reader) instruction() (*instr, error) {
	first := r.peek()
	in := &instr{guard: operand{kind: sinkOperand}, line: first.line}
	if r.take("@") {
		neg := r.take("!")
		name, err := r.word()
		if err != nil {
			return nil, err
		}
		reg, ok := r.find(name)
		if !ok || r.f.registers[reg].typ.class != predClass {
			return nil, r.errorf("%s is no predicate", name)
		}
		in.guard = operand{kind: regOperand, reg: reg, neg: neg}
	}
	op, err := r.word()
	if err != nil {
		return nil, err
	}
	in.op, in.parts = op, strings.Split(op, ".")
	for !r.take(";") {
		o, err := r.operand()
		if err != nil {
			return nil, err
		}
		in.args = append(in.args, o)
		if t := r.peek(); !r.take(",") && t.text != ";" {
			return nil, r.errorf("want , or ; after an operand, not %q", t.text)
		}
	}
	last := r.tokens[r.at-1]
	in.text = strings.Join(strings.Fields(r.text[first.from:last.from]), " ")
	return in, nil
}

// operand reads one operand.
func (r *reader) operand() (operand, error) {
	switch t := r.peek(); {
	case r.take("["):
		return r.address()
	case r.take("{"):
		return r.list()
	case r.take("!"):
		o, err := r.operand()
		o.neg = true
		return o, err
	case t.kind == tokenNumber || t.text == "-" || t.text == "~":
		return r.number()
	case t.kind == tokenWord:
		r.next()
		o, err := r.named(t.text)
		if err != nil || !r.take("|") {
			return o, err
		}
		second, err := r.operand()
		return operand{kind: pairOperand, parts: []operand{o, second}}, err
	default:
		return operand{}, r.errorf("unexpected operand %q", t.text)
	}
}

// list reads the rest of {a, b}.
func (r *reader) list() (operand, error) {
	v := operand{kind: vectorOperand}
	for !r.take("}") {
		o, err := r.operand()
		if err != nil {
			return v, err
		}
		if o.kind == vectorOperand {
			return v, r.errorf("a list in a list")
		}
		v.parts = append(v.parts, o)
		if t := r.peek().text; !r.take(",") && t != "}" {
			return v, r.errorf("want , or the list's end, not %q", t)
		}
	}
	return v, nil
}

// address reads the rest of [base+offset].
func (r *reader) address() (operand, error) {
	a := operand{kind: addressOperand}
	base, err := r.operand()
	if err != nil {
		return a, err
	}
	switch base.kind {
	case regOperand, symbolOperand, immOperand:
	default:
		return a, r.errorf("an address cannot have this base")
	}
	a.parts = []operand{base}
	for r.take("+") {
		off, err := r.number()
		if err != nil {
			return a, err
		}
		a.value += off.value
	}
	return a, r.expect("]")
}

// named makes an operand of a word.
func (r *reader) named(word string) (operand, error) {
	if word == "_" {
		return operand{kind: sinkOperand}, nil
	}
	if reg, ok := r.find(word); ok {
		return operand{kind: regOperand, reg: reg}, nil
	}
	if word == "WARP_SZ" {
		return operand{kind: immOperand, value: warpSize}, nil
	}
	if strings.HasPrefix(word, "%") {
		if _, ok := specials[word]; ok {
			return operand{kind: specialOperand, name: word}, nil
		}
		return operand{}, r.errorf("register %s is not declared", word)
	}
	return operand{kind: symbolOperand, name: r.variableName(word)}, nil
}

// number reads an integer, 0f and eight digits (a float32), 0d and sixteen (a float64), or a decimal fraction. The
// value of a float is kept as a float64's bits.
func (p *parser) number() (operand, error) {
	neg, not := false, false
	for {
		if p.take("-") {
			neg = !neg
		} else if p.take("~") {
			not = true
		} else {
			break
		}
	}
	t := p.next()
	o := operand{kind: immOperand}
	var err error
	switch lower := strings.ToLower(t.text); {
	case t.kind != tokenNumber:
		err = fmt.Errorf("want a number")
	case strings.HasPrefix(lower, "0f"):
		var b uint64
		b, err = strconv.ParseUint(lower[2:], 16, 32)
		o.float, o.value = true, math.Float64bits(float64(math.Float32frombits(uint32(b))))
	case strings.HasPrefix(lower, "0d"):
		o.float = true
		o.value, err = strconv.ParseUint(lower[2:], 16, 64)
	case strings.Contains(lower, ".") && !strings.HasPrefix(lower, "0x"):
		var f float64
		f, err = strconv.ParseFloat(lower, 64)
		o.float, o.value = true, math.Float64bits(f)
	default:
		o.value, err = strconv.ParseUint(strings.TrimSuffix(lower, "u"), 0, 64)
	}
	if err != nil {
		return o, fmt.Errorf("line %d: %q: %v", t.line, t.text, err)
	}
	switch {
	case neg && o.float:
		o.value ^= 1 << 63
	case neg:
		o.value = -o.value
	}
	if not {
		o.value = ^o.value
	}
	return o, nil
}
