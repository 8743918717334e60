// The main loop of the fp32 convolutions: an implicit GEMM in registers.
//
//   tile[p][c] = Σ_tap Σ_k patch[p at tap][k] · weight[tap][k][c]
//
// A block has the P pixels of a tile and a channel tile. K = taps × channels runs in chunks of CHUNK (or CHUNK_1x1)
// channels. A chunk's patch is staged once for all taps and columns. The weights of a tap and a chunk are a stage. There are
// two buffers for stages: the next one is copied while the present one is used. A 1×1 window has one stage a chunk, and one buffer of the same size.
//
// A thread has PIXELS pixels × 4·W columns. Its columns are the 4-column group cg and, with W = 2, another one half a
// channel tile further: neighbouring threads read neighbouring float4s of weights. Its pixels are of one column of the
// tile, y + j·step: neighbouring threads read neighbouring pixels (patch.cuh), and one offset leads to the next pixel.
// Neither conflicts. For the 128·W multiplications of four channels a thread loads 4·W float4s of weights and 8 of the
// patch. The addresses of the pixels serve eight channels.
//
// Input gradients of stride s: an input pixel has only the taps k for which s divides i + pad − k·dilation. Pixels are
// sorted by phase, (y mod s, x mod s). A warp then has one phase and skips the other taps together.
#pragma once
#include "patch.cuh"
#include "block.cuh"

enum { PIXELS = 8, CHUNK = 16, CHUNK_1x1 = 32, GEMM_THREADS = 128 };

__device__ __forceinline__ int chunk_of(i64 kernel) { return kernel == 1 ? CHUNK_1x1 : CHUNK; }

// Rows of a tile's phase that are dealt to threads in PIXELS steps.
__device__ __forceinline__ int row_step(const Tiling &t, int phases) {
	return (((int)t.tile_h + phases - 1) / phases + PIXELS - 1) / PIXELS;
}

// The rows of a tile's patch: whole steps of PIXELS. No thread then asks where its pixels end.
__device__ __forceinline__ int patch_rows(const Tiling &t, int phases) { return row_step(t, phases) * PIXELS * phases; }

// The pixels and columns of a thread. With phases s > 1, pixels of a phase (fy, fx) are (fy + s·y, fx + s·x); a thread's
// are x and y + j·step.
struct Share {
	int cg; // 4-column group
	int x, y, step;
	int fy, fx;
	bool active;
};

__device__ __forceinline__ Share share_of(const Tiling &t, int phases, int column_groups) {
	const int h = (int)t.tile_h, w = (int)t.tile_w, width = (w + phases - 1) / phases;
	Share s;
	s.step = row_step(t, phases);
	s.cg = threadIdx.x % column_groups;
	int group = threadIdx.x / column_groups, groups = width * s.step, phase = group / groups;
	s.x = group % groups % width;
	s.y = group % groups / width;
	s.fy = phase / phases;
	s.fx = phase % phases;
	s.active = phase < phases * phases && s.fy + phases * s.y < h && s.fx + phases * s.x < w;
	return s;
}

// Whether the channel tile takes 8 columns a thread: with 4 there would be too few threads.
__device__ __forceinline__ bool wide(const Tiling &t, int phases) {
	int groups = ((int)t.tile_w + phases - 1) / phases * row_step(t, phases);
	return phases * phases * groups * ((int)t.channel_tile / 4) > (int)blockDim.x;
}

__device__ __forceinline__ void add_scaled(float *sum, float u, float4 w) {
	sum[0] = fmaf(u, w.x, sum[0]);
	sum[1] = fmaf(u, w.y, sum[1]);
	sum[2] = fmaf(u, w.z, sum[2]);
	sum[3] = fmaf(u, w.w, sum[3]);
}

// The length of a row of weights, the columns padded: one of few, so that it is a constant of the loop.
template <int W> __device__ __forceinline__ int row_length(int channel_tile) {
	if (W == 2)
		return channel_tile <= 48 ? 48 : 96;
	return channel_tile <= 16 ? 16 : channel_tile <= 32 ? 32 : channel_tile <= 64 ? 64 : 96;
}

