package cuda

// tiling is how one launch is cut into blocks (Tiling in kernels/gpu/abi.cuh), and what a block needs.
type tiling struct {
	tileH, tileW int // pixels of a tile
	channelTile  int // columns of a block, a multiple of 8: channel_tile in abi.cuh
	threads      int
	shared       int // bytes of dynamic shared memory
}

// Bytes of shared memory a thread that the stores, and pools whose windows overlap, need beside the tile: STORE_SCRATCH,
// GRADIENT_SCRATCH and POOL_SCRATCH in kernels/gpu. 96 hold the inputs of a 3×3 window in all tiles of up to 32 columns.
const storeScratch, gradientScratch, poolScratch = 32, 64, 96

// tiles is the number of tiles across and in all of a map.
func (t tiling) tiles(height, width int) (across, all int) {
	across = (width + t.tileW - 1) / t.tileW
	return across, across * ((height + t.tileH - 1) / t.tileH)
}

// The ops that are not convolutions: a block of 256 threads has at most 64 pixels of at most 64 columns, or twice or four times as
// many of fewer columns.
const (
	plainPixels  = 64
	plainRow     = 16 // pixels of a tile's row
	plainColumns = 64
	plainThreads = 256
)

// plainTiling cuts pools, sums, concatenations, the global average, the linear layer and the images.
//
// 64 pixels × 64 columns are four float4s a thread and 17 KiB of tile; with the scratch, 25 and 33 KiB, so that the two
// blocks that 128 registers a thread allow share an SM's memory and leave most of it to the cache. A tile is 4×16
// pixels: its rows are whole sectors of a dense image, and a window of 3×3 reads 1.7 pixels for each, not much more
// than the 1.6 of 8×8. Maps that are smaller have tiles of their own size, narrow ones taller tiles: no thread has a
// pixel outside, and a map of 1×1 needs no room for 64. The columns are cut into channel tiles of equal size, so that the last
// block of a pixel is not nearly empty. Up to 32 columns have more rows of pixels: a thread has four float4s of them too, and the
// block's own work is shared by all.
func plainTiling(height, width, columns int, gradient bool) tiling {
	t := tiling{tileW: min(width, plainRow), threads: plainThreads}
	channelTiles := (columns + plainColumns - 1) / plainColumns
	t.channelTile = ((columns+channelTiles-1)/channelTiles + 7) &^ 7
	pixels := plainPixels
	for pixels < 4*plainPixels && 2*pixels*t.channelTile <= plainPixels*plainColumns {
		pixels *= 2
	}
	t.tileH = min(height, pixels/t.tileW)
	scratch := storeScratch
	if gradient {
		scratch = gradientScratch
	}
	t.shared = 4*t.tileH*t.tileW*(t.channelTile+4) + scratch*t.threads
	return t
}
