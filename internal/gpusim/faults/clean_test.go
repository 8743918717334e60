//go:build cgo && linux && gpusim

package faults

import (
	"math"
	"math/bits"
	"slices"
	"testing"

	"bnas.example/internal/gpusim/machine"
)

func TestAdd(t *testing.T) {
	everyWay(t, func(t *testing.T, b *bench) {
		n := 1000
		x, y := b.random(n), b.random(n)
		dst := b.alloc(4 * n)
		b.launch("clean_add", []int{4}, []int{256}, 0, dst, b.in(x), b.in(y), uint64(n))
		for i, v := range b.floats(dst, n) {
			if v != x[i]+y[i] {
				t.Fatalf("[%d] %g + %g = %g", i, x[i], y[i], v)
			}
		}
	})
}

// The sum has the same bits in every order, and the counter serves again.
func TestSum(t *testing.T) {
	const n, blocks = 5000, 20
	var first []float32
	everyWay(t, func(t *testing.T, b *bench) {
		x := b.random(n)
		sum, part, arrived := b.alloc(4), b.alloc(4*blocks), put(b, []uint32{0})
		for range 2 {
			b.launch("clean_sum", []int{blocks}, []int{256}, 4*256, sum, part, arrived, b.in(x), n)
			got := b.floats(sum, 1)
			if first == nil {
				first = got
			}
			var want float64
			for _, v := range x {
				want += float64(v)
			}
			if got[0] != first[0] || !(math.Abs(float64(got[0])-want) <= 1e-3) {
				t.Fatalf("sum %g, want the bits of %g, near %g", got[0], first[0], want)
			}
		}
	})
}

func TestExchange(t *testing.T) {
	everyWay(t, func(t *testing.T, b *bench) {
		const n = 96
		dst := b.alloc(4 * n)
		b.launch("clean_exchange", nil, []int{n}, 0, dst, b.alloc(4*n))
		for i, v := range b.floats(dst, n) {
			if want := float32(6 * ((i + 32) % n)); v != want {
				t.Fatalf("[%d] is %g, want %g", i, v, want)
			}
		}
	})
}

func TestTranspose(t *testing.T) {
	everyWay(t, func(t *testing.T, b *bench) {
		const rows, columns = 50, 70
		x := b.random(rows * columns)
		dst := b.alloc(4 * rows * columns)
		b.launch("clean_transpose", []int{3, 2}, []int{32, 8}, 0, dst, b.in(x), rows, columns)
		for i, v := range b.floats(dst, rows*columns) {
			if r, c := i%rows, i/rows; v != x[r*columns+c] {
				t.Fatalf("[%d][%d] = %g, want %g", c, r, v, x[r*columns+c])
			}
		}
	})
}

func TestWarp(t *testing.T) {
	everyWay(t, func(t *testing.T, b *bench) {
		const n = 64
		x := make([]int32, n)
		for i := range x {
			x[i] = int32(b.rng.IntN(1000))
		}
		sum, third, before, odd := b.alloc(4*n), b.alloc(4*n), b.alloc(4*n), b.alloc(4*n)
		b.launch("clean_warp", nil, []int{n}, 0, sum, third, before, odd, put(b, x))
		sums, thirds, befores, odds := b.floats(sum, n), get[int32](b, third, n), get[int32](b, before, n), get[uint32](b, odd, n)
		for i := range x {
			lanes := x[i/32*32 : i/32*32+32]
			var s float32
			var votes uint32
			for l, v := range lanes {
				s += float32(v)
				votes |= uint32(v&1) << l
			}
			prev := x[max(i-1, i/32*32)]
			if sums[i] != s || thirds[i] != lanes[3] || befores[i] != prev || odds[i] != votes {
				t.Fatalf("thread %d: %g %d %d %#x, want %g %d %d %#x", i, sums[i], thirds[i], befores[i], odds[i], s, lanes[3], prev, votes)
			}
		}
	})
}

