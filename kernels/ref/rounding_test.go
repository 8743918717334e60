package ref

import (
	"math"
	"testing"

	"bnas.example/philox"
)

func TestRound(t *testing.T) {
	for _, c := range []struct {
		name    string
		format  Format
		x, want float64
	}{
		{"exact", Format{}, 1.0 / 3, 1.0 / 3},
		{"a tie goes down to even", Half, 1 + 0x1p-11, 1},
		{"a tie goes up to even", Half, 1 + 3*0x1p-11, 1 + 0x1p-9},
		{"negative", Half, -1 - 3*0x1p-11, -1 - 0x1p-9},
		{"above a tie", Half, 1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-10},
		{"the largest", Half, 65504, 65504},
		{"into the next binade", Half, 2047.9, 2048},
		{"a subnormal", Half, 3 * 0x1p-24, 3 * 0x1p-24},
		{"between subnormals", Half, 3.4 * 0x1p-24, 3 * 0x1p-24},
		{"half the smallest", Half, 0x1p-25, 0},
		{"no subnormal of bfloat16", BFloat16, 3.4 * 0x1p-24, 3.40625 * 0x1p-24},
		{"tf32", TF32, 1.0 / 3, 0x1.554p-2},
		{"bfloat16", BFloat16, 1.0 / 3, 0x1.56p-2},
	} {
		if got := c.format.Round(c.x); got != c.want {
			t.Errorf("%s: %x is rounded to %x, want %x", c.name, c.x, got, c.want)
		}
	}
}

// The bits of a float32 give its bfloat16: add half of the last bit, or less for a tie that is even, and cut.
func TestRoundBits(t *testing.T) {
	x := make([]float32, 1000)
	philox.New(1, "round", 0).Normal(x, 1)
	for _, v := range x {
		bits := math.Float32bits(v)
		bits += 0x7fff + bits>>16&1
		if got, want := BFloat16.Round(float64(v)), float64(math.Float32frombits(bits&^0xffff)); got != want {
			t.Errorf("%x is rounded to %x, want %x", v, got, want)
		}
	}
}

// TestDither: the result is one of the two numbers around x, and their mean over seeds is x.
func TestDither(t *testing.T) {
	for _, f := range []Format{TF32, Half, BFloat16} {
		for _, x := range []float64{1.0 / 3, -math.Pi, 1e-7, 6e4, -2.0 / 7 * 1e-5} {
			const n = 20_000
			sum := 0.0
			for seed := uint64(1); seed <= n; seed++ {
				y := f.dither(x, seed)
				if !(math.Abs(y-x) < f.ulp(x)) || f.Round(y) != y {
					t.Fatalf("%v of %v is %v", f, x, y)
				}
				sum += y
			}
			if mean := sum / n; !(math.Abs(mean-x) <= 5*f.ulp(x)/math.Sqrt(4*n)) {
				t.Errorf("%v: mean %v of %v", f, mean, x)
			}
		}
		if f.dither(0, 1) != 0 || f.dither(-1.5, 7) != -1.5 {
			t.Errorf("%v: a number of the format is rounded", f)
		}
	}
}
