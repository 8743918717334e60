package ptx

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
)

// conversionRows are values of a type: corners, ties and drawn ones.
func conversionRows(t string) [][3]uint64 {
	var rows [][3]uint64
	f, isFloat := formats[t]
	if !isFloat {
		for _, r := range integerRows() {
			rows = append(rows, [3]uint64{r[0]}, [3]uint64{r[1]}, [3]uint64{-r[1]})
		}
		for i := range uint64(400) {
			rows = append(rows, [3]uint64{1<<24 + i}, [3]uint64{1<<53 + i}, [3]uint64{1<<63 + i<<6}, [3]uint64{-(1<<53 + i)})
		}
		return rows
	}
	if f.bits == 16 {
		for v := range uint64(1 << 16) {
			rows = append(rows, [3]uint64{v})
		}
		return rows
	}
	for _, r := range floatRows(f) {
		rows = append(rows, [3]uint64{r[0]}, [3]uint64{r[2]})
	}
	for i := range 2000 {
		v := float64(i-1000) / 4
		for _, scale := range []float64{1, 0x1p-24, 0x1p-14, 0x1p8, 0x1p31, 0x1p63, 0x1p-133, 0x1p-126, 65504 / 250.0} {
			rows = append(rows, [3]uint64{f.encode(v * scale)}, [3]uint64{f.encode(math.Nextafter(v*scale, 9))}, [3]uint64{f.encode(math.Nextafter(v*scale, -9))})
		}
	}
	return rows
}

func TestFloatConversions(t *testing.T) {
	for _, c := range []struct{ mode, dst, src string }{
		{"rn", "f32", "f64"}, {"", "f64", "f32"}, {"rn", "f16", "f32"}, {"", "f32", "f16"},
		{"rn", "f32", "u32"}, {"rn", "f32", "s64"}, {"rn", "f32", "u64"}, {"rn", "f64", "s64"}, {"rn", "f64", "u64"}, {"rn", "f64", "s32"},
		{"rn", "f32", "s16"}, {"rn", "f32", "u8"},
	} {
		rows := conversionRows(c.src)
		name := strings.Replace("cvt."+c.mode+"."+c.dst+"."+c.src, "..", ".", 1)
		got := runOne(t, name+" %d, %a;", c.dst, []string{c.src}, rows)
		bad := 0
		for i, r := range rows {
			want, v := 0.0, 0.0
			if f, ok := formats[c.src]; !ok {
				exact := new(big.Float).SetPrec(100).SetUint64(r[0] & typeOf[c.src].mask())
				if typeOf[c.src].isSigned() {
					exact.SetInt64(signed(r[0], typeOf[c.src].bits()))
				}
				v, _ = exact.Float64()
				want = formats[c.dst].round(exact, nearest)
			} else if v = f.value(r[0] & typeOf[c.src].mask()); infinite(v, 0) {
				want = v
			} else {
				want = formats[c.dst].round(exactly(v), nearest)
			}
			if g := formats[c.dst].value(got[i]); g != want && (g == g || want == want) {
				if bad++; bad <= 3 {
					t.Errorf("%s of %v is %v, want %v", name, v, g, want)
				}
			}
		}
	}
}

