package ptx

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
)

// regType is the register type that holds a type of an instruction.
func regType(t string) string {
	if t == "pred" {
		return "pred"
	}
	n := typeOf[t].bytes
	if n == 1 {
		n = 2
	}
	return "b" + width(8*n)
}

// runOne runs one instruction, in which %d, %a, %b and %c are its operands of the given types, on rows of operands, a
// thread for each row, and returns %d of each.
func runOne(t testing.TB, instruction, dst string, src []string, rows [][3]uint64) []uint64 {
	t.Helper()
	var s strings.Builder
	fmt.Fprintf(&s, ".version 8.5\n.target sm_80\n.address_size 64\n.visible .entry one(.param .u64 p, .param .u64 q, .param .u64 n)\n{\n")
	fmt.Fprintf(&s, ".reg .b64 %%x<9>; .reg .pred %%none; .reg .pred %%out; .reg .b32 %%i<3>; .reg .b64 %%wide; .reg .%s %%d;\n", regType(dst))
	fmt.Fprintf(&s, "ld.param.u64 %%x1, [p]; ld.param.u64 %%x2, [q]; ld.param.u64 %%x7, [n]; mov.u32 %%i1, %%tid.x; mov.u32 %%i2, %%ctaid.x;\n"+
		"mad.lo.s32 %%i1, %%i2, 64, %%i1; cvt.u64.u32 %%x8, %%i1; setp.ge.u64 %%out, %%x8, %%x7; @%%out ret;\n"+
		"mul.wide.u32 %%x3, %%i1, 24; add.s64 %%x4, %%x1, %%x3; mul.wide.u32 %%x5, %%i1, 8; add.s64 %%x6, %%x2, %%x5;\n")
	for i, st := range src {
		name := string(rune('a' + i))
		if st == "pred" {
			fmt.Fprintf(&s, ".reg .pred %%%s; ld.global.u64 %%wide, [%%x4+%d]; setp.ne.u64 %%%s, %%wide, 0;\n", name, 8*i, name)
		} else {
			fmt.Fprintf(&s, ".reg .%s %%%s; ld.global.%s %%%s, [%%x4+%d];\n", regType(st), name, regType(st), name, 8*i)
		}
	}
	fmt.Fprintf(&s, "%s\n", instruction)
	switch n := typeOf[dst].bytes; {
	case dst == "pred":
		fmt.Fprintf(&s, "selp.b64 %%wide, 1, 0, %%d;\n")
	case n == 8:
		fmt.Fprintf(&s, "mov.b64 %%wide, %%d;\n")
	case n == 4:
		fmt.Fprintf(&s, "cvt.u64.u32 %%wide, %%d;\n")
	default:
		fmt.Fprintf(&s, "cvt.u64.u16 %%wide, %%d;\n")
	}
	fmt.Fprintf(&s, "st.global.u64 [%%x6], %%wide;\nret;\n}\n")
	mod, err := Parse(s.String())
	if err != nil {
		t.Fatalf("%s: %v", instruction, err)
	}
	m := NewMachine(Options{Workers: 1})
	var in []uint64
	for _, r := range rows {
		in = append(in, r[:]...)
	}
	p, q := put(t, m, "in", in), put(t, m, "out", make([]uint64, len(rows)))
	launchOK(t, m, mod.Kernel("one"), x((len(rows)+63)/64), x(64), 0, p, q, uint64(len(rows)))
	return get[uint64](t, m, q, len(rows))
}

// numbers is a small generator, the same on every run.
type numbers uint64

func (n *numbers) next() uint64 {
	*n += 0x9e3779b97f4a7c15
	v := uint64(*n)
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}

// binary describes a floating-point format: digits of precision, and the exponents of the smallest and of the number
// beyond the largest.
type binaryFormat struct {
	name          string
	digits        int
	least, beyond int
	bits          int
}

var formats = map[string]binaryFormat{
	"f16": {"f16", 11, -24, 16, 16}, "bf16": {"bf16", 8, -133, 128, 16}, "f32": {"f32", 24, -149, 128, 32}, "f64": {"f64", 53, -1074, 1024, 64},
}

// round is the value of the format that an exact number rounds to, by the definition. Zero has no sign here.
func (f binaryFormat) round(exact *big.Float, mode rounding) float64 {
	if exact.Sign() == 0 {
		return 0
	}
	unit := max(exact.MantExp(nil)-f.digits, f.least)
	scaled := new(big.Float).SetPrec(exact.Prec()).SetMantExp(exact, -unit)
	low, _ := scaled.Int(nil) // towards zero
	rest := new(big.Float).SetPrec(exact.Prec()).Sub(scaled, new(big.Float).SetPrec(exact.Prec()).SetInt(low))
	away := false
	switch mode {
	case nearest:
		c := rest.Abs(rest).Cmp(big.NewFloat(0.5))
		away = c > 0 || c == 0 && low.Bit(0) == 1
	case down:
		away = rest.Sign() < 0
	}
	if away {
		low.Add(low, big.NewInt(int64(exact.Sign())))
	}
	v, _ := new(big.Float).SetMantExp(new(big.Float).SetInt(low), unit).Float64()
	limit := math.Ldexp(1, f.beyond-1) * 2
	if f.beyond < 1024 {
		limit = math.Ldexp(1, f.beyond)
	}
	if math.Abs(v) >= limit || math.IsInf(v, 0) {
		sign := float64(exact.Sign())
		if mode == down && sign > 0 {
			largest := new(big.Float).SetMantExp(big.NewFloat(math.Ldexp(1, f.digits)-1), f.beyond-f.digits)
			v, _ := largest.Float64()
			return sign * v
		}
		return sign * math.Inf(1)
	}
	return v
}

// value and encode are exact for f32 and f64.
func (f binaryFormat) value(b uint64) float64 {
	switch f.name {
	case "f64":
		return math.Float64frombits(b)
	case "f32":
		return float64(math.Float32frombits(uint32(b)))
	case "f16":
		return half16.decode(b)
	}
	return brain16.decode(b)
}

func (f binaryFormat) encode(v float64) uint64 {
	if f.bits == 32 {
		return uint64(math.Float32bits(float32(v)))
	}
	return math.Float64bits(v)
}

// exactBits is enough for any sum of a product of two float64 and a third.
const exactBits = 4400

func exactly(v float64) *big.Float { return new(big.Float).SetPrec(exactBits).SetFloat64(v) }
