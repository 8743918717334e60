package ptx

import (
	"math/big"
	"testing"
)

// integerRows are operands with the corners of 16, 32 and 64 bits.
func integerRows() [][3]uint64 {
	corners := []uint64{0, 1, 2, 7, 31, 32, 33, 63, 64, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 1<<63 - 1, 1 << 63, ^uint64(0)}
	var rows [][3]uint64
	var r numbers
	for _, a := range corners {
		for _, b := range corners {
			rows = append(rows, [3]uint64{a, b, corners[r.next()%uint64(len(corners))]})
		}
	}
	for range 500 {
		rows = append(rows, [3]uint64{r.next(), r.next() >> (r.next() % 64), r.next() >> (r.next() % 64)})
	}
	return rows
}

// TestIntegerArithmetic compares with math/big, modulo the width.
func TestIntegerArithmetic(t *testing.T) {
	rows := integerRows()
	ops := []struct {
		name string
		args int
		wide bool // twice the width, in the result and in c
		f    func(a, b, c *big.Int, n int) *big.Int
	}{
		{"add", 2, false, func(a, b, _ *big.Int, _ int) *big.Int { return a.Add(a, b) }},
		{"sub", 2, false, func(a, b, _ *big.Int, _ int) *big.Int { return a.Sub(a, b) }},
		{"mul.lo", 2, false, func(a, b, _ *big.Int, _ int) *big.Int { return a.Mul(a, b) }},
		{"mul.hi", 2, false, func(a, b, _ *big.Int, n int) *big.Int { return a.Rsh(a.Mul(a, b), uint(n)) }},
		{"mul.wide", 2, true, func(a, b, _ *big.Int, _ int) *big.Int { return a.Mul(a, b) }},
		{"mad.lo", 3, false, func(a, b, c *big.Int, _ int) *big.Int { return a.Add(a.Mul(a, b), c) }},
		{"div", 2, false, func(a, b, _ *big.Int, _ int) *big.Int {
			if b.Sign() == 0 {
				return big.NewInt(-1)
			}
			return a.Quo(a, b)
		}},
		{"rem", 2, false, func(a, b, _ *big.Int, _ int) *big.Int {
			if b.Sign() == 0 {
				return a
			}
			return a.Rem(a, b)
		}},
		{"min", 2, false, func(a, b, _ *big.Int, _ int) *big.Int {
			if a.Cmp(b) < 0 {
				return a
			}
			return b
		}},
		{"max", 2, false, func(a, b, _ *big.Int, _ int) *big.Int {
			if a.Cmp(b) > 0 {
				return a
			}
			return b
		}},
	}
	for _, n := range []int{16, 32, 64} {
		for _, sign := range []string{"u", "s"} {
			for _, op := range ops {
				if op.wide && n == 64 {
					continue
				}
				name := sign + width(n)
				dst := name
				if op.wide {
					dst = sign + width(2*n)
				}
				src := []string{name, name, dst}[:op.args]
				full := op.name + "." + name
				got := runOne(t, full+[]string{"", "", " %d, %a, %b;", " %d, %a, %b, %c;"}[op.args], dst, src, rows)
				number := func(v uint64, t string) *big.Int {
					bits := typeOf[t].bits()
					if sign == "s" {
						return big.NewInt(signed(v, bits))
					}
					return new(big.Int).SetUint64(v & typeOf[t].mask())
				}
				for i, r := range rows {
					v := op.f(number(r[0], name), number(r[1], name), number(r[2], dst), n)
					mask := new(big.Int).SetUint64(typeOf[dst].mask())
					if want := new(big.Int).And(v, mask).Uint64(); got[i] != want {
						t.Fatalf("%s of %#x, %#x, %#x is %#x, want %#x", full, r[0], r[1], r[2], got[i], want)
					}
				}
			}
		}
	}
}