func TestIntegerConversions(t *testing.T) {
	for _, c := range []struct{ dst, src string }{{"s32", "f64"}, {"s64", "f64"}, {"u32", "f64"}, {"u64", "f64"}, {"s32", "f32"}, {"u32", "f32"}, {"u64", "f32"}, {"s16", "f32"}} {
		rows := conversionRows(c.src)
		name := fmt.Sprintf("cvt.rzi.%s.%s", c.dst, c.src)
		dt := typeOf[c.dst]
		low, high := big.NewInt(0), new(big.Int).SetUint64(dt.mask())
		if dt.isSigned() {
			low, high = big.NewInt(-1<<(dt.bits()-1)), new(big.Int).SetUint64(dt.mask()>>1)
		}
		for i, got := range runOne(t, name+" %d, %a;", c.dst, []string{c.src}, rows) {
			v := formats[c.src].value(rows[i][0])
			var want *big.Int
			switch {
			case v != v && (c.src == "f64" || dt.bits() == 64):
				want = new(big.Int).SetUint64(1 << (dt.bits() - 1))
			case v != v:
				want = big.NewInt(0)
			case math.IsInf(v, 1):
				want = high
			case math.IsInf(v, -1):
				want = low
			default:
				want, _ = exactly(v).Int(nil)
				if want.Cmp(low) < 0 {
					want = low
				}
				if want.Cmp(high) > 0 {
					want = high
				}
			}
			bits := new(big.Int).And(want, new(big.Int).SetUint64(dt.mask())).Uint64()
			if got != bits {
				t.Errorf("%s of %v is %#x, want %#x", name, v, got, bits)
				break
			}
		}
	}
	for _, c := range []struct {
		op, dst, src string
		f            func(a uint64) uint64
	}{
		{"cvt.s64.s32", "s64", "s32", func(a uint64) uint64 { return uint64(int64(int32(a))) }},
		{"cvt.u64.u32", "u64", "u32", func(a uint64) uint64 { return a & 0xffffffff }},
		{"cvt.u32.u64", "u32", "u64", func(a uint64) uint64 { return a & 0xffffffff }},
		{"cvt.s64.s8", "s64", "u64", func(a uint64) uint64 { return uint64(int64(int8(a))) }},
		{"cvt.u16.u8", "u16", "u16", func(a uint64) uint64 { return a & 0xff }},
		{"cvt.s8.s32", "b32", "s32", func(a uint64) uint64 { return uint64(uint32(int32(int8(a)))) }},
	} {
		rows := conversionRows(c.src)
		for i, got := range runOne(t, c.op+" %d, %a;", c.dst, []string{c.src}, rows) {
			if want := c.f(rows[i][0]); got != want {
				t.Errorf("%s of %#x is %#x, want %#x", c.op, rows[i][0], got, want)
				break
			}
		}
	}
}

func TestConversionModifiers(t *testing.T) {
	nan := uint64(0x7fc00000)
	for _, c := range []struct {
		op, dst string
		a, b    uint64
		want    uint64
	}{
		{"cvt.sat.f32.f32 %d, %a;", "f32", bits32(1.5), 0, bits32(1)},
		{"cvt.sat.f32.f32 %d, %a;", "f32", bits32(-1.5), 0, 0},
		{"cvt.sat.f32.f32 %d, %a;", "f32", nan, 0, 0},
		{"cvt.rn.f16x2.f32 %d, %a, %b;", "b32", bits32(1), bits32(-2), 0x3c00c000},
		{"cvt.rn.bf16x2.f32 %d, %a, %b;", "b32", bits32(1), bits32(-2), 0x3f80c000},
		{"cvt.rn.relu.f16x2.f32 %d, %a, %b;", "b32", bits32(1), bits32(-2), 0x3c000000},
		{"cvt.rn.relu.bf16x2.f32 %d, %a, %b;", "b32", 0x80000000, bits32(2), 0x00004000},
		{"cvt.rn.relu.bf16x2.f32 %d, %a, %b;", "b32", nan, bits32(-1), 0x7fff0000},
		{"cvt.rna.tf32.f32 %d, %a;", "b32", 0x3f801000, 0, 0x3f802000},
		{"cvt.rna.tf32.f32 %d, %a;", "b32", 0x3f800fff, 0, 0x3f800000},
		{"cvt.rna.tf32.f32 %d, %a;", "b32", 0xbf801000, 0, 0xbf802000},
		{"cvt.rna.tf32.f32 %d, %a;", "b32", 0x7f800000, 0, 0x7f800000},
	} {
		got := runOne(t, c.op, c.dst, []string{"f32", "f32"}, [][3]uint64{{c.a, c.b}})[0]
		if got != c.want {
			t.Errorf("%s of %#x, %#x is %#x, want %#x", c.op, c.a, c.b, got, c.want)
		}
	}
}
