package ptx

import (
	"math"
	"testing"
)

func TestTF32Product(t *testing.T) {
	m, mod := NewMachine(Options{}), loadModule(t, "tensor.ptx")
	a, b := wave(128, 2), wave(64, 3)
	d := put(t, m, "d", make([]float32, 128))
	launchOK(t, m, mod.Kernel("mma_tf32"), x(1), x(32), 0, d, put(t, m, "a", a), put(t, m, "b", b))
	round := func(v float32) float64 { return float64(float32of(toTF32(bits32(v)))) }
	for i, v := range get[float32](t, m, d, 128) {
		want := 0.0
		for k := range 8 {
			want += round(a[i/8*8+k]) * round(b[k*8+i%8])
		}
		if v != float32(want) {
			t.Errorf("element %d is %g, want %g", i, v, want)
		}
	}
}

func TestHalfProducts(t *testing.T) {
	mod := loadModule(t, "tensor.ptx")
	for name, f := range map[string]format{"mma_f16": half16, "mma_bf16": brain16} {
		m := NewMachine(Options{})
		a, b := wave(256, 2), wave(128, 3)
		encode := func(x []float32) []uint16 {
			h := make([]uint16, len(x))
			for i, v := range x {
				h[i] = uint16(f.encode(float64(v)))
				x[i] = float32(f.decode(uint64(h[i])))
			}
			return h
		}
		d, pa, pb := put(t, m, "d", make([]float32, 128)), put(t, m, "a", encode(a)), put(t, m, "b", encode(b))
		launchOK(t, m, mod.Kernel(name), x(1), x(32), 0, d, pa, pb)
		for i, v := range get[float32](t, m, d, 128) {
			want := 0.0
			for k := range 16 {
				want += float64(a[i/8*16+k]) * float64(b[k*8+i%8])
			}
			if v != float32(want) {
				t.Errorf("%s: element %d is %g, want %g", name, i, v, want)
			}
		}
	}
}

func TestAsyncCopyFillsWithZeros(t *testing.T) {
	m, mod := NewMachine(Options{}), loadModule(t, "tensor.ptx")
	const rows = 20
	in := wave(4*rows, 1) // reading a row that is not valid would be a fault
	out := put(t, m, "out", make([]float32, 128))
	launchOK(t, m, mod.Kernel("copy_rows"), x(1), x(32), 0, out, put(t, m, "in", in), rows)
	for i, v := range get[float32](t, m, out, 128) {
		want := float32(0)
		if row := 31 - i/4; row < rows {
			want = in[row*4+i%4]
		}
		if v != want {
			t.Errorf("element %d is %g, want %g", i, v, want)
		}
	}
}

func TestHalfConversions(t *testing.T) {
	m, mod := NewMachine(Options{}), loadModule(t, "tensor.ptx")
	in := []float32{0, 1, -1, 65504, 65519, 65520, -65520, 1e-8, 6e-8, 3e-8, 2.9802322e-8, 2.9802326e-8, 0.1, 1.0009765, 1.00048828125,
		1.0004883, 1.00146484375, float32(math.Inf(1)), float32(math.NaN()), 3.4e38, 1e-40, -0.33333334, 6.1e-5, 5.96e-8, 1.00390625, 1.01171875}
	for len(in) < 32 {
		in = append(in, float32(len(in))*1.7)
	}
	f16, bf16 := put(t, m, "f16", make([]float32, 32)), put(t, m, "bf16", make([]float32, 32))
	tf32 := put(t, m, "tf32", make([]uint32, 32))
	launchOK(t, m, mod.Kernel("halves"), x(1), x(32), 0, f16, bf16, tf32, put(t, m, "in", in))
	got16, gotB, got32 := get[float32](t, m, f16, 32), get[float32](t, m, bf16, 32), get[uint32](t, m, tf32, 32)
	for i, v := range in {
		check := func(what string, got, want float32) {
			if math.Float32bits(got) != math.Float32bits(want) && (got == got || want == want) {
				t.Errorf("%s of %g is %g, want %g", what, v, got, want)
			}
		}
		check("f16", got16[i], nearestOf(v, 11, -24, 65504))
		check("bf16", gotB[i], nearestOf(v, 8, -133, 0x1.fep127))
		u := math.Float32bits(v)
		if v == v && !math.IsInf(float64(v), 0) {
			u = (u + 0x1000) &^ 0x1fff
			check("tf32", math.Float32frombits(got32[i]), math.Float32frombits(u))
		}
	}
}

// nearestOf rounds v to a format by its definition: digits of precision, the exponent of the smallest number, and the
// largest number.
func nearestOf(v float32, digits, least int, largest float64) float32 {
	x := float64(v)
	if x != x || math.IsInf(x, 0) || x == 0 {
		return v
	}
	_, e := math.Frexp(x)
	unit := math.Ldexp(1, max(e-digits, least))
	r := math.RoundToEven(x/unit) * unit
	if math.Abs(r) > largest {
		r = math.Inf(int(math.Copysign(1, x)))
	}
	return float32(math.Copysign(r, x))
}
