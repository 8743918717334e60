//go:build cgo && linux && gpusim

package gpu_test

import (
	"fmt"
	"math"

	"bnas.example/kernels/gpu"
)

// cut is how a test's launch is cut into blocks.
type cut struct{ h, w, channelTile, threads, shared int }

// plainCut is for the ops that are not convolutions.
func plainCut(h, w, channelTile, threads int) cut {
	return cut{h, w, channelTile, threads, 4*h*w*(channelTile+4) + 96*threads}
}

func (c cut) tiling(s shape) gpu.Tiling {
	across := (s.w + c.w - 1) / c.w
	return gpu.Tiling{TileH: int64(c.h), TileW: int64(c.w), TilesX: int64(across), Tiles: int64(across * ((s.h + c.h - 1) / c.h)), ChannelTile: int64(c.channelTile)}
}

// buffers are what a reduction over tiles and images needs: partial results of `columns` columns, 16 bytes each, and
// counters.
type buffers struct {
	tile, image, arrived gpu.Ptr
	channelTiles         int
}

func (k *kit) buffers(n int, t gpu.Tiling, columns int) buffers {
	channelTiles := (columns + int(t.ChannelTile) - 1) / int(t.ChannelTile)
	merged := n + gpu.ImageGroups(n)
	return buffers{k.alloc(16 * n * int(t.Tiles) * columns), k.alloc(16 * merged * columns), put(k, make([]uint32, channelTiles*(1+merged))...), channelTiles}
}

// forward is a launch of a kernel that stores values.
type forward struct {
	kernel     string
	n          int
	statImages int
	in         []*node
	weights    []gpu.Ptr // of out
	out        []int     // channels of each value
	shape                // of the values; c is not used
	window     window
	cut        cut
	args       []any // between the step and `images`; the last one is left out of linear's
	noStats    bool
	noNorms    bool   // no BatchNorm is over the values
	statistics string // the kernel of the statistics, where the first one has none
}

// run launches the kernel, compares the values with want, and the statistics and coefficients with the values.
func (f forward) run(k *kit, want ...[]float64) {
	k.t.Helper()
	columns := 0
	var outs []gpu.Output
	var norms []gpu.BatchNorm
	inHalf := int64(0)
	if !f.noStats {
		inHalf = int64(k.rng.IntN(2))
	}
	for i, c := range f.out {
		o := gpu.Output{Half: inHalf, Value: k.alloc(4 * f.n * f.h * f.w * pitchOf(c)), Channels: int64(c), Pitch: int64(pitchOf(c)), Column: int64(columns)}
		if f.weights != nil {
			o.Weight = f.weights[i]
		}
		outs = append(outs, o)
		for range 1 + (i+1)%2 { // two over every second value
			if f.noNorms {
				break
			}
			norms = append(norms, gpu.BatchNorm{Affine: put(k, make([]gpu.Affine, pitchOf(c))...), Gamma: put(k, floats(k.random(c))...), Beta: put(k, floats(k.random(c))...), Eps: 1e-5, Channels: int64(c), Column: int64(columns)})
		}
		columns += pitchOf(c)
	}
	nodes := make([]gpu.Node, len(f.in))
	for i, d := range f.in {
		nodes[i] = d.abi
	}
	t := f.cut.tiling(f.shape)
	b := k.buffers(f.n, t, columns)
	step := gpu.Forward{In: put(k, nodes...), Ins: int64(len(nodes)), Out: put(k, outs...), Outs: int64(len(outs)), Columns: int64(columns), Height: int64(f.h), Width: int64(f.w), Window: gpu.Window(f.window), Tiling: t}
	mean, variance := k.alloc(8*columns), k.alloc(8*columns)
	args := append([]any{put(k, step)}, f.args...)
	if !f.noStats && !f.noNorms {
		step.Statistics = gpu.Statistics{Tile: b.tile, Image: b.image, Arrived: b.arrived, Mean: mean, Variance: variance, Norm: put(k, norms...), Norms: int64(len(norms))}
		args = append([]any{put(k, step)}, f.args...)
	}
	args = append(args, f.n)
	if !f.noStats && f.statistics == "" {
		args = append(args, f.statImages)
	}
	k.launch(f.kernel, f.n*int(t.Tiles), b.channelTiles, f.cut.threads, f.cut.shared, args...)
	if f.statistics != "" {
		k.launch(f.statistics, 1, 1, 32, 0, args[0], f.statImages)
	}
	values := make([][]float64, len(outs))
	for i, o := range outs {
		values[i] = k.getValue(o, f.n*f.h*f.w)
		near(k.t, fmt.Sprintf("%s: value %d", f.kernel, i), values[i], want[i], 2e-5+float64(inHalf)*0x1p-11)
	}
	if !f.noStats && !f.noNorms {
		for i, o := range outs {
			f.checkStatistics(k, values[i], o, norms, mean, variance)
		}
		f.checkCounters(k, b)
	}
}

