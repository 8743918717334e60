//go:build cgo && linux && gpusim

package gpu_test

import (
	"testing"

	"bnas.example/internal/gpusim/machine"
)

// A map case: images, those that give statistics, the node, its terms, and how it is cut.
type mapCase struct {
	n, stat    int
	shape      shape
	activation int
	terms      []bool
	cut        cut
}

var mapCases = []mapCase{
	{1, 1, shape{1, 1, 1}, linear, []bool{true}, plainCut(1, 1, 8, 32)},
	{2, 1, shape{5, 3, 7}, relu, []bool{true, false}, plainCut(2, 3, 8, 64)},
	{3, 2, shape{19, 4, 5}, relu6, []bool{true, true, true}, plainCut(3, 2, 16, 96)},
	{2, 2, shape{24, 5, 5}, linear, []bool{false, true, true}, plainCut(5, 5, 24, 256)},
	{2, 2, shape{3, 2, 2}, relu, nil, plainCut(2, 1, 8, 64)},
	{2, 1, shape{19, 7, 11}, linear, []bool{true, false}, plainCut(3, 4, 16, 96)},
}

func TestSum(t *testing.T) {
	for seed, c := range mapCases {
		t.Log(describe(uint64(seed), c))
		k := newKit(t, uint64(seed))
		d := k.node(c.n, c.shape, c.activation, c.terms...)
		for _, noNorms := range []bool{false, true} {
			for range 2 { // values in half precision, and not
				forward{kernel: "sum", n: c.n, statImages: c.stat, in: []*node{d}, out: []int{c.shape.c}, shape: c.shape, cut: c.cut, noNorms: noNorms}.run(k, d.u)
			}
		}
		for _, f := range append(backwards("sum_gradient"), backward{kernel: "sum_gradient"}) {
			f.n, f.in, f.cut = c.n, k.node(c.n, c.shape, c.activation, c.terms...), c.cut
			f.out = []*incoming{k.incoming(c.n, c.shape, true, false, true)}
			f.run(k, f.out[0].dy)
		}
	}
}

// backwards are the ways in which a gradient is stored.
func backwards(kernel string) []backward {
	return []backward{
		{kernel: kernel, sums: true},
		{kernel: kernel, sums: true, frozen: true, add: true},
		{kernel: kernel, add: true},
	}
}

func TestConcat(t *testing.T) {
	for seed, c := range []struct {
		channels []int
		dropped  int // channels that the value lacks
		cut      cut
	}{
		{[]int{8, 16, 4}, 0, plainCut(2, 3, 16, 64)},
		{[]int{3, 1, 6, 9}, 0, plainCut(4, 2, 8, 96)},
		{[]int{1, 4, 2, 6}, 0, plainCut(1, 5, 16, 64)}, // exactly one channel of the next aligned group
		{[]int{5}, 0, plainCut(3, 5, 8, 64)},
		{[]int{8}, 1, plainCut(3, 5, 8, 64)},
		{[]int{17}, 5, plainCut(3, 5, 8, 64)},
		{[]int{3, 6}, 2, plainCut(4, 2, 8, 96)},
		{[]int{9, 16}, 15, plainCut(2, 3, 16, 64)},
	} {
		t.Log(describe(uint64(seed), c))
		k := newKit(t, uint64(seed))
		n, total := 2, 0
		s := shape{0, 3, 5}
		var in []*node
		for i, channels := range c.channels {
			activation := []int{relu, linear}[i%2] // a gradient of a linear node is stored straight
			in = append(in, k.node(n, shape{channels, s.h, s.w}, activation, true, i%2 == 0))
			total += channels
		}
		total -= c.dropped
		want := make([]float64, n*s.h*s.w*total)
		column := 0
		for _, d := range in {
			for i, u := range d.u {
				if at := column + i%d.c; at < total {
					want[i/d.c*total+at] = u
				}
			}
			column += d.c
		}
		for _, noNorms := range []bool{false, true} {
			for range 2 { // values in half precision, and not
				forward{kernel: "concat", n: n, statImages: 1, in: in, out: []int{total}, shape: s, cut: c.cut, noNorms: noNorms}.run(k, want)
			}
		}
		dy := k.incoming(n, shape{total, s.h, s.w}, true)
		column = 0
		for _, d := range in {
			du := make([]float64, len(d.z))
			for i := range du {
				if at := column + i%d.c; at < total {
					du[i] = dy.dy[i/d.c*total+at]
				}
			}
			for _, f := range append(backwards("concat_gradient"), backward{kernel: "concat_gradient"}) {
				f.n, f.in, f.out, f.column, f.cut = n, d, []*incoming{dy}, column, c.cut
				f.run(k, du)
			}
			column += d.c
		}
	}
}

func TestGlobalAvg(t *testing.T) {
	for seed, c := range mapCases {
		t.Log(describe(uint64(seed), c))
		k := newKit(t, uint64(seed))
		d := k.node(c.n, c.shape, c.activation, c.terms...)
		pixels := c.shape.h * c.shape.w
		one := shape{c.shape.c, 1, 1}
		want := make([]float64, c.n*c.shape.c)
		for i, u := range d.u {
			want[i/(pixels*d.c)*d.c+i%d.c] += u / float64(pixels)
		}
		cut := plainCut(1, 1, c.cut.channelTile, c.cut.threads)
		forward{kernel: "global_avg", n: c.n, statImages: c.stat, in: []*node{d}, out: []int{d.c}, shape: one, cut: cut}.run(k, want)
		dy := k.incoming(c.n, one, true)
		du := make([]float64, len(d.z))
		for i := range du {
			du[i] = dy.dy[i/(pixels*d.c)*d.c+i%d.c] / float64(pixels)
		}
		backward{kernel: "global_avg_gradient", n: c.n, in: d, out: []*incoming{dy}, cut: c.cut, sums: true}.run(k, du)
	}
}

// Sums have the same bits whatever the order of blocks and threads.
func TestOrderOfSums(t *testing.T) {
	s := shape{11, 6, 6}
	var first []uint32
	for _, order := range []machine.Options{{}, {Order: 1}, {Order: 2}} {
		k := newOrderedKit(t, 7, order)
		d := k.node(3, s, relu, true)
		f := backward{kernel: "sum_gradient", n: 3, in: d, out: []*incoming{k.incoming(3, s, true)}, cut: plainCut(2, 2, 8, 64), sums: true}
		f.run(k, f.out[0].dy)
		bits := get[uint32](k, d.bn[0].Dgamma, s.c)
		if first == nil {
			first = bits
		}
		for c := range bits {
			if bits[c] != first[c] {
				t.Fatalf("order %d: dγ of channel %d is %08x, was %08x", order.Order, c, bits[c], first[c])
			}
		}
	}
}
