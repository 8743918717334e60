// Copies pieces to where they belong. Parameters that lie at many places so come to the GPU in one copy from the host. A block has a
// piece, its threads the elements. Where there are more, both are dealt again.
#include "abi.cuh"

extern "C" __global__ void __launch_bounds__(256) scatter(const Piece *list, i64 count) {
	for (i64 k = blockIdx.x; k < count; k += gridDim.x) {
		const Piece p = list[k];
		for (i64 e = threadIdx.x; e < p.length; e += blockDim.x)
			p.to[e] = p.from[e];
	}
}
