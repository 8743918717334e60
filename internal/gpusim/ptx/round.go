package ptx

import (
	"math"
	"math/big"
)

// rounding is the direction of a result that is not exact: .rn, .rz, .rm (down), .rp (up).
type rounding int

const (
	nearest rounding = iota
	toZero
	down
	up
)

var roundings = map[string]rounding{"rn": nearest, "rz": toZero, "rm": down, "rp": up}

// odd turns a float64 that was rounded to nearest, and the sign of what it lacks, into the one of its two neighbours
// with an odd last bit. Rounding that to fewer bits is rounding the exact value (Boldo and Melquiond, 2008).
func odd(v, lacks float64) float64 {
	if lacks == 0 || math.Float64bits(v)&1 == 1 || math.IsInf(v, 0) || lacks != lacks {
		return v
	}
	return math.Nextafter(v, math.Inf(int(math.Copysign(1, lacks))))
}

// toFloat32 rounds a float64 once.
func toFloat32(v float64, mode rounding) float32 {
	r := float32(v)
	f := float64(r)
	switch {
	case mode == nearest || f == v || f != f:
	case f > v && (mode == down || mode == toZero && v > 0):
		r = math.Nextafter32(r, float32(math.Inf(-1)))
	case f < v && (mode == up || mode == toZero && v < 0):
		r = math.Nextafter32(r, float32(math.Inf(1)))
	}
	return r
}

// twoSum is a + b: the float64 and exactly what it lacks.
func twoSum(a, b float64) (s, lacks float64) {
	s = a + b
	t := s - a
	return s, float64(a-float64(s-t)) + float64(b-t)
}

// fma32 is a·b + c rounded once: the product of two float32 is exact in a float64.
func fma32(a, b, c float32, mode rounding) float32 {
	p := float64(a) * float64(b)
	s, lacks := twoSum(p, float64(c))
	if s == 0 && lacks == 0 && mode == down && (p != 0 || math.Signbit(p) != math.Signbit(float64(c))) {
		return float32(math.Copysign(0, -1)) // x − x is −0 when rounding down
	}
	return toFloat32(odd(s, lacks), mode)
}

func add32(a, b float32, mode rounding) float32 { return fma32(a, 1, b, mode) }

func mul32(a, b float32, mode rounding) float32 {
	return toFloat32(float64(a)*float64(b), mode)
}

// exactBits is enough for any sum of a product of two float64 and a third.
const exactBits = 4400

// fma64 is a·b + c rounded once.
func fma64(a, b, c float64, mode rounding) float64 {
	r := math.FMA(a, b, c)
	if mode == nearest || math.IsInf(a, 0) || math.IsInf(b, 0) || math.IsInf(c, 0) || r != r {
		return r
	}
	if math.IsInf(r, 0) {
		r = math.Copysign(math.MaxFloat64, r)
	}
	exact := new(big.Float).SetPrec(exactBits).Mul(big.NewFloat(a), big.NewFloat(b))
	exact.Add(exact, big.NewFloat(c))
	if exact.Sign() == 0 && mode == down && (a*b != 0 || math.Signbit(a*b) != math.Signbit(c)) {
		return math.Copysign(0, -1)
	}
	switch side := big.NewFloat(r).Cmp(exact); {
	case side > 0 && (mode == down || mode == toZero && exact.Sign() > 0):
		return math.Nextafter(r, math.Inf(-1))
	case side < 0 && (mode == up || mode == toZero && exact.Sign() < 0):
		return math.Nextafter(r, math.Inf(1))
	}
	return r
}
