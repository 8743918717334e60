package ptx

import (
	"math"
	"math/big"
	"testing"
)

// floatRows are operands of a format: all pairs of special values, and numbers whose exponents are close, so that sums
// cancel and round in every way.
func floatRows(f binaryFormat) [][3]uint64 {
	special := []float64{0, math.Copysign(0, -1), 1, -1, 1.5, 3, math.Inf(1), math.Inf(-1), math.NaN(),
		math.Ldexp(1, f.least), -math.Ldexp(3, f.least), math.Ldexp(1, f.least+f.digits-1), math.Ldexp(1, f.beyond-1), -math.Ldexp(1, f.beyond-1)}
	var rows [][3]uint64
	for _, a := range special {
		for _, b := range special {
			for _, c := range special {
				rows = append(rows, [3]uint64{f.encode(a), f.encode(b), f.encode(c)})
			}
		}
	}
	var r numbers
	draw := func(exponent int) uint64 {
		m := r.next() >> (64 - f.digits) // few bits set half of the time
		if r.next()%2 == 0 {
			m &= r.next()
			m &= r.next()
		}
		m |= 1 << (f.digits - 1)
		v := math.Ldexp(float64(m), exponent-f.digits)
		if r.next()%2 == 0 {
			v = -v
		}
		return f.encode(v)
	}
	for i := range 3000 {
		spread := []int{0, 3, f.digits, 2 * f.digits}[i%4]
		centre := []int{0, 0, f.least/2 + 4, f.beyond/2 - 2}[i/4%4]
		pick := func() int { return int(r.next()%uint64(2*spread+1)) - spread }
		a, b := centre+pick(), centre+pick()
		rows = append(rows, [3]uint64{draw(a), draw(b), draw(a + b + pick())})
	}
	return rows
}

// TestFloatArithmetic compares every exact operation with math/big.
func TestFloatArithmetic(t *testing.T) {
	ops := []struct {
		name  string
		args  int
		forms []string                                                // rounding and type
		f     func(a, b, c float64) (plain float64, exact *big.Float) // plain decides about infinities and NaN
	}{
		{"add", 2, []string{".f32", ".f64"}, func(a, b, _ float64) (float64, *big.Float) {
			return a + b, sum(a, b)
		}},
		{"sub", 2, []string{".f32", ".f64"}, func(a, b, _ float64) (float64, *big.Float) {
			return a - b, sum(a, -b)
		}},
		{"mul", 2, []string{".f32", ".f64", ".rn.f64"}, func(a, b, _ float64) (float64, *big.Float) {
			return a * b, product(a, b)
		}},
		{"fma", 3, []string{".rn.f32", ".rm.f32", ".rn.f64"}, func(a, b, c float64) (float64, *big.Float) {
			p := product(a, b)
			if p == nil || math.IsInf(c, 0) || c != c {
				return math.FMA(a, b, c), nil
			}
			return 0, p.Add(p, exactly(c))
		}},
		{"div", 2, []string{".rn.f32", ".rn.f64"}, func(a, b, _ float64) (float64, *big.Float) {
			if infinite(a, b) || b == 0 {
				return a / b, nil
			}
			return 0, new(big.Float).SetPrec(400).Quo(exactly(a), exactly(b))
		}},
		{"sqrt", 1, []string{".rn.f32", ".rn.f64"}, func(a, _, _ float64) (float64, *big.Float) {
			if infinite(a, 0) || a < 0 {
				return math.Sqrt(a), nil
			}
			return 0, new(big.Float).SetPrec(400).Sqrt(exactly(a))
		}},
		{"rcp", 1, []string{".rn.f32", ".rn.f64"}, func(a, _, _ float64) (float64, *big.Float) {
			if infinite(a, 0) || a == 0 {
				return 1 / a, nil
			}
			return 0, new(big.Float).SetPrec(400).Quo(big.NewFloat(1), exactly(a))
		}},
	}
	rows := map[string][][3]uint64{"f32": floatRows(formats["f32"]), "f64": floatRows(formats["f64"])}
	for _, op := range ops {
		for _, form := range op.forms {
			full, name := op.name+form, form[len(form)-3:]
			f, mode := formats[name], nearest
			if form == ".rm.f32" {
				mode = down
			}
			got := runOne(t, full+[]string{"", " %d, %a;", " %d, %a, %b;", " %d, %a, %b, %c;"}[op.args], name, []string{name, name, name}[:op.args], rows[name])
			bad := 0
			for i, r := range rows[name] {
				a, b, c := f.value(r[0]), f.value(r[1]), f.value(r[2])
				want, exact := op.f(a, b, c)
				if exact != nil {
					want = f.round(exact, mode)
				}
				if v := f.value(got[i]); v != want && (v == v || want == want) {
					if bad++; bad <= 3 {
						t.Errorf("%s of %v, %v, %v is %v, want %v", full, a, b, c, v, want)
					}
				}
			}
		}
	}
}

