// Activation codes: one bit for each rectifier, 1 where it is on, and the number of bits in which two images agree.
//
//   pack_codes: bits[i] = (z > 0) of every pixel and channel of the pitch, z = Σ terms, 32 bits a word
//   code_gram:  gram[i][j] (+)= weight·(units − popcount(bits_i XOR bits_j))
//
// The channels that pad the pitch are zero, and so are their bits: they agree in all images. units does not count them.
// A warp packs 128 elements. A lane loads four of them. For each of the four words, every lane fetches one bit from one
// of the word's eight loaders, and a ballot collects the bits.
#include "plain.cuh"

extern "C" __global__ void __launch_bounds__(256, 2) pack_codes(unsigned *bits, const Node *node, i64 images, i64 words) {
	const Node &n = *node;
	const int lane = threadIdx.x % 32;
	const i64 size = n.height * n.width * n.pitch, groups = (words + 3) / 4;
	for (i64 item = thread_index() / 32; item < images * groups; item += thread_count() / 32) {
		const i64 image = item / groups, group = item % groups, at = group * 128 + 4 * lane;
		unsigned on = 0;
		if (at < size) {
			float4 z = node_sum(n, image, image * size + at, (int)(at % n.pitch));
			on = (z.x > 0) | (z.y > 0) << 1 | (z.z > 0) << 2 | (z.w > 0) << 3;
		}
		for (int w = 0; w < 4; w++) {
			unsigned four = __shfl_sync(0xffffffffu, on, 8 * w + lane / 4);
			unsigned word = __ballot_sync(0xffffffffu, four >> lane % 4 & 1);
			if (lane == w && group * 4 + w < words)
				bits[image * words + group * 4 + w] = word;
		}
	}
}

// Blocks are dealt 16×16 pairs of images, a pair a thread; 32 words of each image at a time in shared memory.
extern "C" __global__ void __launch_bounds__(256) code_gram(i64 *gram, const unsigned *bits, i64 images, i64 words, i64 units, i64 weight, i64 add) {
	__shared__ unsigned left[16][33], right[16][33];
	const i64 chunks = (images + 15) / 16;
	const int row = threadIdx.x / 16, column = threadIdx.x % 16;
	for (i64 item = block_index(); item < chunks * chunks; item += block_count()) {
		const i64 i0 = item / chunks * 16, j0 = item % chunks * 16, i = i0 + row, j = j0 + column;
		i64 differ = 0;
		for (i64 from = 0; from < words; from += 32) {
			__syncthreads();
			for (int k = threadIdx.x; k < 16 * 32; k += blockDim.x) {
				const i64 w = from + k % 32, a = i0 + k / 32, b = j0 + k / 32;
				left[k / 32][k % 32] = w < words && a < images ? bits[a * words + w] : 0;
				right[k / 32][k % 32] = w < words && b < images ? bits[b * words + w] : 0;
			}
			__syncthreads();
			int n = 0;
			for (int w = 0; w < 32; w++)
				n += __popc(left[row][w] ^ right[column][w]);
			differ += n;
		}
		if (i < images && j < images)
			gram[i * images + j] = (add ? gram[i * images + j] : 0) + weight * (units - differ);
	}
}
