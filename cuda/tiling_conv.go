package cuda

import (
	"slices"

	"bnas.example/kernels"
)

const (
	// Bytes that a block may have on every GPU without asking, less what the stores have statically.
	maxShared = 48<<10 - 64

	// Of kernels/gpu/implicit_gemm.cuh.
	gemmThreads  = 128 // at most: 168 registers a thread leave room for three blocks
	gemmPixels   = 8   // of a thread
	gemmChunk    = 16  // channels of a patch and of a stage of weights: there are two stages
	gemmChunk1x1 = 32  // a patch of a 1×1 convolution has no halo, and only one tap to hide its loads behind: one stage
	gemmColumns  = 96
	gemmShared   = 48<<10 - 96 // at most: what the kernels have statically, Plan and the stores', is more than maxShared leaves
)

// side is what a convolution's launch stores (the output's map or, of the gradient, the input's), and what it reads
// around a tile.
type side struct {
	height, width, columns int
	gradient               bool
	kernels.Window
}

func sideOf(in, out kernels.Shape, w kernels.Window, columns int, gradient bool) side {
	if gradient {
		return side{height: in.H, width: in.W, columns: columns, gradient: true, Window: w}
	}
	return side{height: out.H, width: out.W, columns: columns, Window: w}
}

// patch is the length of the window that n pixels in a row of a tile read, patch_of in kernels/gpu/patch.cuh.
func (s side) patch(n int) int {
	reach := (s.Kernel - 1) * s.Dilation
	switch {
	case !s.gradient:
		return (n-1)*s.Stride + reach + 1
	case s.Stride == 1:
		return n + reach
	}
	return (n-1+reach)/s.Stride + 2
}

// cut is a tile of at most the given pixels, at most across in a row: a map's rows and columns are divided evenly.
func (s side) cut(pixels, across int) (height, width int) {
	even := func(n, most int) int {
		parts := (n + most - 1) / most
		return (n + parts - 1) / parts
	}
	width = even(s.width, max(1, across))
	return even(s.height, max(1, pixels/width)), width
}

// scratch is what the store needs beside the tile, in bytes.
func (s side) scratch(threads int) int {
	if s.gradient {
		return gradientScratch * threads
	}
	return storeScratch * threads
}

// evenTile divides columns into channel tiles of at most the given size, as even as multiples of 8 are.
func evenTile(columns, most int) int {
	channelTiles := (columns + most - 1) / most
	return ((columns+channelTiles-1)/channelTiles + 7) &^ 7
}

func warps(threads int) int { return (threads + 31) &^ 31 }

// convFP32Tiling cuts the launches of conv_fp32 (columns: Σ pitch of the siblings) and, with gradient, of
// conv_fp32_gradient (columns: pitch of the input). A shape class is the channel tile: all columns up to 96, so that the
// input is staged once.
//
//	tile     pixels  because
//	≤ 16     256     2·64 threads of 8×8 sums, each half of the channels; the halo of 16×16 is 27 %
//	≤ 48     128     48: 96 threads of 8×8 sums, a tile of 24 KiB, three blocks on 96 KiB; 32: 2·64 threads
//	≤ 96     64      96: 96 threads of 8×8 sums; 64: 2·64 threads; an 8×8 map is one tile
//
// Wide windows halve the tile until patch and weights fit. Gradients of a stride of 4 and more have so many phases that a
// channel tile of 96 has too many threads even then: they have a smaller one. What does not fit at all is refused by fits.
func convFP32Tiling(in, out kernels.Shape, w kernels.Window, columns int, gradient bool) tiling {
	s := sideOf(in, out, w, columns, gradient)
	var t tiling
	for _, most := range []int{gemmColumns, 64, 32, 16, 8} {
		channelTile := evenTile(columns, most)
		pixels := 64
		switch {
		case channelTile <= 16:
			pixels = 256
		case channelTile <= 48:
			pixels = 128
		}
		for ; pixels > 0; pixels /= 2 {
			if t = s.gemm(pixels, channelTile); t.shared <= gemmShared && t.threads <= gemmThreads {
				return t
			}
		}
	}
	return t
}

// gemm is the tiling of an implicit GEMM with tiles of at most the given pixels. A thread's pixels are 8 rows of a
// column, so a tile is 8 rows high, or 16, as long as it has so many pixels; of a gradient with stride s, of every phase.
func (s side) gemm(pixels, channelTile int) tiling {
	phases, chunk := 1, gemmChunk
	if s.gradient {
		phases = s.Stride
	}
	if s.Kernel == 1 {
		chunk = gemmChunk1x1
	}
	h, w := s.cut(pixels, min(16, pixels/(gemmPixels*phases)))
	steps := ((h+phases-1)/phases + gemmPixels - 1) / gemmPixels
	groups := phases * phases * ((w + phases - 1) / phases) * steps
	threads, lengths := groups*channelTile/4, []int{16, 32, 48, 64, 96} // of rows of weights
	if threads > gemmThreads {
		threads = groups * channelTile / 8 // none shares its channels with another
	}
	length, _ := slices.BinarySearch(lengths, channelTile)
	threads = max(warps(threads), warps(channelTile))                            // a store needs a thread a column
	taps := (phases*phases + 1) * max(s.Kernel*s.Kernel, gemmChunk1x1/gemmChunk) // list_taps
	loop := s.patch(steps*gemmPixels*phases)*s.patch(w)*(chunk+4) + 2*gemmChunk*lengths[length] + taps
	return tiling{tileH: h, tileW: w, channelTile: channelTile, threads: threads, shared: max(4*loop, 4*h*w*channelTile+s.scratch(threads))}
}