func infinite(a, b float64) bool { return math.IsInf(a-a, 0) || a-a != 0 || b-b != 0 }

func sum(a, b float64) *big.Float {
	if infinite(a, b) {
		return nil
	}
	s := exactly(a)
	return s.Add(s, exactly(b))
}

func product(a, b float64) *big.Float {
	if infinite(a, b) {
		return nil
	}
	p := exactly(a)
	return p.Mul(p, exactly(b))
}

// TestZeroSigns pins the signs of zeros, which the exact numbers do not have.
func TestZeroSigns(t *testing.T) {
	zero, minus := uint64(0), uint64(1)<<31
	for _, c := range []struct {
		op      string
		a, b, c uint64
		want    uint64
	}{
		{"add.f32 %d, %a, %b;", zero, minus, 0, zero},
		{"add.f32 %d, %a, %b;", minus, minus, 0, minus},
		{"mul.f32 %d, %a, %b;", bits32(1), minus, 0, minus},
		{"fma.rn.f32 %d, %a, %b, %c;", bits32(1), minus, minus, minus},
		{"fma.rm.f32 %d, %a, %b, %c;", bits32(2), bits32(3), bits32(-6), minus},
		{"min.f32 %d, %a, %b;", zero, minus, 0, minus},
		{"min.f32 %d, %a, %b;", bits32(float32(math.NaN())), bits32(-2), 0, bits32(-2)},
		{"max.NaN.f32 %d, %a, %b;", minus, zero, 0, zero},
		{"max.NaN.f32 %d, %a, %b;", bits32(-3), bits32(2), 0, bits32(2)},
		{"max.NaN.f32 %d, %a, %b;", bits32(float32(math.NaN())), bits32(2), 0, bits32(float32(math.NaN()))},
		{"neg.f32 %d, %a;", zero, 0, 0, minus},
		{"abs.f32 %d, %a;", bits32(-3), 0, 0, bits32(3)},
	} {
		got := runOne(t, c.op, "f32", []string{"f32", "f32", "f32"}, [][3]uint64{{c.a, c.b, c.c}})[0]
		if got != c.want {
			t.Errorf("%s of %#x, %#x, %#x is %#x, want %#x", c.op, c.a, c.b, c.c, got, c.want)
		}
	}
}

// TestExtrema: min and max of doubles with zeros of two signs and NaN.
func TestExtrema(t *testing.T) {
	zero, minus, one, two, nan := uint64(0), uint64(1)<<63, math.Float64bits(1), math.Float64bits(2), math.Float64bits(math.NaN())
	for _, c := range []struct{ a, b, least, most uint64 }{
		{one, two, one, two}, {two, one, one, two}, {zero, minus, minus, zero}, {minus, zero, minus, zero}, {nan, one, one, one}, {one, nan, one, one},
	} {
		for op, want := range map[string]uint64{"min.f64 %d, %a, %b;": c.least, "max.f64 %d, %a, %b;": c.most} {
			if got := runOne(t, op, "f64", []string{"f64", "f64"}, [][3]uint64{{c.a, c.b}})[0]; got != want {
				t.Errorf("%s of %#x, %#x is %#x, want %#x", op, c.a, c.b, got, want)
			}
		}
	}
}

// TestApproximations checks those that the kernels use against float64.
func TestApproximations(t *testing.T) {
	var rows [][3]uint64
	for i := range 400 {
		rows = append(rows, [3]uint64{bits32(float32(i-200)*0.37 + 0.11)})
	}
	for i, b := range runOne(t, "ex2.approx.ftz.f32 %d, %a;", "f32", []string{"f32"}, rows) {
		x := float32of(rows[i][0])
		if v, want := float32of(b), float32of(flush(bits32(float32(math.Exp2(float64(x)))))); v != want {
			t.Errorf("ex2.approx.ftz.f32 of %g is %g, want %g", x, v, want)
		}
	}
	v := math.Float64frombits(runOne(t, "rcp.approx.ftz.f64 %d, %a;", "f64", []string{"f64"}, [][3]uint64{{math.Float64bits(3)}})[0])
	if !(math.Abs(v*3-1) <= 1e-6) || math.Float64bits(v)&0xffffffff != 0 {
		t.Errorf("rcp.approx.ftz.f64 of 3 is %v: want the upper half of 1/3", v)
	}
	v = math.Float64frombits(runOne(t, "rsqrt.approx.f64 %d, %a;", "f64", []string{"f64"}, [][3]uint64{{math.Float64bits(3)}})[0])
	if want := 1 / math.Sqrt(3); !(math.Abs(v/want-1) <= 1e-15) {
		t.Errorf("rsqrt.approx.f64 of 3 is %v, want %v", v, want)
	}
}
