package ptx

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// source is a parsed text: functions and variables of the module.
type source struct {
	version, target string
	variables       []variable
	functions       map[string]*function
	order           []string
}

type parser struct {
	text   string
	tokens []token
	at     int
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != tokenEnd {
		p.at++
	}
	return t
}

// take moves past a token if it is s.
func (p *parser) take(s string) bool {
	if t := p.peek(); t.text == s && t.kind != tokenString && t.kind != tokenEnd {
		p.at++
		return true
	}
	return false
}

func (p *parser) expect(s string) error {
	if !p.take(s) {
		return p.errorf("want %q, not %q", s, p.peek().text)
	}
	return nil
}

func (p *parser) word() (string, error) {
	if p.peek().kind != tokenWord {
		return "", p.errorf("want a name, not %q", p.peek().text)
	}
	return p.next().text, nil
}

func (p *parser) integer() (int, error) {
	t := p.next()
	v, err := strconv.ParseUint(strings.TrimSuffix(t.text, "U"), 0, 31)
	if t.kind != tokenNumber || err != nil {
		return 0, fmt.Errorf("line %d: want a number, not %q", t.line, t.text)
	}
	return int(v), nil
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: %s", p.peek().line, fmt.Sprintf(format, args...))
}

// parseSource reads a whole text.
func parseSource(text string) (*source, error) {
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &parser{text: text, tokens: tokens}
	s := &source{functions: map[string]*function{}}
	for p.peek().kind != tokenEnd {
		if err := p.topLevel(s); err != nil {
			return nil, err
		}
	}
	if s.version == "" || s.target == "" {
		return nil, fmt.Errorf("no .version and .target: this is not PTX")
	}
	return s, nil
}

func (p *parser) topLevel(s *source) error {
	switch t := p.peek(); t.text {
	case ".version":
		p.next()
		s.version = p.next().text
	case ".target":
		p.next()
		s.target = p.next().text
		for p.take(",") {
			p.next()
		}
	case ".address_size":
		p.next()
		n, err := p.integer()
		if err == nil && n != 64 {
			err = p.errorf(".address_size %d is not supported", n)
		}
		return err
	case ".visible", ".weak", ".extern":
		return p.linked(s)
	case ".entry":
		return p.function(s)
	case ".global", ".const", ".shared":
		v, err := p.variable(false)
		s.variables = append(s.variables, v)
		return err
	case ".pragma":
		for p.peek().kind != tokenEnd && !p.take(";") {
			p.next()
		}
	default:
		return p.errorf("unexpected %q", t.text)
	}
	return nil
}

// linked reads what follows .visible, .weak or .extern.
func (p *parser) linked(s *source) error {
	extern := p.next().text == ".extern"
	if t := p.peek().text; t == ".entry" {
		return p.function(s)
	}
	v, err := p.variable(extern)
	s.variables = append(s.variables, v)
	return err
}

// variable reads .shared .align 4 .b8 name[16] = {1, 2}; up to and with its semicolon.
func (p *parser) variable(extern bool) (variable, error) {
	v, elem, err := p.declaration()
	if err != nil {
		return v, err
	}
	v.extern = extern
	if v.size == 0 && !extern {
		return v, p.errorf("%s has no size", v.name)
	}
	if p.take("=") {
		if v.init, err = p.initial(elem, v.size); err != nil {
			return v, err
		}
	}
	return v, p.expect(";")
}

const maxVariable = 1 << 30 // bytes

// declaration reads .space .align n .type name[size] and returns the type of an element.
func (p *parser) declaration() (v variable, elem typ, err error) {
	lanes := 1
	for {
		word, err := p.word()
		if err != nil {
			return v, elem, err
		}
		name := strings.TrimPrefix(word, ".")
		t, isType := typeOf[name]
		switch {
		case word == name:
			v.name = word
			if elem.bytes == 0 {
				return v, elem, p.errorf("%s has no type", word)
			}
			v.align = max(v.align, elem.bytes*lanes)
			count, err := p.dimensions()
			if err == nil && count > maxVariable/(elem.bytes*lanes) {
				err = p.errorf("%s is too large", v.name)
			}
			v.size = count * elem.bytes * lanes
			return v, elem, err
		case isType:
			elem = t
		case word == ".align":
			if v.align, err = p.integer(); err != nil {
				return v, elem, err
			}
			if a := v.align; a == 0 || a&(a-1) != 0 || a > 1<<12 {
				return v, elem, p.errorf(".align %d", a)
			}
		case word == ".v2":
			lanes = 2
		case word == ".v4":
			lanes = 4
		case word == ".ptr":
		default:
			v.space = name
		}
	}
}

// dimensions reads [n]…; none is 1, [] is 0.
func (p *parser) dimensions() (int, error) {
	n := 1
	for p.take("[") {
		if p.take("]") {
			n = 0
			continue
		}
		d, err := p.integer()
		if err != nil {
			return 0, err
		}
		if d > maxVariable || n*d > maxVariable {
			return 0, p.errorf("dimension %d is too large", d)
		}
		n *= d
		if err := p.expect("]"); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// initial reads the values of a variable: a number, or numbers in braces.
func (p *parser) initial(elem typ, size int) ([]byte, error) {
	var data []byte
	depth := 0
	for {
		switch t := p.peek(); {
		case p.take("{"):
			depth++
			continue
		case p.take("}"):
			depth--
		case p.take(","):
			continue
		case t.kind == tokenNumber || t.text == "-":
			o, err := p.number()
			if err != nil {
				return nil, err
			}
			bits := o.value
			if o.float && elem.bytes == 4 {
				bits = uint64(math.Float32bits(float32(math.Float64frombits(bits))))
			}
			var b [8]byte
			binary.LittleEndian.PutUint64(b[:], bits)
			data = append(data, b[:elem.bytes]...)
		default:
			return nil, p.errorf("a variable's initial value cannot be %q", t.text)
		}
		if depth <= 0 {
			break
		}
	}
	if len(data) > size {
		return nil, p.errorf("%d bytes of initial values for %d", len(data), size)
	}
	return data, nil
}
