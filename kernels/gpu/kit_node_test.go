//go:build cgo && linux && gpusim

package gpu_test

import (
	"math"
	"slices"

	"bnas.example/kernels/gpu"
)

// window is the geometry of a step.
type window gpu.Window

// size is the number of outputs of n inputs.
func (w window) size(n int) int {
	return (n+2*int(w.Pad)-int(w.Dilation*(w.Kernel-1))-1)/int(w.Stride) + 1
}

// input is the coordinate that tap k of output o reads.
func (w window) input(o, k int) int { return o*int(w.Stride) - int(w.Pad) + k*int(w.Dilation) }

type shape struct{ c, h, w int }

// Activations of a node.
const (
	linear = iota
	relu
	relu6
)

// A node on the device and its mirror: z = Σ terms, u = act(z), and of each term its factors, with a BatchNorm x̂ too.
type node struct {
	shape
	n      int
	abi    gpu.Node
	norm   [3]gpu.Ptr // BatchNorms of the terms, 0: none
	bn     [3]gpu.BatchNorm
	affine [3][]gpu.Affine
	factor [3][]float64
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

// factors returns factors of n images, powers of two or 0, and where they are on the device; for two terms of three ones,
// which are nowhere.
func (k *kit) factors(n int) ([]float64, gpu.Ptr) {
	f := slices.Repeat([]float64{1}, n)
	if k.rng.IntN(3) > 0 {
		return f, 0
	}
	for i := range f {
		f[i] = [...]float64{0, 0.5, 2, -1}[k.rng.IntN(4)]
	}
	return f, put(k, floats(f)...)
}

// nodeOf makes a node of given values.
func (k *kit) nodeOf(n int, s shape, activation int, values [][]float64, terms []bool) *node {
	d := &node{shape: s, n: n, z: make([]float64, n*s.h*s.w*s.c)}
	d.abi = gpu.Node{Terms: int64(len(terms)), Activation: int64(activation), Channels: int64(s.c), Pitch: int64(pitchOf(s.c)), Height: int64(s.h), Width: int64(s.w)}
	for i, through := range terms {
		x := values[i]
		image := len(x) / n
		d.abi.Term[i].Value, d.abi.Term[i].Half = k.putValue(x, s.c)
		d.factor[i], d.abi.Term[i].Factor = k.factors(n)
		if !through {
			for j := range x {
				d.z[j] += d.factor[i][j/image] * x[j]
			}
			continue
		}
		a := make([]gpu.Affine, pitchOf(s.c))
		for c := range s.c {
			r := 0.5 + k.rng.Float64()
			a[c] = gpu.Affine{Mean: float32(k.rng.NormFloat64()), Scale: float32(k.rng.NormFloat64()), Beta: float32(k.rng.NormFloat64()), Rstd: float32(r)}
		}
		d.affine[i], d.hat[i] = a, make([]float64, len(x))
		for j := range x {
			p := a[j%s.c]
			d.hat[i][j] = (x[j] - float64(p.Mean)) * float64(p.Rstd)
			d.z[j] += d.factor[i][j/image] * ((x[j]-float64(p.Mean))*float64(p.Scale) + float64(p.Beta))
		}
		d.bn[i] = gpu.BatchNorm{Affine: put(k, a...), Slope: put(k, make([]gpu.Slope, pitchOf(s.c))...), Dgamma: k.alloc(4 * s.c), Dbeta: k.alloc(4 * s.c), Channels: int64(s.c)}
		d.abi.Term[i].Affine = d.bn[i].Affine
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
	abi gpu.Incoming
	dy  []float64
}

// incoming makes a value and the gradients at the nodes that use it; sources[i] says whether through a BatchNorm.
func (k *kit) incoming(n int, s shape, sources ...bool) *incoming {
	size := n * s.h * s.w * s.c
	x := k.random(size)
	v := &incoming{shape: s, dy: make([]float64, size)}
	value, inHalf := k.putValue(x, s.c)
	var list []gpu.Source
	for _, through := range sources {
		d := k.random(size)
		factor, at := k.factors(n)
		source := gpu.Source{Gradient: k.putMap(d, s.c), Factor: at}
		slopes := make([]gpu.Slope, pitchOf(s.c))
		for c := range s.c {
			slopes[c] = gpu.Slope{Scale: 1}
			if through {
				slopes[c] = gpu.Slope{Scale: float32(k.rng.NormFloat64()), Offset: float32(k.rng.NormFloat64()), Slope: float32(k.rng.NormFloat64()), Mean: float32(k.rng.NormFloat64())}
			}
		}
		if through {
			source.Slope = put(k, slopes...)
		}
		for j := range d {
			p := slopes[j%s.c]
			v.dy[j] += float64(p.Scale)*factor[j/(size/n)]*d[j] + float64(p.Offset) + float64(p.Slope)*(x[j]-float64(p.Mean))
		}
		list = append(list, source)
	}
	v.abi = gpu.Incoming{Value: value, Half: inHalf, Source: put(k, list...), Sources: int64(len(list)), Channels: int64(s.c), Pitch: int64(pitchOf(s.c))}
	return v
}
