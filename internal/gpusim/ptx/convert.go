package ptx

import (
	"math"
	"strings"
)

// conversion is one cvt: its types and modifiers.
type conversion struct {
	dst, src typ
	mode     rounding
	integral bool // .rni and the like: the result is a whole number
	rna      bool
	ftz, sat bool
	relu     bool
}

// convert builds cvt in all its forms.
func (b *builder) convert(in *instr) (op, error) {
	c, err := parseConversion(in)
	if err != nil {
		return op{}, err
	}
	if strings.HasSuffix(c.dst.name, "x2") {
		return b.convertPair(in, c)
	}
	if err := wantArgs(in, 2); err != nil {
		return op{}, err
	}
	f, err := c.lanewise()
	if err != nil {
		return op{}, err
	}
	d, err := b.dstWide(in.args[0], c.dst)
	if err != nil {
		return op{}, err
	}
	s, err := b.srcWide(in.args[1], c.src)
	if err != nil {
		return op{}, err
	}
	// A register wider than the type gets the value extended by its sign.
	if wide := b.f.registers[in.args[0].reg].typ; c.dst.isSigned() && wide.bytes > c.dst.bytes {
		narrow, n, mask := f, c.dst.bits(), wide.mask()
		f = func(d, a, b, c *vec) {
			narrow(d, a, b, c)
			for l := range d {
				d[l] = uint64(signed(d[l], n)) & mask
			}
		}
	}
	return b.pure(d, s, s, s, f), nil
}

// lanewise is the conversion of a warp's values, with loops of their own for the commonest.
func (c conversion) lanewise() (lanewise, error) {
	if c.src.isInt() && c.dst.isInt() && !c.sat {
		mask := c.dst.mask()
		if c.src.isSigned() {
			shift := 64 - c.src.bits()
			return func(d, a, _, _ *vec) {
				for l := range d {
					d[l] = uint64(int64(a[l]<<shift)>>shift) & mask
				}
			}, nil
		}
		mask &= c.src.mask()
		return func(d, a, _, _ *vec) {
			for l := range d {
				d[l] = a[l] & mask
			}
		}, nil
	}
	f, err := c.function()
	return map1(f), err
}

func parseConversion(in *instr) (conversion, error) {
	c := conversion{}
	mods := in.parts[1:]
	if len(mods) < 2 {
		return c, errOperand("cvt needs two types")
	}
	var ok1, ok2 bool
	c.dst, ok1 = typeOf[mods[len(mods)-2]]
	c.src, ok2 = typeOf[mods[len(mods)-1]]
	if !ok1 || !ok2 || c.dst.class == bitsClass && !strings.HasSuffix(c.dst.name, "x2") || c.src.class == bitsClass ||
		c.dst.class == predClass || c.src.class == predClass || c.src.name == "tf32" {
		return c, errOperand("these types are not supported")
	}
	for _, m := range mods[:len(mods)-2] {
		mode, plain := roundings[m]
		whole, integral := roundings[strings.TrimSuffix(m, "i")]
		switch {
		case plain:
			c.mode = mode
		case integral && strings.HasSuffix(m, "i"):
			c.mode, c.integral = whole, true
		case m == "rna":
			c.rna = true
		case m == "ftz":
			c.ftz = true
		case m == "sat":
			c.sat = true
		case m == "relu":
			c.relu = true
		default:
			return c, errOperand("modifier ." + m + " is not supported")
		}
	}
	if c.rna != (c.dst.name == "tf32") || c.rna && c.src.name != "f32" {
		return c, errOperand("only cvt.rna.tf32.f32 makes a tf32")
	}
	return c, nil
}

// function is the conversion of one value's bits.
func (c conversion) function() (func(uint64) uint64, error) {
	if c.rna {
		return toTF32, nil
	}
	switch {
	case c.src.isFloat() && c.dst.isFloat():
		encode, err := c.encoder()
		decode := c.decoder()
		return func(a uint64) uint64 { return encode(decode(a)) }, err
	case c.src.isFloat():
		decode := c.decoder()
		return func(a uint64) uint64 { return c.integer(decode(a)) }, nil
	case c.dst.isFloat():
		if c.dst.name == "bf16" {
			return nil, errOperand("integers to bf16 are not supported")
		}
		return c.fromInteger, nil
	}
	return c.clamped, nil
}

// decoder gives the float64 of a float's bits: all formats fit.
func (c conversion) decoder() func(uint64) float64 {
	switch c.src.name {
	case "f16":
		return half16.decode
	case "bf16":
		return brain16.decode
	case "f64":
		return math.Float64frombits
	}
	return func(a uint64) float64 {
		if c.ftz {
			a = flush(a)
		}
		return float64(float32of(a))
	}
}

// encoder rounds a float64 once to the destination's format.
func (c conversion) encoder() (func(float64) uint64, error) {
	narrow := c.dst.bytes < c.src.bytes
	var finish func(float64) uint64
	switch c.dst.name {
	case "f16":
		finish = func(v float64) uint64 { return half16.encode(v, c.mode) }
	case "bf16":
		finish = func(v float64) uint64 { return brain16.encode(v, c.mode) }
	case "f32":
		finish = func(v float64) uint64 {
			r := bits32(toFloat32(v, c.mode))
			if c.ftz {
				r = flush(r)
			}
			return r
		}
	case "f64":
		finish = math.Float64bits
	default:
		return nil, errOperand("conversion to ." + c.dst.name + " is not supported")
	}
	return func(v float64) uint64 {
		if c.integral && !narrow {
			v = roundInteger(v, c.mode)
		}
		if c.sat {
			v = saturate(v)
		}
		if c.relu && !(v > 0) && v == v {
			v = 0
		}
		return finish(v)
	}, nil
}

// convertPair builds cvt.rn.f16x2.f32 d, a, b: a goes to the upper half.
func (b *builder) convertPair(in *instr, c conversion) (op, error) {
	if err := wantArgs(in, 3); err != nil {
		return op{}, err
	}
	if c.src.name != "f32" {
		return op{}, errOperand("only pairs of f32 are supported")
	}
	c.dst = typeOf[strings.TrimSuffix(c.dst.name, "x2")]
	f, err := c.function()
	if err != nil {
		return op{}, err
	}
	d, err := b.dst(in.args[0], typeOf["b32"])
	if err != nil {
		return op{}, err
	}
	hi, err := b.src(in.args[1], c.src)
	if err != nil {
		return op{}, err
	}
	lo, err := b.src(in.args[2], c.src)
	if err != nil {
		return op{}, err
	}
	return b.pure(d, hi, lo, lo, map2(func(x, y uint64) uint64 { return f(x)<<16 | f(y) })), nil
}