func TestPipeline(t *testing.T) {
	everyWay(t, func(t *testing.T, b *bench) {
		const chunks, threads = 5, 64
		n := chunks * threads * 4
		x := b.random(n)
		dst := b.alloc(4 * n)
		b.launch("clean_pipeline", nil, []int{threads}, 2*threads*16, dst, b.in(x), chunks)
		for i, v := range b.floats(dst, n) {
			if v != 2*x[i] {
				t.Fatalf("[%d] = %g, want %g", i, v, 2*x[i])
			}
		}
		b.launch("clean_zero_fill", nil, []int{2}, 32, dst, b.in(x[:4]))
		if got := b.floats(dst, 8); !slices.Equal(got, append(slices.Clone(x[:4]), 0, 0, 0, 0)) {
			t.Errorf("copies with and without a source: %v", got)
		}
	})
}

// d + a·b in doubles, with a and b rounded as the kernel rounds them.
func product(d, a, b []float32, k int, round func(float32) float64) []float64 {
	want := make([]float64, 16*8)
	for i := range 16 {
		for j := range 8 {
			s := float64(d[i*8+j])
			for l := range k {
				s += round(a[i*k+l]) * round(b[l*8+j])
			}
			want[i*8+j] = s
		}
	}
	return want
}

// to rounds to a number of bits after the first, to even.
func to(bits int) func(float32) float64 {
	return func(x float32) float64 {
		f, e := math.Frexp(float64(x))
		return math.Ldexp(math.RoundToEven(math.Ldexp(f, bits+1)), e-bits-1)
	}
}

func TestMMA(t *testing.T) {
	for _, c := range []struct {
		kernel  string
		k, bits int
	}{{"clean_mma_tf32", 8, 10}, {"clean_mma_f16", 16, 10}, {"clean_mma_bf16", 16, 7}} {
		t.Run(c.kernel, func(t *testing.T) {
			everyWay(t, func(t *testing.T, m *bench) {
				d, a, b := m.random(16*8), m.random(16*c.k), m.random(c.k*8)
				p := m.in(d)
				m.launch(c.kernel, nil, []int{32}, 2*(16*16+16*8), p, m.in(a), m.in(b))
				want := product(d, a, b, c.k, to(c.bits))
				for i, v := range m.floats(p, 16*8) {
					if !(math.Abs(float64(v)-want[i]) <= 1e-5) {
						t.Fatalf("[%d][%d] = %g, want %g", i/8, i%8, v, want[i])
					}
				}
			})
		})
	}
}

// The multiplier ignores the bits that TF32 has not; the kernel's inputs are rounded before.
func TestConversions(t *testing.T) {
	b := newBench(t, machine.Options{Check: true})
	x := []float32{0, 1, -1, 1.5, 65504, 65519, 65520, 1e30, -1e30, 6.1035156e-05, 6.097555e-05, 5.9604645e-08, 2.9802322e-08, 2.9802326e-08, 1e-20,
		float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 1 + 1.0/2048, 1 + 3.0/2048, 1 + 1.0/256, 1 + 3.0/256, 1 + 1.0/4096}
	x = append(x, b.random(200)...)
	n := len(x)
	tf32, f16, bf16, back := b.alloc(4*n), b.alloc(2*n), b.alloc(2*n), b.alloc(8*n)
	b.launch("clean_convert", nil, []int{64}, 0, tf32, f16, bf16, back, b.in(x), uint64(n))
	gotTF32, gotF16, gotBF16, gotBack := get[uint32](b, tf32, n), get[uint16](b, f16, n), get[uint16](b, bf16, n), b.floats(back, 2*n)
	for i, v := range x {
		u := math.Float32bits(v)
		if v != v {
			if f := gotBack[2*i]; f == f || gotBack[2*i+1] == gotBack[2*i+1] || gotF16[i] != 0x7fff || gotBF16[i] != 0x7fff {
				t.Errorf("NaN: %#x, %#x", gotF16[i], gotBF16[i])
			}
			continue
		}
		want := u
		if !math.IsInf(float64(v), 0) {
			want = (u + 1<<12) &^ (1<<13 - 1)
		}
		if gotTF32[i] != want {
			t.Errorf("to_tf32(%g) = %#x, want %#x", v, gotTF32[i], want)
		}
		if want := half(float64(v)); gotF16[i] != want {
			t.Errorf("to_f16(%g) = %#x, want %#x", v, gotF16[i], want)
		}
		if want := uint16((uint64(u) + 0x7fff + uint64(u>>16&1)) >> 16); gotBF16[i] != want {
			t.Errorf("to_bf16(%g) = %#x, want %#x", v, gotBF16[i], want)
		}
		if float64(gotBack[2*i]) != number(gotF16[i]) || gotBack[2*i+1] != math.Float32frombits(uint32(gotBF16[i])<<16) {
			t.Errorf("back from %#x and %#x: %g and %g", gotF16[i], gotBF16[i], gotBack[2*i], gotBack[2*i+1])
		}
	}
}

