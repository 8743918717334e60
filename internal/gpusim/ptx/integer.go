package ptx

import "math/bits"

// defineIntegers enters add, sub, min, max, neg, div and rem of integers.
func defineIntegers() {
	for _, n := range []int{16, 32, 64} {
		mask := ^uint64(0) >> (64 - n)
		w := width(n)
		for _, u := range []string{"u" + w, "s" + w} {
			define("add."+u, addInt(n), u, u, u)
			define("sub."+u, map2(func(a, b uint64) uint64 { return (a - b) & mask }), u, u, u)
		}
		u, s := "u"+w, "s"+w
		define("min."+u, map2(func(a, b uint64) uint64 { return min(a, b) }), u, u, u)
		define("max."+u, map2(func(a, b uint64) uint64 { return max(a, b) }), u, u, u)
		define("min."+s, map2(func(a, b uint64) uint64 { return uint64(min(signed(a, n), signed(b, n))) & mask }), s, s, s)
		define("max."+s, map2(func(a, b uint64) uint64 { return uint64(max(signed(a, n), signed(b, n))) & mask }), s, s, s)
		define("neg."+s, map1(func(a uint64) uint64 { return -a & mask }), s, s)
		// Division by zero gives all ones, and the dividend as the remainder: what the GPU's code does.
		define("div."+u, map2(func(a, b uint64) uint64 {
			if b == 0 {
				return mask
			}
			return a / b
		}), u, u, u)
		define("rem."+u, map2(func(a, b uint64) uint64 {
			if b == 0 {
				return a
			}
			return a % b
		}), u, u, u)
		define("div."+s, map2(func(a, b uint64) uint64 {
			if b == 0 {
				return mask
			}
			return uint64(signed(a, n)/signed(b, n)) & mask
		}), s, s, s)
		define("rem."+s, map2(func(a, b uint64) uint64 {
			if b == 0 {
				return a
			}
			return uint64(signed(a, n)%signed(b, n)) & mask
		}), s, s, s)
	}
}

func width(n int) string { return map[int]string{8: "8", 16: "16", 32: "32", 64: "64"}[n] }

func addInt(n int) lanewise {
	switch n {
	case 32:
		return func(d, a, b, _ *vec) {
			for l := range d {
				d[l] = uint64(uint32(a[l]) + uint32(b[l]))
			}
		}
	case 64:
		return func(d, a, b, _ *vec) {
			for l := range d {
				d[l] = a[l] + b[l]
			}
		}
	}
	return map2(func(a, b uint64) uint64 { return (a + b) & 0xffff })
}

// defineProducts enters mul.lo, mul.hi, mul.wide, mad.lo and mad.wide of signed 32 bits.
func defineProducts() {
	for _, n := range []int{16, 32, 64} {
		mask := ^uint64(0) >> (64 - n)
		u, s := "u"+width(n), "s"+width(n)
		for _, t := range []string{u, s} {
			define("mul.lo."+t, map2(func(a, b uint64) uint64 { return a * b & mask }), t, t, t)
			define("mad.lo."+t, madLow(mask), t, t, t, t)
		}
		define("mul.hi."+u, map2(func(a, b uint64) uint64 { return highU(a, b, n) }), u, u, u)
		define("mul.hi."+s, map2(func(a, b uint64) uint64 { return highS(a, b, n) }), s, s, s)
		if n == 64 {
			continue
		}
		wide := ^uint64(0) >> (64 - 2*n)
		define("mul.wide."+u, map2(func(a, b uint64) uint64 { return a * b }), "u"+width(2*n), u, u)
		define("mul.wide."+s, mulWide(n, wide), "s"+width(2*n), s, s)
	}
	define("mad.wide.s32", map3(func(a, b, c uint64) uint64 { return uint64(signed(a, 32)*signed(b, 32)) + c }), "s64", "s32", "s32", "s64")
}

func madLow(mask uint64) lanewise {
	return func(d, a, b, c *vec) {
		for l := range d {
			d[l] = (a[l]*b[l] + c[l]) & mask
		}
	}
}

func mulWide(n int, wide uint64) lanewise {
	if n == 32 {
		return func(d, a, b, _ *vec) {
			for l := range d {
				d[l] = uint64(int64(int32(a[l])) * int64(int32(b[l])))
			}
		}
	}
	return map2(func(a, b uint64) uint64 { return uint64(signed(a, n)*signed(b, n)) & wide })
}

// highU is the upper half of the product of two n-bit numbers.
func highU(a, b uint64, n int) uint64 {
	hi, lo := bits.Mul64(a, b)
	if n == 64 {
		return hi
	}
	return lo >> n & (1<<n - 1)
}

func highS(a, b uint64, n int) uint64 {
	if n == 64 {
		hi, _ := bits.Mul64(a, b)
		return hi - a*(b>>63) - b*(a>>63)
	}
	return uint64(signed(a, n)*signed(b, n)) >> n & (1<<n - 1)
}
