package kerneltest

import (
	"fmt"

	"bnas.example/kernels"
)

// Cell is a cell as NAS-Bench-201 has them, on a stem: nodes that sum BatchNorms, every edge a 3×3 or 1×1
// convolution, an average pool or the identity, edges with the same source siblings of one step where they can be.
func Cell(seed uint64, stage kernels.Shape, n int) *Case {
	b := newBuilder(fmt.Sprintf("cell-%v", stage), seed, kernels.Shape{C: 3, H: stage.H, W: stage.W})
	node := b.sum(b.bn(b.same(b.sum(bare(kernels.Images)), kernels.Linear, 3, 1, stage.C)))
	into := make([][]kernels.Term, 4)
	for from := range 3 {
		three := b.conv(node, kernels.ReLU, same(3), stage, 1, repeat(stage.C, 1+b.r.IntN(3-from))...)
		to := from + 1
		for _, v := range three {
			into[to] = append(into[to], b.bn(v))
			to++
		}
		for ; to < 4; to++ {
			var v kernels.ValueID
			switch b.r.IntN(3) {
			case 0:
				v = b.same(node, kernels.ReLU, 1, 1, stage.C)
			case 1:
				v = b.op(kernels.OpAvgPool, kernels.Linear, same(3), stage, node)
			default:
				v = b.op(kernels.OpSum, kernels.Linear, kernels.Window{}, stage, node)
			}
			into[to] = append(into[to], b.bn(v))
		}
		node = b.sum(into[from+1]...)
	}
	return b.finish(node, kernels.ReLU, 10, n, n)
}

func repeat(c, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = c
	}
	return out
}

// Mobile is two inverted residual blocks (expand 1×1, depthwise, project 1×1), the first with stride, the second with
// a residual sum.
func Mobile(seed uint64, kernel, stride, size, n int) *Case {
	b := newBuilder(fmt.Sprintf("mobile-k%d-s%d-%d", kernel, stride, size), seed, kernels.Shape{C: 3, H: size, W: size})
	stem := b.same(b.sum(bare(kernels.Images)), kernels.Linear, 3, 1, 8)
	depthwise := func(v kernels.ValueID, stride int) kernels.ValueID {
		node := b.sum(b.bn(v))
		w := same(kernel)
		w.Stride = stride
		s := b.shape(v)
		s.H, s.W = outSize(s.H, w), outSize(s.W, w)
		return b.conv(node, kernels.ReLU6, w, s, s.C, s.C)[0]
	}
	expanded := b.same(b.sum(b.bn(stem)), kernels.ReLU6, 1, 1, 24)
	reduced := b.same(b.sum(b.bn(depthwise(expanded, stride))), kernels.ReLU6, 1, 1, 12)
	first := b.bn(reduced)
	expanded = b.same(b.sum(first), kernels.Linear, 1, 1, 36)
	projected := b.same(b.sum(b.bn(depthwise(expanded, 1))), kernels.ReLU6, 1, 1, 12)
	return b.finish(b.sum(b.bn(reduced), b.bn(projected)), kernels.ReLU, 10, n, n+1)
}

// Pixel is one image of one pixel: every variance is zero, every x̂ is zero, and nothing may become NaN.
func Pixel(seed uint64) *Case {
	b := newBuilder("pixel", seed, kernels.Shape{C: 1, H: 1, W: 1})
	v := b.same(b.sum(bare(kernels.Images)), kernels.Linear, 3, 1, 5)
	v = b.same(b.sum(b.bn(v)), kernels.ReLU, 1, 1, 3)
	return b.finish(b.sum(b.bn(v)), kernels.ReLU, 2, 1, 1)
}

// Dead is a network whose input does not reach its output: an empty node, a convolution of it, which is zeros, and
// its BatchNorm, which is β.
func Dead(seed uint64) *Case {
	b := newBuilder("dead", seed, kernels.Shape{C: 2, H: 5, W: 4})
	stem := b.same(b.sum(bare(kernels.Images)), kernels.Linear, 3, 1, 6)
	b.sum(b.bn(stem)) // nothing loads it
	v := b.same(b.node(b.shape(stem)), kernels.ReLU, 3, 1, 6)
	return b.finish(b.sum(b.bn(v)), kernels.ReLU, 4, 3, 3)
}

// Offset is a network whose images have mean 10³ and variance 10⁻², kept by a convolution that selects channels, a
// pool of single pixels and a sum: the variance is lost to whoever takes it as the mean square less the squared mean.
func Offset(seed uint64) *Case {
	s := kernels.Shape{C: 3, H: 8, W: 8}
	b := newBuilder("offset", seed, s)
	in := b.sum(bare(kernels.Images))
	chosen := b.same(in, kernels.Linear, 1, 1, 3)
	weight := b.Data[len(b.Data)-1]
	clear(weight)
	weight[1], weight[5], weight[6] = 1, 1, 1
	pooled := b.op(kernels.OpMaxPool, kernels.Linear, same(1), s, in)
	summed := b.op(kernels.OpSum, kernels.ReLU, kernels.Window{}, s, in)
	c := b.finish(b.sum(b.bn(chosen), b.bn(pooled), b.bn(summed)), kernels.ReLU, 3, 4, 4)
	for i, v := range c.Images {
		c.Images[i] = 1e3 + 0.1*v
	}
	return c
}
