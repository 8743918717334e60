package ptx

// defineLogic enters and, or, xor, not and the shifts.
func defineLogic() {
	for _, n := range []int{16, 32, 64} {
		mask := ^uint64(0) >> (64 - n)
		b, u, s := "b"+width(n), "u"+width(n), "s"+width(n)
		define("and."+b, func(d, a, b, _ *vec) {
			for l := range d {
				d[l] = a[l] & b[l]
			}
		}, b, b, b)
		define("or."+b, map2(func(a, b uint64) uint64 { return a | b }), b, b, b)
		define("xor."+b, map2(func(a, b uint64) uint64 { return a ^ b }), b, b, b)
		define("not."+b, map1(func(a uint64) uint64 { return ^a & mask }), b, b)
		define("shl."+b, func(d, a, b, _ *vec) {
			for l := range d {
				d[l] = a[l] << b[l] & mask
			}
		}, b, b, "u32")
		define("shr."+u, map2(func(a, b uint64) uint64 { return a >> b }), u, u, "u32")
		define("shr."+s, map2(func(a, b uint64) uint64 { return uint64(signed(a, n)>>b) & mask }), s, s, "u32")
	}
}
