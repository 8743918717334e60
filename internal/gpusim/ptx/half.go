package ptx

import "math"

// format is a floating-point format of 16 bits, or tf32 in 32.
type format struct{ exponent, fraction int }

var (
	half16  = format{5, 10}
	brain16 = format{8, 7}
)

// encode rounds v once to the format, to nearest; infinity where it is too large.
func (f format) encode(v float64) uint64 {
	sign := uint64(0)
	if math.Signbit(v) {
		sign = 1 << (f.exponent + f.fraction)
	}
	inf := uint64(1)<<f.exponent - 1
	if v != v {
		return 1<<(f.exponent+f.fraction) - 1 // the canonical NaN: 0x7fff
	}
	bias := 1<<(f.exponent-1) - 1
	a := math.Abs(v)
	if math.IsInf(a, 0) {
		return sign | inf<<f.fraction
	}
	_, e := math.Frexp(a) // a = m·2^e, m in [½, 1)
	e = max(e-1, 1-bias)
	scaled := math.Ldexp(a, f.fraction-e) // the fraction's last bit is worth 1
	m := uint64(math.RoundToEven(scaled))
	if m == 0 {
		return sign
	}
	// A subnormal number has m < 2^fraction and the exponent field 0; a carry moves into the field by itself.
	return sign | min(uint64(e-1+bias)<<f.fraction+m, inf<<f.fraction)
}

// decode is exact.
func (f format) decode(b uint64) float64 {
	sign := 1.0
	if b>>(f.exponent+f.fraction)&1 != 0 {
		sign = -1
	}
	e := int(b >> f.fraction & (1<<f.exponent - 1))
	m := float64(b & (1<<f.fraction - 1))
	bias := 1<<(f.exponent-1) - 1
	switch {
	case e == 1<<f.exponent-1 && m != 0:
		return math.NaN()
	case e == 1<<f.exponent-1:
		return sign * math.Inf(1)
	case e == 0:
		return sign * math.Ldexp(m, 1-bias-f.fraction)
	}
	return sign * math.Ldexp(m+float64(uint64(1)<<f.fraction), e-bias-f.fraction)
}

// toTF32 is cvt.rna.tf32.f32: ten bits of fraction, to nearest, ties away from zero.
func toTF32(b uint64) uint64 {
	if b&0x7f800000 == 0x7f800000 {
		return b &^ 0x1fff
	}
	return (b + 0x1000) & 0xffffe000
}

// halfTable is every float16 as a float32.
var halfTable = func() *[1 << 16]float32 {
	var t [1 << 16]float32
	for i := range t {
		t[i] = float32(half16.decode(uint64(i)))
	}
	return &t
}()
