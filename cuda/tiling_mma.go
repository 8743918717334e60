package cuda

import "bnas.example/kernels"

const (
	// Of kernels/gpu/conv_mma.cuh and mma_problem.cuh.
	mmaWarpForward  = 48 // columns of a warp
	mmaWarpGradient = 32
	mmaWarpPixels   = 32
	mmaRowPixels    = 16 // a tile is so wide at most
	mmaNarrow       = 16 // warps of so few columns have mmaTall rows of a tile, where they can
	mmaTall         = 4
	mmaThreads      = 256      // at most
	mmaSlots        = 4        // taps of weights, at least
	mmaSteps        = 2        // of 32 bytes along K, a chunk
	mmaRow          = 3        // a window of 3×3 has room for two rows of taps
	mmaRowShared    = 39 << 10 // if they fit this, and for all taps if these do
	mmaRowBytes     = 128      // and the columns of a warp are so many bytes at most
	mmaHeader       = 224
	mmaListed       = 16 // bytes that tell where eight columns of the weights are

	// Bytes that a block may ask for on every GPU with tensor cores (compute capability 8.6 and 8.9 have least), less
	// what the stores have statically.
	mostShared = 99<<10 - 64
)

// mmaTiling cuts the launches of conv_tf32, conv_f16 and conv_bf16 (columns: Σ pitch of the siblings, depth: pitch of the
// input) and, with gradient, of their input gradients (columns: pitch of the input, depth: Σ pitch of the siblings).
// bytes is the size of an operand, 4 or 2. A shape class is how many warps the channel tile needs across: up to two, so that the
// patch is staged once for all columns of the maps that are usual.
//
//	channel tile      pixels  because
//	≤ 16              256     four warps of 64 pixels, if the tile is whole rows of 16 for each: the block's own work is half for a pixel
//	≤ 48 (grad. 32)   128     four warps of 32 pixels; the halo of 8×16 is 41 %, and two patches and the weights leave an
//	                          SM of 100 KiB two or three blocks, an A100 or H100 the four that 128 registers allow
//	≤ 96 (grad. 64)   64      two by two warps; an 8×8 map is one tile, and a tile of 64×96 sums is 26 KiB as the one
//	                          above
//
// Four warps a block, not eight: at the barrier of a stage a block waits for its slowest warp, the others of the SM do
// not. More than 48 KiB has to be asked for and halves the blocks of an SM, so that wide windows halve the tile first, to
// 16 pixels, the rows of an mma, then the channel tile; windows for which that is not enough (7×7 dilated by 2) have the largest
// tile that fits 99 KiB. Gradients of a stride of 4 have 16 rows of A for each of 16 phases: a channel tile of one warp, 8 warps.
func mmaTiling(in, out kernels.Shape, w kernels.Window, columns, depth, bytes int, gradient bool) tiling {
	s := sideOf(in, out, w, columns, gradient)
	across := mmaWarpForward
	if gradient {
		across = mmaWarpGradient
	}
	var t tiling
	for _, room := range []struct{ bytes, least int }{{maxShared, 16}, {mostShared, 1}} {
		for _, most := range []int{2 * across, across} {
			channelTile := evenTile(columns, most)
			pixels := 4 * mmaWarpPixels
			switch {
			case channelTile > across:
				pixels /= 2
			case channelTile <= mmaNarrow && s.tall():
				pixels *= 2
			}
			for ; pixels >= room.least; pixels /= 2 {
				if t = s.mma(pixels, channelTile, across, depth, bytes); t.shared <= room.bytes && t.threads <= mmaThreads {
					return t
				}
			}
		}
	}
	return t
}

// tall tells whether each warp of a tile of 256 pixels can have four rows of 16 pixels, without phases.
func (s side) tall() bool {
	h, w := s.cut(8*mmaWarpPixels, mmaRowPixels)
	return (!s.gradient || s.Stride == 1) && w == mmaRowPixels && h%mmaTall == 0 && h > 4*mmaWarpPixels/mmaRowPixels
}

// mma is the tiling with tiles of at most the given pixels, and `across` columns a warp. A tile is 8 pixels wide, or 16
// if it has 128 of them: eight pixels that are read at once are neighbours.
func (s side) mma(pixels, channelTile, across, depth, bytes int) tiling {
	h, w := s.cut(pixels, min(pixels, mmaRowPixels, max(8, pixels/8)))
	phases, warpPixels := 1, mmaWarpPixels
	if s.gradient {
		phases = s.Stride
	}
	if pixels > 4*mmaWarpPixels {
		warpPixels *= 2
	}
	rows := ((h+phases-1)/phases*((w+phases-1)/phases) + 15) / 16 * min(phases, h) * min(phases, w) // of 16 pixels
	listed, split, width := channelTile, 1, (channelTile+15)&^15
	if s.gradient {
		listed = depth
	}
	if channelTile > across {
		split, width = 2, 2*((channelTile/2+15)&^15)
	}
	threads := max((16*rows+warpPixels-1)/warpPixels*split*32, warps(channelTile)) // a store needs a thread a column

	steps := min(mmaSteps, (depth*bytes+31)/32)
	alone, patches := s.gradient || depth*bytes <= 32*mmaSteps, 1
	if !alone {
		patches = 2
	}
	taps := s.Kernel * s.Kernel
	before, slot := mmaHeader+listed/8*mmaListed+(4*taps+15)&^15+patches*s.patch(h)*s.patch(w)*(32*steps+16), 32*steps*oddEighths(width)
	loop := before + mmaSlots*slot
	if rows := before + 2*mmaRow*slot; s.Kernel == mmaRow && rows <= mmaRowShared && width/split*bytes <= mmaRowBytes {
		loop = rows
	}
	if all := before + taps*slot; alone && all <= mmaRowShared {
		loop = all
	}
	return tiling{tileH: h, tileW: w, channelTile: channelTile, threads: threads, shared: max(loop, 4*h*w*oddEighths(channelTile)+s.scratch(threads))}
}

// oddEighths is the length of rows of n columns, n a multiple of 8, that begin in different groups of banks.
func oddEighths(n int) int {
	if n%16 == 0 {
		return n + 8
	}
	return n
}