// acc += patch · weights for four channels of a tap, AT bytes beyond the addresses of the thread's pixels.
template <int W, int LENGTH, int AT>
__device__ __forceinline__ void multiply_four(float (&acc)[PIXELS][4 * W], const SharedAddress (&pixel)[PIXELS], const float *weights) {
	float4 w[4][W];
#pragma unroll
	for (int i = 0; i < 4; i++)
#pragma unroll
		for (int h = 0; h < W; h++)
			w[i][h] = *(const float4 *)(weights + i * LENGTH + h * (LENGTH / 2));
#pragma unroll
	for (int j = 0; j < PIXELS; j++) {
		const float4 u = read_shared4<AT>(pixel[j]);
#pragma unroll
		for (int h = 0; h < W; h++) {
			add_scaled(acc[j] + 4 * h, u.x, w[0][h]);
			add_scaled(acc[j] + 4 * h, u.y, w[1][h]);
			add_scaled(acc[j] + 4 * h, u.z, w[2][h]);
			add_scaled(acc[j] + 4 * h, u.w, w[3][h]);
		}
	}
}

// The same for all channels of a stage, a multiple of 8. patch: the thread's first pixel; step: bytes from one to the next.
template <int W, int LENGTH>
__device__ __forceinline__ void multiply_channels(float (&acc)[PIXELS][4 * W], SharedAddress patch, int step, const float *weights, int channels) {
#pragma unroll 1
	for (; channels > 0; channels -= 8, patch += 32, weights += 8 * LENGTH) {
		SharedAddress pixel[PIXELS] = {patch};
#pragma unroll
		for (int j = 1; j < PIXELS; j++)
			pixel[j] = beyond(pixel[j - 1], step);
		multiply_four<W, LENGTH, 0>(acc, pixel, weights);
		multiply_four<W, LENGTH, 16>(acc, pixel, weights + 4 * LENGTH);
	}
}

template <int W>
__device__ __forceinline__ void multiply(float (&acc)[PIXELS][4 * W], SharedAddress patch, int step, const float *weights, int length, int channels) {
	if constexpr (W == 2) {
		if (length == 48)
			multiply_channels<2, 48>(acc, patch, step, weights, channels);
		else
			multiply_channels<2, 96>(acc, patch, step, weights, channels);
	} else if (length == 16)
		multiply_channels<1, 16>(acc, patch, step, weights, channels);
	else if (length == 32)
		multiply_channels<1, 32>(acc, patch, step, weights, channels);
	else if (length == 64)
		multiply_channels<1, 64>(acc, patch, step, weights, channels);
	else
		multiply_channels<1, 96>(acc, patch, step, weights, channels);
}

// The float4s of a stage's weights [K][length] that a thread copies: `column` of every rows-th row.
struct Slice {
	int row, rows, column;
};

__device__ __forceinline__ Slice slice_of(int channel_tile) {
	const int groups = channel_tile / 4;
	Slice s = {(int)threadIdx.x / groups, (int)blockDim.x / groups, (int)threadIdx.x % groups * 4};
	if (s.row >= s.rows)
		s.row = 1 << 16;
	return s;
}

// A thread's part of the weights of a tap and a chunk: the first of its float4s, elements from one to the next and from tap to tap.
struct TapWeights {
	const float *at;
	int pitch, next;
};

// Copies a thread's float4s of a stage to shared memory, to + i·ahead: past its registers, and without waiting, where the GPU can.
__device__ __forceinline__ void copy_weights(float *to, int ahead, const TapWeights &w, int count) {
	const float *from = w.at;
#ifdef BNAS_TENSOR_CORES
#pragma unroll 1
	for (; count > 0; count--, to += ahead, from += w.pitch)
		cp_async16(shared_address(to), global_address(from), true);
	cp_async_commit();
#else
#pragma unroll 1
	for (; count > 0; count--, to += ahead, from += w.pitch)
		*(float4 *)to = *(const float4 *)from;
#endif
}

__device__ __forceinline__ void await_weights() {
#ifdef BNAS_TENSOR_CORES
	cp_async_wait<0>();
#endif
}

