package ptx

// defineLogic enters and, or, xor, not, cnot, lop3 and the shifts.
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
		define("cnot."+b, map1(func(a uint64) uint64 {
			if a == 0 {
				return 1
			}
			return 0
		}), b, b)
		define("shl."+b, func(d, a, b, _ *vec) {
			for l := range d {
				d[l] = a[l] << b[l] & mask
			}
		}, b, b, "u32")
		for _, t := range []string{b, u} {
			define("shr."+t, map2(func(a, b uint64) uint64 { return a >> b }), t, t, "u32")
		}
		define("shr."+s, map2(func(a, b uint64) uint64 { return uint64(signed(a, n)>>b) & mask }), s, s, "u32")
	}
	define("lop3.b32", nil, "b32", "b32", "b32", "b32")
	for _, mode := range []string{"wrap", "clamp"} {
		amount := func(c uint64) uint64 {
			if mode == "clamp" {
				return min(c, 32)
			}
			return c & 31
		}
		define("shf.l."+mode+".b32", map3(func(a, b, c uint64) uint64 {
			return (b<<32 | a) << amount(c) >> 32
		}), "b32", "b32", "b32", "u32")
		define("shf.r."+mode+".b32", map3(func(a, b, c uint64) uint64 {
			return (b<<32 | a) >> amount(c) & 0xffffffff
		}), "b32", "b32", "b32", "u32")
	}
}

// lop3 is any function of three bits: bit 4a + 2b + c of the table is its value at (a, b, c).
func lop3(table uint64) lanewise {
	return map3(func(a, b, c uint64) uint64 {
		r := uint64(0)
		for i := range uint64(8) {
			if table>>i&1 == 0 {
				continue
			}
			x, y, z := a, b, c
			if i&4 == 0 {
				x = ^x
			}
			if i&2 == 0 {
				y = ^y
			}
			if i&1 == 0 {
				z = ^z
			}
			r |= x & y & z
		}
		return r & 0xffffffff
	})
}

// lop3 builds lop3.b32 d, a, b, c, table.
func (b *builder) lop3(in *instr) (op, error) {
	if err := wantArgs(in, 5); err != nil {
		return op{}, err
	}
	t := in.args[4]
	if t.kind != immOperand || t.value > 255 {
		return op{}, errOperand("the table of lop3 must be a number below 256")
	}
	s := simples["lop3.b32"]
	s.f = lop3(t.value)
	short := *in
	short.args = in.args[:4]
	return b.simple(&short, s)
}
