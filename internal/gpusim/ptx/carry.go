package ptx

import (
	"math/bits"
	"strings"
)

// carrying is an instruction of the extended-precision family: it may read the lane's carry and may set it.
type carrying struct {
	typ       typ
	args      int
	sets, use bool
	f         func(a, b, c, carry uint64, n int) (r, out uint64)
}

var carries = map[string]carrying{}

// defineCarries enters add.cc, addc, sub.cc, subc, mad.cc and madc, of 32 and 64 bits.
func defineCarries() {
	for _, n := range []int{32, 64} {
		for _, t := range []string{"u", "s", "b"} {
			t := typeOf[t+width(n)]
			for name, f := range map[string]func(a, b, c, carry uint64, n int) (uint64, uint64){
				"add": func(a, b, _, carry uint64, n int) (uint64, uint64) { return addCarry(a, b, carry, n) },
				"sub": func(a, b, _, carry uint64, n int) (uint64, uint64) { return subBorrow(a, b, carry, n) },
				"mad.lo": func(a, b, c, carry uint64, n int) (uint64, uint64) {
					return addCarry(a*b&t.mask(), c, carry, n)
				},
				"mad.hi": func(a, b, c, carry uint64, n int) (uint64, uint64) {
					if t.isSigned() {
						return addCarry(highS(a, b, n), c, carry, n)
					}
					return addCarry(highU(a, b, n), c, carry, n)
				},
			} {
				args := 2
				if strings.HasPrefix(name, "mad") {
					args = 3
				}
				base, rest, half := strings.Cut(name, ".")
				if half {
					rest = "." + rest
				}
				carries[base+rest+".cc."+t.name] = carrying{t, args, true, false, f}
				carries[base+"c"+rest+"."+t.name] = carrying{t, args, false, true, f}
				carries[base+"c"+rest+".cc."+t.name] = carrying{t, args, true, true, f}
			}
		}
	}
}

func addCarry(a, b, carry uint64, n int) (r, out uint64) {
	if n == 64 {
		return bits.Add64(a, b, carry)
	}
	s := a + b + carry
	return s & 0xffffffff, s >> 32 & 1
}

func subBorrow(a, b, borrow uint64, n int) (r, out uint64) {
	if n == 64 {
		return bits.Sub64(a, b, borrow)
	}
	s := a - b - borrow
	return s & 0xffffffff, s >> 63
}

func (b *builder) carry(in *instr, c carrying) (op, error) {
	if err := wantArgs(in, 1+c.args); err != nil {
		return op{}, err
	}
	d, err := b.dst(in.args[0], c.typ)
	if err != nil {
		return op{}, err
	}
	var s [3]int
	for i := range c.args {
		if s[i], err = b.src(in.args[1+i], c.typ); err != nil {
			return op{}, err
		}
	}
	n := c.typ.bits()
	return op{run: func(w *warp, m uint32) {
		x, y, z := &w.regs[s[0]], &w.regs[s[1]], &w.regs[s[2]]
		for l := range lanes(m) {
			carry := uint64(0)
			if c.use {
				carry = uint64(w.carry >> l & 1)
			}
			r, out := c.f(x[l], y[l], z[l], carry, n)
			if w.regs[d][l] = r; c.sets {
				w.carry = w.carry&^(1<<l) | uint32(out)<<l
			}
		}
	}}, nil
}
