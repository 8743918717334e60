//go:build cgo && linux && gpusim

package gpu_test

import (
	"math"

	"bnas.example/kernels/gpu"
)

// half rounds a number to half precision, ties to even.
func half(x float64) uint16 {
	sign := uint16(math.Float64bits(x) >> 48 & 0x8000)
	switch a := math.Abs(x); {
	case math.IsNaN(x):
		return 0x7e00
	case a >= 65520:
		return sign | 0x7c00
	case a < 0x1p-14: // no exponent: steps of 2⁻²⁴
		return sign | uint16(math.RoundToEven(a*0x1p24))
	default:
		_, exponent := math.Frexp(a) // a in [2^(e−1), 2^e)
		steps := uint16(math.RoundToEven(math.Ldexp(a, 11-exponent)))
		return sign | (uint16(exponent+14)<<10 + steps - 1024) // a carry goes into the exponent
	}
}

// wide is the number that a half is.
func wide(h uint16) float64 {
	sign, exponent, steps := 1-2*float64(h>>15), int(h>>10&31), float64(h&1023)
	switch exponent {
	case 0:
		return sign * steps * 0x1p-24
	case 31:
		if steps > 0 {
			return math.NaN()
		}
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(1024+steps, exponent-25)
}

// putValue puts a stored value on the device, one in three in half precision, to which v is then rounded.
func (k *kit) putValue(v []float64, channels int) (at gpu.Ptr, inHalf int64) {
	if k.rng.IntN(3) > 0 {
		return k.putMap(v, channels), 0
	}
	pitch := pitchOf(channels)
	f := make([]uint16, len(v)/channels*pitch)
	for i, x := range v {
		h := half(x)
		f[i/channels*pitch+i%channels] = h
		v[i] = wide(h)
	}
	return put(k, f...), 1
}

// getValue copies a stored value from the device.
func (k *kit) getValue(o gpu.Output, pixels int) []float64 {
	k.t.Helper()
	if o.Half == 0 {
		return k.getMap(o.Value, pixels, int(o.Channels))
	}
	v := make([]float64, 0, pixels*int(o.Channels))
	for i, h := range get[uint16](k, o.Value, pixels*int(o.Pitch)) {
		if int64(i)%o.Pitch < o.Channels {
			v = append(v, wide(h))
		} else if h != 0 {
			k.t.Fatalf("padding: element %d is %#x", i, h)
		}
	}
	return v
}