const (
	directThreads = 256
	directPixels  = 4 // in a row, of a thread of depthwise
)

// depthwiseTiling cuts the launches of depthwise and depthwise_gradient: columns of 128 bytes and tiles of 8×16, a run
// of 4 pixels × 4 channels a thread. Wide windows make the tile smaller, then the channel tile.
func depthwiseTiling(in, out kernels.Shape, w kernels.Window, columns int, gradient bool) tiling {
	s := sideOf(in, out, w, columns, gradient)
	var t tiling
	for _, channelTile := range []int{32, 16, 8} {
		for _, pixels := range []int{128, 64, 32, 16} {
			if t = s.depthwise(pixels, min(channelTile, evenTile(columns, channelTile))); t.shared <= maxShared && t.threads <= directThreads {
				return t
			}
		}
	}
	return t
}

func (s side) depthwise(pixels, channelTile int) tiling {
	h, w := s.cut(pixels, min(16, pixels))
	runs := h * ((w + directPixels - 1) / directPixels)
	threads := max(warps(runs*channelTile/4), warps(channelTile))
	patch := s.patch(h) * s.patch(runs/h*directPixels) * (channelTile + 4) // whole runs
	return tiling{tileH: h, tileW: w, channelTile: channelTile, threads: threads, shared: max(4*patch, 4*h*w*channelTile+s.scratch(threads))}
}

// groupedTiling cuts the launches of grouped and grouped_gradient, which stage nothing but the tile.
func groupedTiling(in, out kernels.Shape, w kernels.Window, columns int, gradient bool) tiling {
	s := sideOf(in, out, w, columns, gradient)
	channelTile := evenTile(columns, 32)
	th, tw := s.cut(128, 16)
	return tiling{tileH: th, tileW: tw, channelTile: channelTile, threads: directThreads, shared: 4*th*tw*channelTile + s.scratch(directThreads)}
}

// weightTiling is how a launch of conv_weight_gradient is cut: WeightGradient in kernels/gpu/abi.cuh.
type weightTiling struct {
	tileH, tileW     int // pixels of the output that are staged at once
	tileOut, tileIn  int // channels of a block
	blocks, chunks   int // the grid: blocks × chunks
	threads, shared  int
	partial, arrived int // elements of WeightGradient.partial and .arrived
}

const (
	weightTaps    = 3 // in a row, of a block
	weightThreads = 128
	weightBlocks  = 512 // enough for every GPU's multiprocessors at two blocks each; fixed, for the same bits on all
)

// weightGradientTiling cuts the launch of conv_weight_gradient for one convolution. The batch is cut into chunks so
// that the GPU is full; their number depends on the shape alone. groups > 1 has blocks only on the diagonal, so they
// are kept small.
func weightGradientTiling(in, out kernels.Shape, w kernels.Window, groups int) weightTiling {
	mostOut, mostIn := 64, 32
	if groups > 1 {
		mostOut, mostIn = 16, 16
	}
	t := weightTiling{tileOut: evenTile(pitchOf(out.C), mostOut), tileIn: evenTile(pitchOf(in.C), mostIn), threads: weightThreads}
	s := sideOf(in, out, w, out.C, false)
	for pixels := 64; ; pixels /= 2 {
		t.tileH, t.tileW = s.cut(pixels, min(8, pixels))
		rows := (t.tileH-1)*w.Stride + 1
		columns := (t.tileW-1)*w.Stride + (min(w.Kernel, weightTaps)-1)*w.Dilation + 1
		staged := t.tileH*t.tileW*(t.tileOut+4) + rows*columns*(t.tileIn+4)
		t.shared = 4 * max(staged, t.tileOut*t.tileIn*weightTaps)
		if t.shared <= maxShared || pixels == 1 {
			break
		}
	}
	rowGroups := (w.Kernel + weightTaps - 1) / weightTaps
	channelTiles := ((pitchOf(out.C) + t.tileOut - 1) / t.tileOut) * ((pitchOf(in.C) + t.tileIn - 1) / t.tileIn)
	t.blocks = channelTiles * w.Kernel * rowGroups
	t.chunks = max(1, weightBlocks/t.blocks)
	t.partial = t.chunks * out.C * (in.C / groups) * w.Kernel * w.Kernel
	t.arrived = t.blocks
	return t
}
