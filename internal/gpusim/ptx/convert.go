package ptx

import (
	"math"
	"strings"
)

// convert builds cvt.
func (b *builder) convert(in *instr) (op, error) {
	mods := in.parts[1:]
	if len(mods) < 2 {
		return op{}, errOperand("cvt needs two types")
	}
	mode, to, from := strings.Join(mods[:len(mods)-2], "."), mods[len(mods)-2], mods[len(mods)-1]
	if strings.HasSuffix(to, "x2") {
		return b.convertPair(in, mode, to, from)
	}
	if err := wantArgs(in, 2); err != nil {
		return op{}, err
	}
	dst, src := typeOf[to], typeOf[from]
	f, err := conversion(mode, dst, src)
	if err != nil {
		return op{}, err
	}
	d, err := b.dstWide(in.args[0], dst)
	if err != nil {
		return op{}, err
	}
	s, err := b.srcWide(in.args[1], src)
	if err != nil {
		return op{}, err
	}
	// A register wider than the type gets the value extended by its sign.
	if wide := b.f.registers[in.args[0].reg].typ; dst.isSigned() && wide.bytes > dst.bytes {
		narrow, n, mask := f, dst.bits(), wide.mask()
		f = func(d, a, b, c *vec) {
			narrow(d, a, b, c)
			for l := range d {
				d[l] = uint64(signed(d[l], n)) & mask
			}
		}
	}
	return b.pure(d, s, s, s, f), nil
}

// conversion is a cvt of one value.
func conversion(mode string, dst, src typ) (lanewise, error) {
	switch {
	case mode == "" && dst.isInt() && src.isInt():
		return resized(dst, src), nil
	case mode == "rn" && (dst.name == "f32" || dst.name == "f64") && src.isInt():
		return map1(func(a uint64) uint64 { return fromInteger(a, dst, src) }), nil
	case mode == "rzi" && dst.isInt() && src.name == "f64":
		return map1(func(a uint64) uint64 { return toInteger(math.Float64frombits(a), dst, true) }), nil
	case mode == "rzi" && dst.isInt() && src.name == "f32":
		return map1(func(a uint64) uint64 { return toInteger(float64(float32of(a)), dst, dst.bytes == 8) }), nil
	}
	if f := floatConversions[strings.TrimPrefix(mode+"."+dst.name+"."+src.name, ".")]; f != nil {
		return map1(f), nil
	}
	if dst.name == "tf32" {
		return nil, errOperand("only cvt.rna.tf32.f32 makes a tf32")
	}
	return nil, errOperand("this conversion is not supported")
}

var floatConversions = map[string]func(uint64) uint64{
	"f32.f16":      func(a uint64) uint64 { return bits32(float32(half16.decode(a))) },
	"f64.f32":      func(a uint64) uint64 { return math.Float64bits(float64(float32of(a))) },
	"rn.f16.f32":   func(a uint64) uint64 { return half16.encode(float64(float32of(a))) },
	"rn.f32.f64":   func(a uint64) uint64 { return bits32(float32(math.Float64frombits(a))) },
	"sat.f32.f32":  func(a uint64) uint64 { return bits32(saturate(float32of(a))) },
	"rna.tf32.f32": toTF32,
}

// saturate clamps to [0, 1]; a NaN is 0.
func saturate(v float32) float32 {
	switch {
	case !(v > 0):
		return 0
	case v > 1:
		return 1
	}
	return v
}

// resized is an integer in another width.
func resized(dst, src typ) lanewise {
	mask := dst.mask()
	if src.isSigned() {
		shift := 64 - src.bits()
		return func(d, a, _, _ *vec) {
			for l := range d {
				d[l] = uint64(int64(a[l]<<shift)>>shift) & mask
			}
		}
	}
	mask &= src.mask()
	return func(d, a, _, _ *vec) {
		for l := range d {
			d[l] = a[l] & mask
		}
	}
}

// toInteger rounds to zero and clamps. A NaN is 0, or the top bit alone where a type of 64 bits is on either side.
func toInteger(v float64, dst typ, wide bool) uint64 {
	v = math.Trunc(v)
	top := uint64(1) << (dst.bits() - 1)
	low, high := 0.0, 2*float64(top)
	if dst.isSigned() {
		low, high = -float64(top), float64(top)
	}
	switch {
	case v != v && wide:
		return top
	case v != v:
		return 0
	case v >= high && dst.isSigned():
		return top - 1
	case v >= high:
		return dst.mask()
	case v < low && dst.isSigned():
		return top
	case v < low:
		return 0
	case dst.isSigned():
		return uint64(int64(v)) & dst.mask()
	}
	return uint64(v)
}

// fromInteger rounds an integer once, to nearest.
func fromInteger(a uint64, dst, src typ) uint64 {
	a &= src.mask()
	v := signed(a, src.bits())
	switch {
	case src.isSigned() && dst.name == "f32":
		return bits32(float32(v))
	case src.isSigned():
		return math.Float64bits(float64(v))
	case dst.name == "f32":
		return bits32(float32(a))
	}
	return math.Float64bits(float64(a))
}

// convertPair builds cvt.rn.f16x2.f32 d, a, b and its like in bf16: a goes to the upper half. With relu what is negative becomes zero.
func (b *builder) convertPair(in *instr, mode, to, from string) (op, error) {
	f, ok := map[string]format{"f16x2": half16, "bf16x2": brain16}[to]
	if !ok || mode != "rn" && mode != "rn.relu" || from != "f32" {
		return op{}, errOperand("this conversion is not supported")
	}
	encode := func(a uint64) uint64 {
		v := float32of(a)
		if mode == "rn.relu" && v <= 0 {
			v = 0
		}
		return f.encode(float64(v))
	}
	t := typeOf["f32"]
	return b.simple(in, simple{typeOf["b32"], []typ{t, t}, map2(func(x, y uint64) uint64 { return encode(x)<<16 | encode(y) })})
}
