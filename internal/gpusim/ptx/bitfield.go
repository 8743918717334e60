package ptx

import "math/bits"

// defineBitFields enters popc, clz, bfind, brev, bfe, bfi and prmt.
func defineBitFields() {
	for _, n := range []int{32, 64} {
		mask := ^uint64(0) >> (64 - n)
		b, u, s := "b"+width(n), "u"+width(n), "s"+width(n)
		define("popc."+b, map1(func(a uint64) uint64 { return uint64(bits.OnesCount64(a)) }), "u32", b)
		define("clz."+b, map1(func(a uint64) uint64 { return uint64(bits.LeadingZeros64(a) - 64 + n) }), "u32", b)
		define("brev."+b, map1(func(a uint64) uint64 { return bits.Reverse64(a) >> (64 - n) }), b, b)
		find := func(a uint64, shift bool) uint64 {
			switch {
			case a == 0:
				return 0xffffffff
			case shift:
				return uint64(n - bits.Len64(a))
			}
			return uint64(bits.Len64(a) - 1)
		}
		// Of a negative number bfind looks for the highest zero.
		positive := func(a uint64) uint64 {
			if signed(a, n) < 0 {
				return ^a & mask
			}
			return a
		}
		define("bfind."+u, map1(func(a uint64) uint64 { return find(a, false) }), "u32", u)
		define("bfind.shiftamt."+u, map1(func(a uint64) uint64 { return find(a, true) }), "u32", u)
		define("bfind."+s, map1(func(a uint64) uint64 { return find(positive(a), false) }), "u32", s)
		define("bfind.shiftamt."+s, map1(func(a uint64) uint64 { return find(positive(a), true) }), "u32", s)
		define("bfe."+u, map3(func(a, b, c uint64) uint64 { return a >> (b & 255) & (1<<(c&255) - 1) }), u, u, "u32", "u32")
		define("bfe."+s, map3(func(a, b, c uint64) uint64 { return fieldSigned(a, b&255, c&255, n) & mask }), s, s, "u32", "u32")
	}
	define("prmt.b32", map3(permute), "b32", "b32", "b32", "b32")
}

// fieldSigned is bfe of a signed number: the field's top bit fills what is above, the number's own sign where the
// field reaches beyond it.
func fieldSigned(a, pos, length uint64, n int) uint64 {
	if length == 0 {
		return 0
	}
	v := uint64(signed(a, n) >> min(pos, 63))
	if length >= 64 {
		return v
	}
	return uint64(signed(v, int(length)))
}

// insert is bfi: the low bits of a into b.
func insert(a, b, pos, length uint64, n int) uint64 {
	pos, length = pos&255, length&255
	field := (uint64(1)<<length - 1) << pos & (^uint64(0) >> (64 - n))
	return b&^field | a<<pos&field
}

// permute is prmt in its default mode: four selectors of four bits, the upper bit of which repeats the byte's sign.
func permute(a, b, sel uint64) uint64 {
	bytes := b<<32 | a
	r := uint64(0)
	for i := range 4 {
		s := sel >> (4 * i)
		v := bytes >> (8 * (s & 7)) & 255
		if s&8 != 0 {
			v = uint64(int8(v)>>7) & 255
		}
		r |= v << (8 * i)
	}
	return r
}

// insertField builds bfi.b32 d, a, b, pos, length: the one instruction of four sources.
func (b *builder) insertField(in *instr) (op, error) {
	t := typeOf[in.parts[len(in.parts)-1]]
	if err := wantArgs(in, 5); err != nil {
		return op{}, err
	}
	d, err := b.dst(in.args[0], t)
	if err != nil {
		return op{}, err
	}
	var s [4]int
	for i, st := range []typ{t, t, typeOf["u32"], typeOf["u32"]} {
		if s[i], err = b.src(in.args[1+i], st); err != nil {
			return op{}, err
		}
	}
	n := t.bits()
	return op{run: func(w *warp, m uint32) {
		x, y, pos, length := &w.regs[s[0]], &w.regs[s[1]], &w.regs[s[2]], &w.regs[s[3]]
		for l := range lanes(m) {
			w.regs[d][l] = insert(x[l], y[l], pos[l], length[l], n)
		}
	}}, nil
}
