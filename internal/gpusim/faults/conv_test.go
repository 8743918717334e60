//go:build cgo && linux && gpusim

package faults

import (
	"fmt"
	"math"
	"testing"

	"bnas.example/internal/gpusim/machine"
)

func (b *bench) convolve(images int) (src, weight []float32, dst uint64) {
	src, weight = b.random(images*34*34*32), b.random(9*32*32)
	dst = b.alloc(4 * images * 32 * 32 * 32)
	b.launch("clean_conv", []int{2, 2, images}, []int{256}, 0, dst, b.in(src), b.in(weight))
	return src, weight, dst
}

func TestConv(t *testing.T) {
	everyWay(t, func(t *testing.T, b *bench) {
		src, weight, dst := b.convolve(2)
		got := b.floats(dst, 2*32*32*32)
		for range 200 {
			n, y, x, c := b.rng.IntN(2), b.rng.IntN(32), b.rng.IntN(32), b.rng.IntN(32)
			var want float64
			for i := range 9 {
				for k := range 32 {
					want += float64(src[((n*34+y+i/3)*34+x+i%3)*32+k]) * float64(weight[(i*32+k)*32+c])
				}
			}
			if v := got[((n*32+y)*32+x)*32+c]; !(math.Abs(float64(v)-want) <= 1e-4) {
				t.Fatalf("[%d][%d][%d][%d] = %g, want %g", n, y, x, c, v, want)
			}
		}
	})
}

func BenchmarkConv(b *testing.B) {
	for _, o := range []machine.Options{{Threads: 1}, {Threads: 2}, {Threads: 1, Count: true}, {Threads: 1, Check: true}} {
		b.Run(fmt.Sprintf("threads=%d,check=%t,count=%t", o.Threads, o.Check, o.Count), func(b *testing.B) {
			bench := newBench(b, o)
			const images = 4
			dst, src, weight := bench.alloc(4*images*32*32*32), bench.in(bench.random(images*34*34*32)), bench.in(bench.random(9*32*32))
			for b.Loop() {
				bench.launch("clean_conv", []int{2, 2, images}, []int{256}, 0, dst, src, weight)
			}
			macs := float64(images) * 32 * 32 * 32 * 32 * 9
			b.ReportMetric(macs*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
		})
	}
}
