package ptx

import "math"

// defineFloat32 enters the exactly rounded operations on float32 in all their roundings, with .ftz and .sat.
func defineFloat32() {
	const f = "f32"
	for _, rnd := range []string{"", ".rn", ".rz", ".rm", ".rp"} {
		mode := roundings["rn"]
		if rnd != "" {
			mode = roundings[rnd[1:]]
		}
		for _, x := range []string{"", ".ftz", ".sat", ".ftz.sat"} {
			define("add"+rnd+x+".f32", extras(x, addFloat32(mode)), f, f, f)
			define("sub"+rnd+x+".f32", extras(x, map2f32(func(a, b float32) float32 { return add32(a, -b, mode) })), f, f, f)
			define("mul"+rnd+x+".f32", extras(x, mulFloat32(mode)), f, f, f)
			if rnd != "" {
				define("fma"+rnd+x+".f32", extras(x, fmaFloat32(mode)), f, f, f, f)
			}
		}
	}
	for _, x := range []string{"", ".ftz"} {
		for _, name := range []string{"div.rn", "div.approx", "div.full"} {
			define(name+x+".f32", extras(x, map2f32(func(a, b float32) float32 { return a / b })), f, f, f)
		}
		define("sqrt.rn"+x+".f32", extras(x, map1f32(sqrt32)), f, f)
		define("rcp.rn"+x+".f32", extras(x, map1f32(func(a float32) float32 { return 1 / a })), f, f)
		define("abs"+x+".f32", extras(x, map1(func(a uint64) uint64 { return a & 0x7fffffff })), f, f)
		define("neg"+x+".f32", extras(x, map1(func(a uint64) uint64 { return a ^ 0x80000000 })), f, f)
		define("min"+x+".f32", extras(x, map2f32(func(a, b float32) float32 {
			return float32(minimum(float64(a), float64(b)))
		})), f, f, f)
		define("max"+x+".f32", extras(x, map2f32(func(a, b float32) float32 {
			return float32(-minimum(-float64(a), -float64(b)))
		})), f, f, f)
	}
	define("copysign.f32", map2(func(a, b uint64) uint64 { return a&0x80000000 | b&0x7fffffff }), f, f, f)
}

func addFloat32(mode rounding) lanewise {
	if mode != nearest {
		return map2f32(func(a, b float32) float32 { return add32(a, b, mode) })
	}
	return func(d, a, b, _ *vec) {
		for l := range d {
			d[l] = bits32(float32of(a[l]) + float32of(b[l]))
		}
	}
}

func mulFloat32(mode rounding) lanewise {
	if mode != nearest {
		return map2f32(func(a, b float32) float32 { return mul32(a, b, mode) })
	}
	return func(d, a, b, _ *vec) {
		for l := range d {
			d[l] = bits32(float32of(a[l]) * float32of(b[l]))
		}
	}
}

func fmaFloat32(mode rounding) lanewise {
	if mode != nearest {
		return map3(func(a, b, c uint64) uint64 {
			return bits32(fma32(float32of(a), float32of(b), float32of(c), mode))
		})
	}
	return func(d, a, b, c *vec) {
		for l := range d {
			// The float64 sum of the exact product rounds wrongly to a float32 only from the middle between two float32,
			// or where the result is subnormal.
			s := float64(float32of(a[l]))*float64(float32of(b[l])) + float64(float32of(c[l]))
			if u := math.Float64bits(s); u&0x1fffffff == 0x10000000 || u&0x7ff0000000000000 < 0x3810000000000000 {
				d[l] = bits32(fma32(float32of(a[l]), float32of(b[l]), float32of(c[l]), nearest))
			} else {
				d[l] = bits32(float32(s))
			}
		}
	}
}

// A float64 square root of a float32, rounded again, is the exactly rounded one: 53 ≥ 2·24 + 2.
func sqrt32(a float32) float32 { return float32(math.Sqrt(float64(a))) }

// minimum is PTX's: of a number and a NaN it is the number, and −0 < +0.
func minimum(a, b float64) float64 {
	switch {
	case a != a:
		return b
	case b != b:
		return a
	}
	return math.Min(a, b)
}

// extras adds .ftz, subnormal operands and results are zeros of their sign, and .sat, the result is clamped to [0, 1]
// and NaN is 0.
func extras(x string, f lanewise) lanewise {
	switch x {
	case ".ftz":
		return flushed(f)
	case ".sat":
		return saturated(f)
	case ".ftz.sat":
		return saturated(flushed(f))
	}
	return f
}

func flush(a uint64) uint64 {
	if a&0x7f800000 == 0 {
		return a & 0x80000000
	}
	return a
}

func flushed(f lanewise) lanewise {
	return func(d, a, b, c *vec) {
		var x, y, z vec
		for l := range d {
			x[l], y[l], z[l] = flush(a[l]), flush(b[l]), flush(c[l])
		}
		f(d, &x, &y, &z)
		for l := range d {
			d[l] = flush(d[l])
		}
	}
}

func saturated(f lanewise) lanewise {
	return func(d, a, b, c *vec) {
		f(d, a, b, c)
		for l := range d {
			d[l] = bits32(float32(saturate(float64(float32of(d[l])))))
		}
	}
}

func saturate(v float64) float64 {
	switch {
	case !(v > 0):
		return 0
	case v > 1:
		return 1
	}
	return v
}
