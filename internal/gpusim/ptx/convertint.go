package ptx

import "math"

// integer rounds and clamps. NaN is 0, or the top bit alone where a 64-bit type is on either side.
func (c conversion) integer(v float64) uint64 {
	n := c.dst.bits()
	if v != v {
		if c.src.bytes == 8 || n == 64 {
			return 1 << (n - 1)
		}
		return 0
	}
	v = roundInteger(v, c.mode)
	if c.dst.isSigned() {
		limit := math.Ldexp(1, n-1)
		switch {
		case v >= limit:
			return 1<<(n-1) - 1
		case v < -limit:
			return 1 << (n - 1)
		}
		return uint64(int64(v)) & c.dst.mask()
	}
	switch {
	case v >= math.Ldexp(1, n):
		return c.dst.mask()
	case v <= 0:
		return 0
	}
	return uint64(v)
}

// fromInteger rounds an integer once to a float. An integer of more than 53 bits is first made a float64 with an odd
// last bit, which rounds further as the integer itself would.
func (c conversion) fromInteger(a uint64) uint64 {
	neg := false
	a &= c.src.mask()
	if c.src.isSigned() {
		if v := signed(a, c.src.bits()); v < 0 {
			neg, a = true, uint64(-v)
		}
	}
	hi, lo := float64(a&^0x7ff), float64(a&0x7ff) // each exact
	v, lacks := twoSum(hi, lo)
	mode := c.mode
	if neg {
		v, lacks = -v, -lacks
	}
	if c.dst.name == "f64" {
		if neg {
			hi, lo = -hi, -lo
		}
		return math.Float64bits(fma64(hi, 1, lo, mode))
	}
	v = odd(v, lacks)
	if c.dst.name == "f16" {
		return half16.encode(v, mode)
	}
	return bits32(toFloat32(v, mode))
}

// clamped is the integer brought into the destination's range.
func (c conversion) clamped(a uint64) uint64 {
	a &= c.src.mask()
	if c.src.isSigned() {
		return c.clamp(signed(a, c.src.bits()))
	}
	return c.clamp(int64(a))
}

// clamp brings v, which is to be read as unsigned where the source is, into the destination's range.
func (c conversion) clamp(v int64) uint64 {
	n := c.dst.bits()
	top := c.dst.mask()
	if c.dst.isSigned() {
		top >>= 1
	}
	switch {
	case !c.src.isSigned():
		return min(uint64(v), top)
	case v < 0 && !c.dst.isSigned():
		return 0
	case v < 0:
		return uint64(max(v, -1<<(n-1))) & c.dst.mask()
	}
	return min(uint64(v), top)
}
