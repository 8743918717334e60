package gpu_test

import "math"

// The structures of abi.cuh.
type (
	abiBatchNorm struct {
		affine, slope, gamma, beta, dgamma, dbeta, mean, variance uint64
		eps                                                       float64
		channels, column                                          int64
	}
	abiTerm struct {
		value, affine uint64
		narrow        int64
	}
	abiNode struct {
		term                                              [3]abiTerm
		terms, activation, channels, pitch, height, width int64
	}
	abiTiling     struct{ tileH, tileW, tilesX, tiles, slab int64 }
	abiStatistics struct {
		tile, image, arrived, mean, variance, norm uint64
		norms                                      int64
	}
	abiOutput struct {
		value, weight                   uint64
		channels, pitch, column, narrow int64
	}
	abiForward struct {
		in                     uint64
		ins                    int64
		out                    uint64
		outs                   int64
		columns, height, width int64
		window                 window
		tiling                 abiTiling
		statistics             abiStatistics
	}
	abiSource   struct{ gradient, slope uint64 }
	abiIncoming struct {
		value, source                   uint64
		sources                         int64
		weight                          uint64
		channels, pitch, column, narrow int64
	}
	abiSums struct {
		tile, image, arrived uint64
		norm                 [3]uint64
	}
	abiBackward struct {
		out                            uint64
		outs                           int64
		columns, height, width, column int64
		window                         window
		in                             abiNode
		gradient                       uint64
		add, last                      int64
		tiling                         abiTiling
		sums                           abiSums
	}
)

// window is the geometry of a step.
type window struct{ kernel, stride, pad, dilation, groups int64 }

// size is the number of outputs of n inputs.
func (w window) size(n int) int {
	return (n+2*int(w.pad)-int(w.dilation*(w.kernel-1))-1)/int(w.stride) + 1
}

// input is the coordinate that tap k of output o reads.
func (w window) input(o, k int) int { return o*int(w.stride) - int(w.pad) + k*int(w.dilation) }

type shape struct{ c, h, w int }

// Activations of a node.
const (
	linear = iota
	relu
	relu6
)

// affine and slope are Affine and Slope of abi.cuh.
type affine struct{ mean, scale, beta, rstd float32 }
type slope struct{ scale, offset, slope, mean float32 }

// A node on the device and its mirror: z = Σ terms, u = act(z), and of each term with a BatchNorm x̂.
type node struct {
	shape
	n      int
	abi    abiNode
	norm   [3]uint64 // BatchNorms of the terms, 0: none
	bn     [3]abiBatchNorm
	affine [3][]affine
	hat    [3][]float64
	z, u   []float64
}

// node makes a node of random values; terms[i] says whether term i goes through a BatchNorm.
func (k *kit) node(n int, s shape, activation int, terms ...bool) *node {
	values := make([][]float64, len(terms))
	for i := range values {
		values[i] = k.random(n * s.h * s.w * s.c)
	}
	return k.nodeOf(n, s, activation, values, terms)
}

// nodeOf makes a node of given values.
func (k *kit) nodeOf(n int, s shape, activation int, values [][]float64, terms []bool) *node {
	d := &node{shape: s, n: n, z: make([]float64, n*s.h*s.w*s.c)}
	d.abi = abiNode{terms: int64(len(terms)), activation: int64(activation), channels: int64(s.c), pitch: int64(pitchOf(s.c)), height: int64(s.h), width: int64(s.w)}
	for i, through := range terms {
		x := values[i]
		d.abi.term[i].value, d.abi.term[i].narrow = k.putValue(x, s.c)
		if !through {
			for j := range x {
				d.z[j] += x[j]
			}
			continue
		}
		a := make([]affine, pitchOf(s.c))
		for c := range s.c {
			r := 0.5 + k.rng.Float64()
			a[c] = affine{float32(k.rng.NormFloat64()), float32(k.rng.NormFloat64()), float32(k.rng.NormFloat64()), float32(r)}
		}
		d.affine[i], d.hat[i] = a, make([]float64, len(x))
		for j := range x {
			p := a[j%s.c]
			d.hat[i][j] = (x[j] - float64(p.mean)) * float64(p.rstd)
			d.z[j] += (x[j]-float64(p.mean))*float64(p.scale) + float64(p.beta)
		}
		d.bn[i] = abiBatchNorm{affine: put(k, a...), slope: put(k, make([]slope, pitchOf(s.c))...), dgamma: k.alloc(4 * s.c), dbeta: k.alloc(4 * s.c), channels: int64(s.c)}
		d.abi.term[i].affine = d.bn[i].affine
		d.norm[i] = put(k, d.bn[i])
	}
	d.u = make([]float64, len(d.z))
	for i, z := range d.z {
		d.u[i] = activate(z, activation)
	}
	return d
}

func activate(z float64, activation int) float64 {
	switch {
	case activation == linear || math.IsNaN(z):
		return z
	case activation == relu6:
		return min(max(z, 0), 6)
	}
	return max(z, 0)
}

// passes is act′(z).
func passes(z float64, activation int) bool {
	return activation == linear || z > 0 && (activation == relu || z < 6)
}

// at is the index of an element of the node's maps.
func (d *node) at(i, y, x, c int) int { return ((i*d.h+y)*d.w+x)*d.c + c }

// inside reports whether a pixel is of the map.
func (s shape) inside(y, x int) bool { return y >= 0 && y < s.h && x >= 0 && x < s.w }

// incoming is the gradient of a value on the device, and what it is.
type incoming struct {
	shape
	abi abiIncoming
	dy  []float64
}

// incoming makes a value and the gradients at the nodes that use it; sources[i] says whether through a BatchNorm.
func (k *kit) incoming(n int, s shape, sources ...bool) *incoming {
	size := n * s.h * s.w * s.c
	x := k.random(size)
	v := &incoming{shape: s, dy: make([]float64, size)}
	value, narrow := k.putValue(x, s.c)
	var list []abiSource
	for _, through := range sources {
		d := k.random(size)
		source := abiSource{gradient: k.putMap(d, s.c)}
		slopes := make([]slope, pitchOf(s.c))
		for c := range s.c {
			slopes[c] = slope{scale: 1}
			if through {
				slopes[c] = slope{float32(k.rng.NormFloat64()), float32(k.rng.NormFloat64()), float32(k.rng.NormFloat64()), float32(k.rng.NormFloat64())}
			}
		}
		if through {
			source.slope = put(k, slopes...)
		}
		for j := range d {
			p := slopes[j%s.c]
			v.dy[j] += float64(p.scale)*d[j] + float64(p.offset) + float64(p.slope)*(x[j]-float64(p.mean))
		}
		list = append(list, source)
	}
	v.abi = abiIncoming{value: value, narrow: narrow, source: put(k, list...), sources: int64(len(list)), channels: int64(s.c), pitch: int64(pitchOf(s.c))}
	return v
}
