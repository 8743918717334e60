package indicator

import (
	"math"
	"testing"

	"bnas.example/kernels"
	"bnas.example/supernet"

	"gonum.org/v1/gonum/stat"
)

// identity_gain by its formula, on a standard network of its own. γ and β of the scored supernet do not matter.
func TestIdentityGain(t *testing.T) {
	const grows = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|avg_pool_3x3~0|skip_connect~1|skip_connect~2|"
	const once = "|skip_connect~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_3x3~0|none~1|avg_pool_3x3~2|" // one path without a convolution
	standard := newBench(t, supernet.Standard, false)
	for _, text := range []string{grows, once, mixed} {
		a := standard.arch(t, text)
		p, err := standard.net.Program(standard.scorer(t, small).representative(a, standard.net.Space.Canonical(a)))
		if err != nil {
			t.Fatal(err)
		}
		e, err := standard.dev.Compile(p, standard.store, small.Images)
		if err != nil {
			t.Fatal(err)
		}
		q := &probed{standard, p, e, nil}
		q.forward(t, small.Images, small.Images)
		var logs, blocks float64
		for _, b := range p.Blocks {
			shape := p.Nodes[b.In].Shape
			if shape != p.Nodes[b.Out].Shape {
				continue
			}
			x, y := byChannel(q.at(t, kernels.NodeTap(b.In), shape), shape), byChannel(q.at(t, kernels.NodeTap(b.Out), shape), shape)
			var explained, total float64
			for c := range x {
				explained += math.Pow(stat.Covariance(x[c], y[c], nil), 2) / stat.Variance(x[c], nil)
				total += stat.Variance(x[c], nil)
			}
			logs += math.Log(math.Sqrt(explained/total) + 1e-3)
			blocks++
		}
		want := -math.Max(logs/blocks, math.Log(1.2))
		for _, placement := range []supernet.Placement{supernet.Standard, supernet.Fair} {
			near(t, text, newBench(t, placement, true).score(t, text)["identity_gain"], want, 1e-4)
		}
		if text == grows && !(want < -math.Log(2)) {
			t.Errorf("copies of the input add up, and the term is %v", want)
		}
	}
}

// byChannel returns the values of each channel over images and pixels.
func byChannel(x []float32, s kernels.Shape) [][]float64 {
	out := make([][]float64, s.C)
	for i, v := range x {
		c := i / (s.H * s.W) % s.C
		out[c] = append(out[c], float64(v))
	}
	return out
}

func TestIdentityShare(t *testing.T) {
	s := newBench(t, supernet.Standard, false).scorer(t, small)
	shape := kernels.Shape{C: 2, H: 1, W: 2}
	x := []float32{1, 3, 0, 0, 5, 7, 0, 0} // two images; the second channel is constant
	for _, c := range []struct {
		name string
		y    []float32
		want float64
	}{
		{"itself", x, 1},
		{"three times itself and a constant", []float32{4, 10, 1, 1, 16, 22, 1, 1}, 3},
		{"its negative", []float32{-1, -3, 0, 0, -5, -7, 0, 0}, 1},
		{"a constant", []float32{2, 2, 2, 2, 2, 2, 2, 2}, 0},
	} {
		got, err := s.identityShare(x, c.y, shape)
		if err != nil || !(math.Abs(got-c.want) <= 1e-12) {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
	if got, err := s.identityShare(make([]float32, 8), x, shape); got != 0 || err != nil {
		t.Errorf("no variance: %v, %v", got, err)
	}
}
