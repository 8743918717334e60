package cuda

// tiling is how one launch is cut into blocks (Tiling in kernels/gpu/abi.cuh), and what a block needs.
type tiling struct {
	tileH, tileW int // pixels of a tile
	slab         int // columns of a block, a multiple of 8
	threads      int
	shared       int // bytes of dynamic shared memory
}

// Bytes of shared memory a thread that the stores need beside the tile: STORE_SCRATCH and GRADIENT_SCRATCH in
// kernels/gpu.
const storeScratch, gradientScratch = 32, 64

// tiles is the number of tiles across and in all of a map.
func (t tiling) tiles(height, width int) (across, all int) {
	across = (width + t.tileW - 1) / t.tileW
	return across, across * ((height + t.tileH - 1) / t.tileH)
}
