package ptx

import "math/bits"

// defineCounts enters popc and clz.
func defineCounts() {
	for _, b := range []string{"b32", "b64"} {
		define("popc."+b, map1(func(a uint64) uint64 { return uint64(bits.OnesCount64(a)) }), "u32", b)
	}
	define("clz.b32", map1(func(a uint64) uint64 { return uint64(bits.LeadingZeros32(uint32(a))) }), "u32", "b32")
	define("clz.b64", map1(func(a uint64) uint64 { return uint64(bits.LeadingZeros64(a)) }), "u32", "b64")
}

// insert is bfi: the low bits of a into b.
func insert(a, b, pos, length uint64, n int) uint64 {
	pos, length = pos&255, length&255
	field := (uint64(1)<<length - 1) << pos & (^uint64(0) >> (64 - n))
	return b&^field | a<<pos&field
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
