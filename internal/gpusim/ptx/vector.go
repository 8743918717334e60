package ptx

import "math"

const (
	warpSize = 32
	allLanes = uint32(1<<warpSize - 1)
)

// vec is one register of a warp: the bits of each lane's value, zero above the value's width.
type vec [warpSize]uint64

// lanewise computes d from up to three operands, all lanes. d may be one of them.
type lanewise func(d, a, b, c *vec)

func map1(f func(a uint64) uint64) lanewise {
	return func(d, a, _, _ *vec) {
		for l := range d {
			d[l] = f(a[l])
		}
	}
}

func map2(f func(a, b uint64) uint64) lanewise {
	return func(d, a, b, _ *vec) {
		for l := range d {
			d[l] = f(a[l], b[l])
		}
	}
}

func map3(f func(a, b, c uint64) uint64) lanewise {
	return func(d, a, b, c *vec) {
		for l := range d {
			d[l] = f(a[l], b[l], c[l])
		}
	}
}

func map1f32(f func(a float32) float32) lanewise {
	return map1(func(a uint64) uint64 { return bits32(f(float32of(a))) })
}

func map2f32(f func(a, b float32) float32) lanewise {
	return map2(func(a, b uint64) uint64 { return bits32(f(float32of(a), float32of(b))) })
}

func map1f64(f func(a float64) float64) lanewise {
	return map1(func(a uint64) uint64 { return math.Float64bits(f(math.Float64frombits(a))) })
}

func map2f64(f func(a, b float64) float64) lanewise {
	return map2(func(a, b uint64) uint64 {
		return math.Float64bits(f(math.Float64frombits(a), math.Float64frombits(b)))
	})
}

func float32of(b uint64) float32 { return math.Float32frombits(uint32(b)) }

func bits32(f float32) uint64 { return uint64(math.Float32bits(f)) }

// signed is the value of the low bits of b.
func signed(b uint64, bits int) int64 { return int64(b<<(64-bits)) >> (64 - bits) }

// blend writes the lanes of m.
func blend(d, s *vec, m uint32) {
	for l := range d {
		if m>>l&1 != 0 {
			d[l] = s[l]
		}
	}
}
