package ref

import (
	"math"

	"bnas.example/kernels"
)

// Noise is an error of its own at every use of a number, drawn at random. Where terms cancel, the
// result changes by as much as their errors, as it does on a device that rounds them.

// noiseUnit is the largest relative error: 32 roundings to float32. A sum in float32 rounds its products and its partial sums,
// and Winograd's transforms round more.
const noiseUnit = 0x1p-19

// noisy returns x_k·(1 + noiseUnit·u_k) with u_k uniform in −1 … 1, each drawn anew, or x if there is no noise. Zeros stay.
func (e *Exec) noisy(x []float64) []float64 {
	if e.noise == nil || x == nil {
		return x
	}
	y := make([]float64, len(x))
	for k, v := range x {
		y[k] = v + e.error(v)
	}
	return y
}

// error draws the error of a number.
func (e *Exec) error(x float64) float64 { return noiseUnit * x * (2*e.noise.Float64() - 1) }

// noisyMaps returns the maps x, images×s, that a convolution reads, with noise. Winograd's transforms mix the pixels of a map, and
// the results have the error of the largest, also where all products of the formula are 0: for a window of several pixels, the
// error of an element is relative to the largest of its map.
func (e *Exec) noisyMaps(x []float64, s kernels.Shape, w kernels.Window) []float64 {
	if e.noise == nil || w.Kernel == 1 {
		return e.noisy(x)
	}
	y := make([]float64, len(x))
	eachChannel(len(x)/s.Len(), s, func(_, _, lo, hi int) {
		most := 0.0
		for _, v := range x[lo:hi] {
			most = max(most, math.Abs(v))
		}
		for p := lo; p < hi; p++ {
			y[p] = x[p] + e.error(most)
		}
	})
	return y
}