// TestBits compares shifts, fields and counts bit by bit with their definitions.
func TestBits(t *testing.T) {
	rows := integerRows()
	bit := func(v uint64, i int) uint64 { return v >> i & 1 }
	for _, c := range []struct {
		op, dst string
		src     []string
		f       func(a, b, c uint64) uint64
	}{
		{"shl.b32 %d, %a, %b;", "b32", []string{"b32", "u32"}, func(a, b, _ uint64) uint64 {
			return fromBits(32, func(i int) uint64 { return at32(a, i-int(min(b, 99))) })
		}},
		{"shr.u32 %d, %a, %b;", "u32", []string{"u32", "u32"}, func(a, b, _ uint64) uint64 {
			return fromBits(32, func(i int) uint64 { return at32(a, i+int(min(b, 99))) })
		}},
		{"shr.s32 %d, %a, %b;", "s32", []string{"s32", "u32"}, func(a, b, _ uint64) uint64 {
			return fromBits(32, func(i int) uint64 { return bit(a, min(i+int(min(b, 99)), 31)) })
		}},
		{"shr.s64 %d, %a, %b;", "s64", []string{"s64", "u32"}, func(a, b, _ uint64) uint64 {
			return fromBits(64, func(i int) uint64 { return bit(a, min(i+int(min(b, 99)), 63)) })
		}},
		{"and.b64 %d, %a, %b;", "b64", []string{"b64", "b64"}, func(a, b, _ uint64) uint64 { return fromBits(64, func(i int) uint64 { return bit(a, i) & bit(b, i) }) }},
		{"xor.b32 %d, %a, %b;", "b32", []string{"b32", "b32"}, func(a, b, _ uint64) uint64 { return fromBits(32, func(i int) uint64 { return bit(a, i) ^ bit(b, i) }) }},
		{"not.b16 %d, %a;", "b16", []string{"b16"}, func(a, _, _ uint64) uint64 { return fromBits(16, func(i int) uint64 { return 1 - bit(a, i) }) }},
		{"clz.b32 %d, %a;", "u32", []string{"b32"}, func(a, _, _ uint64) uint64 {
			n := uint64(0)
			for n < 32 && bit(a, 31-int(n)) == 0 {
				n++
			}
			return n
		}},
		{"clz.b64 %d, %a;", "u32", []string{"b64"}, func(a, _, _ uint64) uint64 {
			n := uint64(0)
			for n < 64 && bit(a, 63-int(n)) == 0 {
				n++
			}
			return n
		}},
		{"popc.b64 %d, %a;", "u32", []string{"b64"}, func(a, _, _ uint64) uint64 {
			n := uint64(0)
			for i := range 64 {
				n += bit(a, i)
			}
			return n
		}},
		{"bfi.b32 %d, %a, 0x12345678, %b, %c;", "b32", []string{"b32", "u32", "u32"}, func(a, b, c uint64) uint64 {
			return fromBits(32, func(i int) uint64 {
				if at := i - int(b&255); at >= 0 && at < int(c&255) {
					return bit(a, at)
				}
				return bit(0x12345678, i)
			})
		}},
		{"selp.b32 %d, %a, %b, %c;", "b32", []string{"b32", "b32", "pred"}, func(a, b, c uint64) uint64 {
			if c != 0 {
				return a
			}
			return b
		}},
	} {
		for i, v := range runOne(t, c.op, c.dst, c.src, rows) {
			a, b, third := rows[i][0], rows[i][1], rows[i][2]
			for j, p := range []*uint64{&a, &b, &third} {
				if j < len(c.src) && c.src[j] != "pred" {
					*p &= typeOf[c.src[j]].mask()
				}
			}
			if want := c.f(a, b, third); v != want {
				t.Errorf("%s of %#x, %#x, %#x is %#x, want %#x", c.op, a, b, third, v, want)
				break
			}
		}
	}
}

func fromBits(n int, f func(i int) uint64) uint64 {
	v := uint64(0)
	for i := range n {
		v |= f(i) << i
	}
	return v
}

// at32 is bit i of a, zero outside.
func at32(a uint64, i int) uint64 {
	if i < 0 || i > 31 {
		return 0
	}
	return a >> i & 1
}

// TestMadWide: the product of 32 bits keeps its sign in 64.
func TestMadWide(t *testing.T) {
	for _, c := range []struct{ a, b, c, want int64 }{{-2, 3, 10, 4}, {1 << 30, 8, -1, 1<<33 - 1}, {-1 << 31, -1, 1 << 40, 1<<40 + 1<<31}} {
		row := [3]uint64{uint64(uint32(c.a)), uint64(uint32(c.b)), uint64(c.c)}
		if got := runOne(t, "mad.wide.s32 %d, %a, %b, %c;", "s64", []string{"s32", "s32", "s64"}, [][3]uint64{row})[0]; int64(got) != c.want {
			t.Errorf("%d·%d + %d is %d, want %d", c.a, c.b, c.c, int64(got), c.want)
		}
	}
}