func (f forward) checkCounters(k *kit, b buffers) {
	k.t.Helper()
	for i, v := range get[uint32](k, b.arrived, b.channelTiles*(1+f.n+gpu.ImageGroups(f.n))) {
		if v != 0 {
			k.t.Fatalf("%s: counter %d is %d after the launch", f.kernel, i, v)
		}
	}
}

// moments are the mean and biased variance of each channel over the first n images.
func moments(v []float64, channels, pixels int) (mean, variance []float64) {
	mean, variance = make([]float64, channels), make([]float64, channels)
	for i := range pixels * channels {
		mean[i%channels] += v[i] / float64(pixels)
	}
	for i := range pixels * channels {
		d := v[i] - mean[i%channels]
		variance[i%channels] += d * d / float64(pixels)
	}
	return mean, variance
}

func (f forward) checkStatistics(k *kit, v []float64, o gpu.Output, norms []gpu.BatchNorm, mean, variance gpu.Ptr) {
	k.t.Helper()
	channels := int(o.Channels)
	wantMean, wantVariance := moments(v, channels, f.statImages*f.h*f.w)
	near(k.t, f.kernel+": mean", get[float64](k, mean+8*gpu.Ptr(o.Column), channels), wantMean, 1e-6)
	near(k.t, f.kernel+": variance", get[float64](k, variance+8*gpu.Ptr(o.Column), channels), wantVariance, 5e-6)
	for _, b := range norms {
		if b.Column != o.Column {
			continue
		}
		gamma, beta := get[float32](k, b.Gamma, channels), get[float32](k, b.Beta, channels)
		var got, want []float64
		for c, a := range get[gpu.Affine](k, b.Affine, int(o.Pitch)) {
			got = append(got, float64(a.Mean), float64(a.Scale), float64(a.Beta), float64(a.Rstd))
			if c >= channels {
				want = append(want, 0, 0, 0, 0)
				continue
			}
			r := 1 / math.Sqrt(wantVariance[c]+b.Eps)
			want = append(want, wantMean[c], float64(gamma[c])*r, float64(beta[c]), r)
		}
		near(k.t, f.kernel+": affine", got, want, 1e-4)
	}
}

// backward is a launch of a kernel that makes the gradient at a node.
type backward struct {
	kernel            string
	n                 int
	in                *node
	out               []*incoming
	window            window
	column            int
	cut               cut
	args              []any // between the step and `images`
	add, frozen, sums bool
	norms             string // the kernel of dγ and dβ, where the first one has none
}