// number is the value of a half.
func number(h uint16) float64 {
	sign, e, f := 1-2*float64(h>>15), int(h>>10&31), float64(h&1023)
	switch e {
	case 0:
		return sign * math.Ldexp(f, -24)
	case 31:
		return sign * math.Inf(1)
	}
	return sign * math.Ldexp(1024+f, e-25)
}

// half is the nearest half, the even one of two: found by search.
func half(x float64) uint16 {
	sign := uint16(0)
	if math.Signbit(x) {
		sign, x = 0x8000, -x
	}
	if x >= 65520 {
		return sign | 0x7c00
	}
	lo, hi := uint16(0), uint16(0x7bff)
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if number(mid) <= x {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	next := 65536.0
	if lo < 0x7bff {
		next = number(lo + 1)
	}
	below, above := x-number(lo), next-x
	if above < below || above == below && bits.TrailingZeros16(lo) == 0 {
		lo++
	}
	return sign | lo
}

func TestHalves(t *testing.T) {
	everyWay(t, func(t *testing.T, b *bench) {
		dst := b.alloc(2 * 64)
		b.launch("clean_halves", []int{2}, []int{32}, 0, dst)
		for i, v := range get[uint16](b, dst, 64) {
			if want := uint16(i/2 + 100*(i%2)); v != want {
				t.Fatalf("[%d] = %d, want %d", i, v, want)
			}
		}
	})
}

// The square of 1 + 2⁻²³ less its rounded square: nothing with two roundings, 2⁻⁴⁶ with one.
func TestContraction(t *testing.T) {
	everyWay(t, func(t *testing.T, b *bench) {
		dst, x := b.alloc(8), float32(1+0x1p-23)
		b.launch("clean_contract", nil, []int{1}, 0, dst, b.in([]float32{x, x, -x * x}))
		if got := b.floats(dst, 2); got[0] != 0 || got[1] != 0x1p-46 {
			t.Errorf("%g and %g, want 0 and %g", got[0], got[1], 0x1p-46)
		}
	})
}

// A transpose reads and writes each sector once; the sum reads its parts again.
func TestTraffic(t *testing.T) {
	if !machine.Hooked {
		t.Skip("loads and stores are not counted in this build")
	}
	b := newBench(t, machine.Options{Count: true, Threads: 2})
	const n = 64
	dst, src := b.alloc(4*n*n), b.in(b.random(n*n))
	b.launch("clean_transpose", []int{2, 2}, []int{32, 8}, 0, dst, src, n, n)
	sum, part, arrived := b.alloc(4), b.alloc(4*2), put(b, []uint32{0})
	b.launch("clean_sum", []int{2}, []int{256}, 4*256, sum, part, arrived, src, 512)
	want := []machine.Traffic{
		{Kernel: "clean_transpose", Loads: 4 * n * n, Stores: 4 * n * n, SectorsRead: 4 * n * n / 32, SectorsWritten: 4 * n * n / 32},
		{Kernel: "clean_sum", Loads: 4*512 + 2*4 + 2*4, Stores: 2*4 + 2*4 + 4 + 4, SectorsRead: 4*512/32 + 2, SectorsWritten: 3},
	}
	if got := b.m.Traffic(); !slices.Equal(got, want) {
		t.Errorf("traffic\n%+v, want\n%+v", got, want)
	}
	if got := b.m.Traffic(); len(got) != 0 {
		t.Errorf("traffic is told twice: %+v", got)
	}
}
