package ptx

import "math"

// defineFloat32 enters the exactly rounded operations on float32.
func defineFloat32() {
	const f = "f32"
	define("add.f32", func(d, a, b, _ *vec) {
		for l := range d {
			d[l] = bits32(float32of(a[l]) + float32of(b[l]))
		}
	}, f, f, f)
	define("sub.f32", map2f32(func(a, b float32) float32 { return a - b }), f, f, f)
	define("mul.f32", func(d, a, b, _ *vec) {
		for l := range d {
			d[l] = bits32(float32of(a[l]) * float32of(b[l]))
		}
	}, f, f, f)
	define("fma.rn.f32", fmaFloat32, f, f, f, f)
	define("fma.rm.f32", map3(func(a, b, c uint64) uint64 {
		return bits32(fma32(float32of(a), float32of(b), float32of(c), down))
	}), f, f, f, f)
	define("div.rn.f32", map2f32(func(a, b float32) float32 { return a / b }), f, f, f)
	define("sqrt.rn.f32", map1f32(sqrt32), f, f)
	define("rcp.rn.f32", map1f32(func(a float32) float32 { return 1 / a }), f, f)
	define("abs.f32", map1(func(a uint64) uint64 { return a & 0x7fffffff }), f, f)
	define("neg.f32", map1(func(a uint64) uint64 { return a ^ 0x80000000 }), f, f)
	define("min.f32", map2f32(func(a, b float32) float32 { return float32(minimum(float64(a), float64(b))) }), f, f, f)
	define("max.NaN.f32", map2f32(func(a, b float32) float32 { return float32(math.Max(float64(a), float64(b))) }), f, f, f)
}

func fmaFloat32(d, a, b, c *vec) {
	for l := range d {
		// The float64 sum of the exact product rounds wrongly to a float32 only from the middle between two float32, or
		// where the result is subnormal.
		s := float64(float32of(a[l]))*float64(float32of(b[l])) + float64(float32of(c[l]))
		if u := math.Float64bits(s); u&0x1fffffff == 0x10000000 || u&0x7ff0000000000000 < 0x3810000000000000 {
			d[l] = bits32(fma32(float32of(a[l]), float32of(b[l]), float32of(c[l]), nearest))
		} else {
			d[l] = bits32(float32(s))
		}
	}
}

// A float64 square root of a float32, rounded again, is the exactly rounded one: 53 ≥ 2·24 + 2.
func sqrt32(a float32) float32 { return float32(math.Sqrt(float64(a))) }

// minimum and maximum are PTX's: of a number and a NaN they are the number, and −0 < +0.
func minimum(a, b float64) float64 { return ofNumbers(math.Min, a, b) }
func maximum(a, b float64) float64 { return ofNumbers(math.Max, a, b) }

// ofNumbers returns f of two numbers, or the one that is a number.
func ofNumbers(f func(a, b float64) float64, a, b float64) float64 {
	switch {
	case a != a:
		return b
	case b != b:
		return a
	}
	return f(a, b)
}

// flush makes a subnormal number a zero of its sign.
func flush(a uint64) uint64 {
	if a&0x7f800000 == 0 {
		return a & 0x80000000
	}
	return a
}