template <int W>
__device__ __forceinline__ void put_tile(float *tile, const Tiling &t, int phases, const float (&acc)[PIXELS][4 * W]) {
	const int channel_tile = (int)t.channel_tile;
	const Share share = share_of(t, phases, channel_tile / (4 * W));
#pragma unroll
	for (int j = 0; j < PIXELS; j++) {
		int y = share.fy + phases * (share.y + j * share.step), x = share.fx + phases * share.x;
		if (!share.active || y >= (int)t.tile_h)
			continue;
		float *to = tile + (y * (int)t.tile_w + x) * channel_tile + 4 * share.cg;
#pragma unroll
		for (int h = 0; h < W; h++)
			*(float4 *)(to + h * (channel_tile / W)) = make_float4(acc[j][4 * h], acc[j][4 * h + 1], acc[j][4 * h + 2], acc[j][4 * h + 3]);
	}
}

// Computes the block's tile [P][channel_tile] into `shared`. The patch and the weights use that room before. A Problem is
//   Source source                   the patch is loaded from it
//   int channels()                  K without the taps, a multiple of 8
//   int kernel(), stride()          stride: pixels of the patch from one pixel of the phase to the next
//   bool inside()                   the column of the thread's weights is one of the step's
//   int first(patch)                without phases: the offset of a pixel at tap (0, 0)
//   int tap(patch, ky, kx)          and from there to another tap
//   Share placed(share)             the share for tap(share, …)
//   int tap(share, patch, ky, kx)   with phases: the offset of the thread's pixels at a tap, −1: the tap is not theirs
//   int seek(k, slice, weights)     the thread's weights of the chunk from channel k on at tap 0; returns the channels from k on whose weights
//                                   are beside each other
template <int W, class Problem>
__device__ __forceinline__ void implicit_gemm(float *shared, const Tiling &t, const Patch &patch, Problem &problem, int phases, int image) {
	const int channel_tile = (int)t.channel_tile;
	const Share share = problem.placed(share_of(t, phases, channel_tile / (4 * W)));
	Slice slice = slice_of(channel_tile);
	const int length = row_length<W>(channel_tile), moved = W == 2 && 2 * slice.column >= channel_tile ? (length - channel_tile) / 2 : 0;
	float *const weights = shared + patch.height * patch.width * patch.ld, *const to = weights + slice.row * length + slice.column + moved;
	const int present = 4 * share.cg - slice.row * length - slice.column - moved; // from the float4 that the thread copies to the one it reads
	const int step = share.step * problem.stride() * patch.width * patch.ld * 4;
	const int across = 4 * problem.tap(patch, 0, 1), along = 4 * problem.tap(patch, 1, 0) - (problem.kernel() - 1) * across;
	const SharedAddress mine = shared_address(shared + (share.y * patch.width + share.x) * problem.stride() * patch.ld + (phases > 1 ? 0 : problem.first(patch)));
	if (!problem.inside()) { // its weights remain zeros
		for (int row = slice.row; row < 2 * CHUNK; row += slice.rows)
			*(float4 *)(to + (row - slice.row) * length) = make_float4(0, 0, 0, 0);
		slice.row = 1 << 16;
	}
	float acc[PIXELS][4 * W] = {};
#pragma unroll 1
	for (int first = 0, channels; first < problem.channels(); first += channels) {
		TapWeights w;
		channels = min(patch.ld - 4, problem.seek(first, slice, w));
		const int count = (channels - slice.row + slice.rows - 1) / slice.rows;
		copy_weights(to, slice.rows * length, w, count);
		stage_patch(shared, patch, problem.source, image, first, channels);
		await_weights();
		__syncthreads();
		SharedAddress at = mine;
		int buffer = 0; // the next one
#pragma unroll 1
		for (int ky = 0; ky < problem.kernel(); ky++)
#pragma unroll 1
			for (int kx = 0; kx < problem.kernel(); kx++) {
				const float *const from = to + buffer + present;
				const bool last = kx + 1 == problem.kernel();
				buffer = CHUNK * length - buffer;
				if (!last || ky + 1 < problem.kernel()) {
					w.at += w.next;
					copy_weights(to + buffer, slice.rows * length, w, count);
				}
				const int tap = phases > 1 ? problem.tap(share, patch, ky, kx) : 0;
				if (tap >= 0 && share.active)
					multiply<W>(acc, at + 4 * tap, step, from, length, channels);
				at += phases > 1 ? 0 : last ? along : across;
				await_weights();
				__syncthreads();
			}
	}
	put_tile<W>(shared, t, phases, acc);
	__syncthreads();
}