// run launches the kernel and compares D with (want ⊙ act′(z)) and what was there, want = ∂loss/∂u; then dγ, dβ and
// the coefficients of dx with D.
func (f backward) run(k *kit, want []float64) {
	k.t.Helper()
	in := f.in
	step := f.step(k)
	t := step.Tiling
	b := k.buffers(f.n, t, int(in.abi.Pitch))
	step.Sums = gpu.Sums{Tile: b.tile, Image: b.image, Arrived: b.arrived, Norm: in.norm}
	size := len(in.z)
	before := make([]float64, size)
	step.Gradient = k.alloc(4 * size / in.c * pitchOf(in.c))
	if f.add {
		before = k.random(size)
		step.Gradient, step.Add = k.putMap(before, in.c), 1
	}
	args := append([]any{put(k, step)}, f.args...)
	if args = append(args, f.n); f.norms == "" {
		args = append(args, f.frozen, f.sums)
	}
	k.launch(f.kernel, f.n*int(t.Tiles), b.channelTiles, f.cut.threads, f.cut.shared, args...)
	if f.norms != "" && f.sums {
		k.launch(f.norms, 1, 1, 32, 0, args[0], f.n, f.frozen)
	}
	d := k.getMap(step.Gradient, size/in.c, in.c)
	wantD := make([]float64, size)
	for i := range wantD {
		if passes(in.z[i], int(in.abi.Activation)) {
			wantD[i] = want[i]
		}
		wantD[i] += before[i]
	}
	near(k.t, f.kernel+": D", d, wantD, 5e-5)
	if !f.sums {
		return
	}
	f.checkSums(k, d, get[float32](k, b.image, 4*f.n*int(in.abi.Pitch)))
	forward{kernel: f.kernel, n: f.n}.checkCounters(k, b)
}

func (f backward) step(k *kit) gpu.Backward {
	in := f.in
	var outs []gpu.Incoming
	columns := 0
	for _, v := range f.out {
		v.abi.Column = int64(columns)
		columns += pitchOf(v.c)
		outs = append(outs, v.abi)
	}
	return gpu.Backward{Out: put(k, outs...), Outs: int64(len(outs)), Columns: int64(columns), Height: int64(f.out[0].h), Width: int64(f.out[0].w), Column: int64(f.column),
		Window: gpu.Window(f.window), In: in.abi, Last: 1, Tiling: f.cut.tiling(in.shape)}
}

// checkSums compares an image's sums, dγ, dβ and the slopes with D.
func (f backward) checkSums(k *kit, d []float64, images []float32) {
	k.t.Helper()
	in, pixels := f.in, f.in.h*f.in.w
	for t := range in.norm {
		if in.norm[t] == 0 {
			continue
		}
		dgamma, dbeta := make([]float64, in.c), make([]float64, in.c)
		var got, want []float64
		for i := range f.n {
			for c := range in.c {
				g, b := 0.0, 0.0
				for p := range pixels {
					j := (i*pixels+p)*in.c + c
					g += d[j] * in.hat[t][j]
					b += d[j]
				}
				dgamma[c] += in.factor[t][i] * g
				dbeta[c] += in.factor[t][i] * b
				at := 4 * (i*int(in.abi.Pitch) + c)
				got = append(got, float64(images[at]), float64(images[at+1+t]))
				want = append(want, b, g)
			}
		}
		near(k.t, f.kernel+": an image's ΣD, ΣD·x̂", got, want, 1e-4)
		near(k.t, f.kernel+": dγ", widen(get[float32](k, in.bn[t].Dgamma, in.c)), dgamma, 1e-4)
		near(k.t, f.kernel+": dβ", widen(get[float32](k, in.bn[t].Dbeta, in.c)), dbeta, 1e-4)
		f.checkSlopes(k, t, dgamma, dbeta)
	}
}

func (f backward) checkSlopes(k *kit, t int, dgamma, dbeta []float64) {
	k.t.Helper()
	in := f.in
	m := float64(f.n * in.h * in.w)
	var got, want []float64
	for c, s := range get[gpu.Slope](k, in.bn[t].Slope, int(in.abi.Pitch)) {
		got = append(got, float64(s.Scale), float64(s.Offset), float64(s.Slope), float64(s.Mean))
		a := in.affine[t][c]
		scale, mean, offset, tilt := float64(a.Scale), float64(a.Mean), 0.0, 0.0
		if c < in.c && !f.frozen {
			offset, tilt = -scale*dbeta[c]/m, -scale*float64(a.Rstd)*dgamma[c]/m
		}
		want = append(want, scale, offset, tilt, mean)
	}
	near(k.t, f.kernel+": slope", got, want, 1e-4)
}
