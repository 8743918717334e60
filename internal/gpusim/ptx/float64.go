package ptx

import "math"

// defineFloat64 enters the exactly rounded operations on float64.
func defineFloat64() {
	const f = "f64"
	define("add.f64", map2f64(func(a, b float64) float64 { return a + b }), f, f, f)
	define("sub.f64", map2f64(func(a, b float64) float64 { return a - b }), f, f, f)
	for _, name := range []string{"mul.f64", "mul.rn.f64"} {
		define(name, map2f64(func(a, b float64) float64 { return a * b }), f, f, f)
	}
	define("fma.rn.f64", func(d, a, b, c *vec) {
		for l := range d {
			d[l] = math.Float64bits(math.FMA(math.Float64frombits(a[l]), math.Float64frombits(b[l]), math.Float64frombits(c[l])))
		}
	}, f, f, f, f)
	define("div.rn.f64", map2f64(func(a, b float64) float64 { return a / b }), f, f, f)
	define("sqrt.rn.f64", map1f64(math.Sqrt), f, f)
	define("rcp.rn.f64", map1f64(func(a float64) float64 { return 1 / a }), f, f)
	define("abs.f64", map1f64(math.Abs), f, f)
	define("neg.f64", map1(func(a uint64) uint64 { return a ^ 1<<63 }), f, f)
	define("min.f64", map2f64(minimum), f, f, f)
	define("max.f64", map2f64(maximum), f, f, f)
}

// defineApproximations enters the functions that the GPU computes to within a few units in the last place: here the
// float64 function, rounded. ftz: subnormal operands and results are zeros of their sign.
func defineApproximations() {
	define("ex2.approx.ftz.f32", map1(func(a uint64) uint64 {
		return flush(bits32(float32(math.Exp2(float64(float32of(flush(a)))))))
	}), "f32", "f32")
	define("rcp.approx.ftz.f64", map1f64(func(a float64) float64 { return upperWord(1 / a) }), "f64", "f64")
	define("rsqrt.approx.f64", map1f64(func(a float64) float64 { return 1 / math.Sqrt(a) }), "f64", "f64")
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
