//go:build cgo && linux && gpusim

package gpu_test

import (
	"math"
	"testing"

	"bnas.example/kernels/gpu"
)

// What types 0 to 3 of pack_weights make of a float32: the bits of it, of it rounded to TF32, of f16, of bf16.
func TestPackRounds(t *testing.T) {
	k := newKit(t, 1)
	cases := []struct {
		x         float32
		tf32      uint32
		f16, bf16 uint16
	}{
		{0, 0, 0, 0},
		{1, 0x3f800000, 0x3c00, 0x3f80},
		{-1.5, 0xbfc00000, 0xbe00, 0xbfc0},
		{1 + 1.0/2048, 0x3f802000, 0x3c00, 0x3f80}, // halfway for 10 bits: away from zero, to even
		{1 + 3.0/2048, 0x3f804000, 0x3c02, 0x3f80},
		{1 + 1.0/256, 0x3f808000, 0x3c04, 0x3f80}, // halfway for 7 bits
		{1 + 3.0/256, 0x3f818000, 0x3c0c, 0x3f82},
		{65519, 0x477fe000, 0x7bff, 0x4780},
		{65520, 0x47800000, 0x7c00, 0x4780},
		{float32(math.Ldexp(1, -24)), 0x33800000, 0x0001, 0x3380},
		{float32(math.Ldexp(1, -25)), 0x33000000, 0x0000, 0x3300},
		{float32(math.Ldexp(3, -25)), 0x33c00000, 0x0002, 0x33c0},
		{float32(math.Inf(-1)), 0xff800000, 0xfc00, 0xff80},
	}
	var src []float32
	for _, c := range cases {
		src = append(src, c.x)
	}
	n := len(src)
	raw := put(k, src...)
	packed := func(kind int) gpu.Ptr {
		dst := k.alloc(4 * n)
		k.launch("pack_weights", 1, 1, 32, 0, dst, raw, n, 1, 1, 1, formRaw, kind)
		return dst
	}
	exact, tf32 := get[uint32](k, packed(0), n), get[uint32](k, packed(1), n)
	f16, bf16 := get[uint16](k, packed(2), n), get[uint16](k, packed(3), n)
	for i, c := range cases {
		if exact[i] != math.Float32bits(c.x) || tf32[i] != c.tf32 || f16[i] != c.f16 || bf16[i] != c.bf16 {
			t.Errorf("%v: %08x, tf32 %08x, f16 %04x, bf16 %04x; want tf32 %08x, f16 %04x, bf16 %04x", c.x, exact[i], tf32[i], f16[i], bf16[i], c.tf32, c.f16, c.bf16)
		}
	}
}

// The forms, of numbers that say where they are from.
func TestPackForms(t *testing.T) {
	const out, in, taps = 9, 3, 2
	k := newKit(t, 2)
	src := make([]float32, out*in*taps)
	for i := range src {
		src[i] = float32(1 + i)
	}
	raw := put(k, src...)
	for _, part := range []struct{ outs, ins int }{{out, in}, {out, in - 1}} {
		outs, ins := part.outs, part.ins
		value := func(o, i, tap int) float32 {
			if o < outs && i < ins {
				return src[(o*in+i)*taps+tap]
			}
			return 0
		}
		pack := func(form int) []float32 {
			return get[float32](k, k.packPart(raw, outs, ins, taps, in*taps, form), taps*8*16)
		}
		forward, gradient, dense := pack(formForward), pack(formGradient), pack(formRaw)
		for n := range taps * 8 * 16 {
			tap, i, o := n/128, n%128/16, n%16
			want := value(o, i, tap)
			if forward[n] != want || gradient[(tap*16+o)*8+i] != want || o < outs && i < ins && dense[(o*ins+i)*taps+tap] != want {
				t.Fatalf("tap %d, input %d, output %d: forward %v, gradient %v, want %v", tap, i, o, forward[n], gradient[(tap*16+o)*8+i], want)
			}
		}
	}
	depthwise := get[float32](k, k.pack(raw, out*in, 1, taps, formDepthwise), taps*32)
	for n, x := range depthwise {
		want := float32(0)
		if c := n % 32; c < out*in {
			want = src[c*taps+n/32]
		}
		if x != want {
			t.Fatalf("tap %d, channel %d: %v, want %v", n/32, n%32, x, want)
		}
	}
}
