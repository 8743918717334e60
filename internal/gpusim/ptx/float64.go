package ptx

import "math"

// defineFloat64 enters the exactly rounded operations on float64.
func defineFloat64() {
	const f = "f64"
	for _, rnd := range []string{"", ".rn", ".rz", ".rm", ".rp"} {
		mode := roundings["rn"]
		if rnd != "" {
			mode = roundings[rnd[1:]]
		}
		define("add"+rnd+".f64", map2f64(func(a, b float64) float64 {
			if mode == nearest {
				return a + b
			}
			return fma64(a, 1, b, mode)
		}), f, f, f)
		define("sub"+rnd+".f64", map2f64(func(a, b float64) float64 {
			if mode == nearest {
				return a - b
			}
			return fma64(a, 1, -b, mode)
		}), f, f, f)
		define("mul"+rnd+".f64", map2f64(func(a, b float64) float64 {
			if mode == nearest {
				return a * b
			}
			return fma64(a, b, math.Copysign(0, math.Copysign(1, a)*math.Copysign(1, b)), mode)
		}), f, f, f)
		if rnd != "" {
			define("fma"+rnd+".f64", fmaFloat64(mode), f, f, f, f)
		}
	}
	define("div.rn.f64", map2f64(func(a, b float64) float64 { return a / b }), f, f, f)
	define("sqrt.rn.f64", map1f64(math.Sqrt), f, f)
	define("rcp.rn.f64", map1f64(func(a float64) float64 { return 1 / a }), f, f)
	define("abs.f64", map1f64(math.Abs), f, f)
	define("neg.f64", map1(func(a uint64) uint64 { return a ^ 1<<63 }), f, f)
	define("min.f64", map2f64(minimum), f, f, f)
	define("max.f64", map2f64(func(a, b float64) float64 { return -minimum(-a, -b) }), f, f, f)
	define("copysign.f64", map2f64(func(a, b float64) float64 { return math.Copysign(b, a) }), f, f, f)
}

func fmaFloat64(mode rounding) lanewise {
	return func(d, a, b, c *vec) {
		for l := range d {
			x, y, z := math.Float64frombits(a[l]), math.Float64frombits(b[l]), math.Float64frombits(c[l])
			if mode == nearest {
				d[l] = math.Float64bits(math.FMA(x, y, z))
			} else {
				d[l] = math.Float64bits(fma64(x, y, z, mode))
			}
		}
	}
}

// defineApproximations enters the functions that the GPU computes to within a few units in the last place: here the
// float64 function, rounded.
func defineApproximations() {
	for name, f := range map[string]func(float64) float64{
		"ex2": math.Exp2, "lg2": math.Log2, "sin": math.Sin, "cos": math.Cos, "tanh": math.Tanh,
		"rcp":   func(a float64) float64 { return 1 / a },
		"rsqrt": func(a float64) float64 { return 1 / math.Sqrt(a) },
		"sqrt":  math.Sqrt,
	} {
		for _, x := range []string{"", ".ftz"} {
			define(name+".approx"+x+".f32", extras(x, map1f32(func(a float32) float32 {
				return float32(f(float64(a)))
			})), "f32", "f32")
		}
	}
	define("rsqrt.approx.f64", map1f64(func(a float64) float64 { return 1 / math.Sqrt(a) }), "f64", "f64")
	define("rsqrt.approx.ftz.f64", map1f64(func(a float64) float64 { return upperWord(1 / math.Sqrt(a)) }), "f64", "f64")
	define("rcp.approx.ftz.f64", map1f64(func(a float64) float64 { return upperWord(1 / a) }), "f64", "f64")
}

// upperWord clears the lower 32 bits, which the GPU's flushing float64 approximations do not compute, and subnormal numbers.
func upperWord(v float64) float64 {
	switch {
	case v != v || math.IsInf(v, 0):
		return v
	case math.Abs(v) < 0x1p-1022:
		return math.Copysign(0, v)
	}
	return math.Float64frombits(math.Float64bits(v) &^ 0xffffffff)
}
