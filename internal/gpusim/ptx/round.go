package ptx

import "math"

// rounding is the direction of a result that is not exact: .rn or .rm.
type rounding int

const (
	nearest rounding = iota
	down
)

// odd turns a float64 that was rounded to nearest, and the sign of what it lacks, into the one of its two neighbours
// with an odd last bit. Rounding that to fewer bits is rounding the exact value (Boldo and Melquiond, 2008).
func odd(v, lacks float64) float64 {
	if lacks == 0 || math.Float64bits(v)&1 == 1 || math.IsInf(v, 0) || lacks != lacks {
		return v
	}
	return math.Nextafter(v, math.Inf(int(math.Copysign(1, lacks))))
}

// toFloat32 rounds a float64 once, to nearest or down.
func toFloat32(v float64, mode rounding) float32 {
	r := float32(v)
	if mode == down && float64(r) > v {
		return math.Nextafter32(r, float32(math.Inf(-1)))
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
