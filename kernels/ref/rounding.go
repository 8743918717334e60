package ref

import (
	"math"
	"math/rand/v2"
)

// Format is a binary floating-point format. Bits is the length of its significand with the leading one, MinExponent the
// exponent of its smallest normal number. The zero Format is exact.
type Format struct{ Bits, MinExponent int }

// The formats of tensor cores.
var (
	TF32     = Format{11, -126}
	Half     = Format{11, -14}
	BFloat16 = Format{8, -126}
)

// ScaledHalf is the format of numbers in 16 bits that have a common unit: those of Half in the range of float32.
var ScaledHalf = Format{11, -126}

// Round returns the number of the format that is nearest to x, or the even one of two. It knows no overflow.
func (f Format) Round(x float64) float64 {
	if f.Bits == 0 || x == 0 {
		return x
	}
	ulp := f.ulp(x)
	return math.RoundToEven(x/ulp) * ulp
}

// ulp is the distance of the numbers of the format around x.
func (f Format) ulp(x float64) float64 {
	_, exponent := math.Frexp(x) // |x| is in [2^(exponent−1), 2^exponent)
	return math.Ldexp(1, max(exponent-1, f.MinExponent)-f.Bits+1)
}

// dither returns one of the two numbers of the format around x, the nearer one more often. A hash of x and seed decides.
func (f Format) dither(x float64, seed uint64) float64 {
	if x == 0 {
		return x
	}
	h := (math.Float64bits(x) ^ seed) * 0x9e3779b97f4a7c15
	h = (h ^ h>>32) * 0xd6e8feb86659fd93
	ulp := f.ulp(x)
	return math.Floor(x/ulp+float64((h^h>>32)>>11)/(1<<53)) * ulp
}

// each returns the rounded elements of x, or x if the Format is exact.
func (r Rounding) each(f Format, x []float64) []float64 {
	if f.Bits == 0 {
		return x
	}
	rounded := make([]float64, len(x))
	for i, v := range x {
		if r.Dither == 0 {
			rounded[i] = f.Round(v)
		} else {
			rounded[i] = f.dither(v, r.Dither)
		}
	}
	return rounded
}

// Rounding says where a device rounds to less than float32, and how much noise float32 itself makes. All sums stay exact.
type Rounding struct {
	Operand  Format // weights and inputs of convolutions of one group
	Gradient Format // weights and gradients of the outputs, for the gradient of the input of such a convolution
	Stored   Format // stored values of more than one pixel, but the images. Statistics are those of the rounded values
	// Dither rounds up or down at random, as this seed decides. 0 rounds to the nearest.
	Dither uint64
	// Noise changes every operand and intermediate result by up to 2⁻¹⁹ of it, at random, as this seed decides. 0 changes none.
	Noise uint64
}

// Unit is the largest relative error of one rounding, 2^−Bits. It is 0 if nothing is rounded.
func (r Rounding) Unit() float64 {
	unit := 0.0
	for _, f := range []Format{r.Operand, r.Gradient, r.Stored} {
		if f.Bits > 0 {
			unit = max(unit, math.Ldexp(1, -f.Bits))
		}
	}
	return unit
}

// SetRounding makes all later calls round. The difference from an exact Exec is the error of a device that rounds there.
func (e *Exec) SetRounding(r Rounding) {
	e.rounding, e.noise = r, nil
	if r.Noise != 0 {
		e.noise = rand.New(rand.NewPCG(r.Noise, 0))
	}
}

// operand returns the format of a factor of a convolution.
func operand(f Format, groups int) Format {
	if groups > 1 {
		return Format{}
	}
	return f
}
