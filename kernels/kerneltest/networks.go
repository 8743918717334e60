package kerneltest

import (
	"fmt"
	"slices"

	"bnas.example/kernels"
)

// Cell returns a cell of NAS-Bench-201 on a stem. Its nodes sum BatchNorms. Every edge is a 3×3 or 1×1 convolution, an
// average pool or the identity. Convolutions with the same source are branches of one step where possible.
func Cell(seed uint64, stage kernels.Shape, n int) *Case {
	b := newBuilder(fmt.Sprintf("cell-%v", stage), seed, kernels.Shape{C: 3, H: stage.H, W: stage.W})
	node := b.sum(b.bn(b.same(b.sum(bare(kernels.Images)), kernels.Linear, 3, 1, stage.C)))
	into := make([][]kernels.Term, 4)
	for from := range 3 {
		three := b.conv(node, kernels.ReLU, same(3), stage, 1, slices.Repeat([]int{stage.C}, 1+b.r.IntN(3-from))...)
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

// Wide returns convolutions of few channels on a map that is 16 pixels wide, as wide as a tile of a GPU: of 5 channels to 32, and of 16 to 16,
// with windows of 3×3 and 1×1. Nodes have terms without BatchNorm beside others, and a sum is stored without statistics.
func Wide(seed uint64, n int) *Case {
	stage := kernels.Shape{C: 16, H: 12, W: 16}
	b := newBuilder("wide", seed, kernels.Shape{C: 3, H: stage.H, W: stage.W})
	narrow := b.bn(b.same(b.sum(bare(kernels.Images)), kernels.Linear, 3, 1, 5))
	two := b.conv(b.sum(narrow), kernels.ReLU, same(3), stage, 1, 16, 16)
	one := b.same(b.sum(b.bn(two[0]), bare(two[1])), kernels.ReLU, 3, 1, 16)
	stored := b.op(kernels.OpSum, kernels.Linear, kernels.Window{}, stage, b.sum(b.bn(one), bare(two[0])))
	last := b.same(b.sum(bare(stored)), kernels.ReLU, 1, 1, 16)
	return b.finish(b.sum(b.bn(last), bare(stored)), kernels.ReLU, 10, n, n)
}

// Mobile returns two inverted residual blocks (expand 1×1, depthwise, project 1×1). The first has a stride, the second a
// residual sum.
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

// Grey returns a network for images of one channel, with a stem like those of the search spaces: a 3×3 convolution with a
// stride to 16 channels. A second convolution of the same images, 5×5, is added to it.
func Grey(seed uint64, stride, size, n int) *Case {
	b := newBuilder(fmt.Sprintf("grey-s%d-%d", stride, size), seed, kernels.Shape{C: 1, H: size, W: size + 2})
	images := b.sum(bare(kernels.Images))
	stem := func(kernel int) kernels.Term {
		w := same(kernel)
		w.Stride = stride
		return b.bn(b.conv(images, kernels.Linear, w, kernels.Shape{H: outSize(size, w), W: outSize(size+2, w)}, 1, 16)[0])
	}
	v := b.same(b.sum(stem(3), stem(5)), kernels.ReLU, 3, 1, 12)
	return b.finish(b.sum(b.bn(v)), kernels.ReLU6, 10, n, n+1)
}

// Scaled returns a network whose stem has outputs of the order of scale, and a hundredth of it in the second block of channels. A
// convolution, pools and a sum read them as they are. BatchNorms, whose ε fits, bring all to the order of 1.
func Scaled(seed uint64, scale float64) *Case {
	stage := kernels.Shape{C: 20, H: 8, W: 8}
	b := newBuilder(fmt.Sprintf("scaled-%.0e", scale), seed, kernels.Shape{C: 3, H: stage.H, W: stage.W})
	bn := func(v kernels.ValueID) kernels.Term {
		t := b.bn(v)
		b.Program.BNs[t.BN].Eps *= scale * scale
		return t
	}
	stem := b.same(b.sum(bare(kernels.Images)), kernels.Linear, 3, 1, stage.C)
	weight := b.Data[len(b.Data)-1]
	for i := range weight {
		if weight[i] *= float32(scale); i >= 16*3*9 {
			weight[i] /= 100
		}
	}
	in := b.sum(bare(stem))
	conv := b.same(in, kernels.ReLU, 3, 1, stage.C)
	average := b.op(kernels.OpAvgPool, kernels.Linear, same(3), stage, in)
	most := b.op(kernels.OpMaxPool, kernels.ReLU, same(3), stage, in)
	sum := b.op(kernels.OpSum, kernels.ReLU, kernels.Window{}, stage, b.sum(bare(stem), bare(average), bare(conv)))
	v := b.same(b.sum(bn(conv), bn(average)), kernels.ReLU, 3, 1, stage.C)
	return b.finish(b.sum(b.bn(v), bn(most), bn(sum)), kernels.ReLU, 5, 3, 3)
}

// Cropped returns a network with convolutions whose outputs are fewer or more than its windows inside the image: a map of 7×8 pixels
// becomes 5×6, and then 8×9, each by a 1×1, a 3×3 and a depthwise convolution.
func Cropped(seed uint64) *Case {
	b := newBuilder("cropped", seed, kernels.Shape{C: 3, H: 7, W: 8})
	node := b.sum(b.bn(b.same(b.sum(bare(kernels.Images)), kernels.Linear, 3, 1, 5)))
	for _, size := range []kernels.Shape{{C: 5, H: 5, W: 6}, {C: 5, H: 8, W: 9}} {
		var terms []kernels.Term
		for _, conv := range []struct{ kernel, groups int }{{1, 1}, {3, 1}, {3, size.C}} {
			terms = append(terms, b.bn(b.conv(node, kernels.ReLU, same(conv.kernel), size, conv.groups, size.C)[0]))
		}
		node = b.sum(terms...)
	}
	return b.finish(node, kernels.ReLU, 10, 3, 3)
}

// Many returns a small network for more images than a device may sum at once. A 3×3, a 1×1 and a depthwise convolution follow
// its stem.
func Many(seed uint64) *Case {
	stage := kernels.Shape{C: 5, H: 6, W: 5}
	b := newBuilder("many", seed, kernels.Shape{C: 3, H: stage.H, W: stage.W})
	node := b.sum(b.bn(b.same(b.sum(bare(kernels.Images)), kernels.Linear, 3, 1, stage.C)))
	var terms []kernels.Term
	for _, conv := range []struct{ kernel, groups int }{{3, 1}, {1, 1}, {3, stage.C}} {
		terms = append(terms, b.bn(b.same(node, kernels.ReLU, conv.kernel, conv.groups, stage.C)))
	}
	return b.finish(b.sum(terms...), kernels.ReLU, 10, manyImages, manyImages)
}

// Pixel returns a network for one image of one pixel. Every variance and every x̂ is zero, and nothing may become NaN.
func Pixel(seed uint64) *Case {
	b := newBuilder("pixel", seed, kernels.Shape{C: 1, H: 1, W: 1})
	v := b.same(b.sum(bare(kernels.Images)), kernels.Linear, 3, 1, 5)
	v = b.same(b.sum(b.bn(v)), kernels.ReLU, 1, 1, 3)
	return b.finish(b.sum(b.bn(v)), kernels.ReLU, 2, 1, 1)
}

// Dead returns a network without a path from the input to the output. It has an empty node, the convolution of that node
// (zeros), and the BatchNorm of those zeros (β).
func Dead(seed uint64) *Case {
	b := newBuilder("dead", seed, kernels.Shape{C: 2, H: 5, W: 4})
	stem := b.same(b.sum(bare(kernels.Images)), kernels.Linear, 3, 1, 6)
	b.sum(b.bn(stem)) // nothing loads it
	v := b.same(b.node(b.shape(stem)), kernels.ReLU, 3, 1, 6)
	return b.finish(b.sum(b.bn(v)), kernels.ReLU, 4, 3, 3)
}

// Offset returns a network whose images have mean 10³ and variance 10⁻². A convolution that selects channels, a pool of
// single pixels and a sum keep both. A device that computes the variance as the mean square minus the squared mean loses
// it.
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
