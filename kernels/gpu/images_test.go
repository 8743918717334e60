//go:build cgo && linux && gpusim

package gpu_test

import "testing"

// dense rearranges a host map to N×C×H×W.
func dense(v []float64, s shape) []float64 {
	out := make([]float64, len(v))
	pixels := s.h * s.w
	for i, x := range v {
		c, p, image := i%s.c, i/s.c%pixels, i/s.c/pixels
		out[(image*s.c+c)*pixels+p] = x
	}
	return out
}

func TestImages(t *testing.T) {
	for seed, c := range []struct {
		n   int
		s   shape
		cut cut
	}{
		{3, shape{3, 5, 7}, plainCut(2, 3, 8, 64)},
		{1, shape{1, 1, 1}, plainCut(1, 1, 8, 64)},
		{2, shape{17, 3, 4}, plainCut(3, 4, 8, 96)},
	} {
		t.Log(describe(uint64(seed), c))
		k := newKit(t, uint64(seed))
		v := k.random(c.n * c.s.h * c.s.w * c.s.c)
		src := put(k, floats(dense(v, c.s))...)
		forward{kernel: "images", n: c.n, statImages: c.n, out: []int{c.s.c}, shape: c.s, cut: c.cut, args: []any{src}}.run(k, v)

		pixels := c.n * c.s.h * c.s.w
		to := k.alloc(4 * pixels * pitchOf(c.s.c))
		k.launch("to_map", 2, 1, 64, 0, to, src, c.n, c.s.c, c.s.h, c.s.w)
		near(t, "to_map", k.getMap(to, pixels, c.s.c), v, 0)
	}
}

func TestReadNode(t *testing.T) {
	for seed, c := range mapCases {
		t.Log(describe(uint64(seed), c))
		k := newKit(t, uint64(seed))
		d := k.node(c.n, c.shape, c.activation, c.terms...)
		dst := k.alloc(4 * len(d.z))
		k.launch("read_node", 2, 1, 96, 0, dst, put(k, d.abi), c.n)
		near(t, "read_node", widen(get[float32](k, dst, len(d.z))), dense(d.z, c.shape), 1e-5)
	}
}
