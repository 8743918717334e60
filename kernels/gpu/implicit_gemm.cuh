// The main loop of the fp32 convolutions: an implicit GEMM in registers.
//
//   tile[p][c] = Σ_tap Σ_k patch[p at tap][k] · weight[tap][k][c]
//
// A block has the P pixels of a tile and a channel tile. K = taps × channels runs in chunks of CHUNK (or CHUNK_1x1)
// channels. A chunk's patch is staged once for all taps and columns. Its weights come in steps, DEPTH channels of one
// tap. There are two buffers for steps: the next one is fetched into registers while the present one is used.
//
// A thread has PIXELS pixels × 4·W columns. Its columns are the 4-column group cg and, with W = 2, another one half a
// channel tile further: neighbouring threads read neighbouring float4s of weights. Its pixels are of one column of the
// tile, y + j·step: neighbouring threads read neighbouring pixels (patch.cuh), and one offset leads to the next pixel.
// Neither conflicts. With W = 2, a thread loads 4 float4s of weights and 8 float2s of the patch for the 128
// multiplications of two channels; weights of four channels at once would need the registers of the third block. With
// W = 1 it loads 4 and 8 float4s for the 128 multiplications of four channels.
//
// Input gradients of stride s: an input pixel has only the taps k for which s divides i + pad − k·dilation. Pixels are
// sorted by phase, (y mod s, x mod s). A warp then has one phase and skips the other taps together.
#pragma once
#include "patch.cuh"
#include "block.cuh"

enum { PIXELS = 8, DEPTH = 8, CHUNK = 16, CHUNK_1x1 = 32, GEMM_THREADS = 128 };

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

// Neighbouring channels of a pixel.
template <int N> struct Channels;
template <> struct Channels<2> {
	float2 u;
	__device__ __forceinline__ explicit Channels(const float *at) : u(*(const float2 *)at) {}
	__device__ __forceinline__ float operator[](int i) const { return i == 0 ? u.x : u.y; }
};
template <> struct Channels<4> {
	float4 u;
	__device__ __forceinline__ explicit Channels(const float *at) : u(*(const float4 *)at) {}
	__device__ __forceinline__ float operator[](int i) const { return i < 2 ? (i == 0 ? u.x : u.y) : (i == 2 ? u.z : u.w); }
};

// acc += patch · weights for DEPTH channels of one tap, two at once, or four where there are 4 columns a thread.
template <int W>
__device__ __forceinline__ void multiply(float (&acc)[PIXELS][4 * W], const float *patch, int step, const float *weights, int channel_tile) {
	constexpr int ONCE = W == 1 ? 4 : 2, COPIES = W == 1 ? DEPTH / ONCE : 1; // of the loop's body
#pragma unroll COPIES
	for (int k = 0; k < DEPTH; k += ONCE) {
		float4 w[ONCE][W];
#pragma unroll
		for (int i = 0; i < ONCE; i++, weights += channel_tile)
#pragma unroll
			for (int h = 0; h < W; h++)
				w[i][h] = *(const float4 *)(weights + h * (channel_tile / W));
		const float *pixel = patch + k;
#pragma unroll
		for (int j = 0; j < PIXELS; j++, pixel += step) {
			const Channels<ONCE> u(pixel);
#pragma unroll
			for (int h = 0; h < W; h++)
#pragma unroll
				for (int i = 0; i < ONCE; i++)
					add_scaled(acc[j] + 4 * h, u[i], w[i][h]);
		}
	}
}

// A thread's weights of a step: float4s threadIdx.x and threadIdx.x + blockDim.x of [DEPTH][channel_tile].
struct Slice {
	int at[2]; // in the buffer, −1: none
	int row[2], column[2];
};

__device__ __forceinline__ Slice slice_of(int channel_tile) {
	Slice s;
#pragma unroll
	for (int i = 0; i < 2; i++) {
		int n = threadIdx.x + i * blockDim.x, groups = channel_tile / 4;
		s.at[i] = n < DEPTH * groups ? 4 * n : -1;
		s.row[i] = n / groups;
		s.column[i] = n % groups * 4;
	}
	return s;
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
//   int channels                    K without the taps, a multiple of 8
//   int kernel, stride              stride: pixels of the patch from one pixel of the phase to the next
//   int tap(share, patch, ky, kx)   the offset of the thread's pixels at a tap, −1: the tap is not theirs
//   void seek(k)                    all threads, before the weights of channels [k, k + DEPTH) are loaded
//   float4 weight(i, tap, k)        the thread's i-th float4 of them, of Slice
template <int W, class Problem>
__device__ __forceinline__ void implicit_gemm(float *shared, const Tiling &t, const Patch &patch, Problem &problem, int phases, int image) {
	const int channel_tile = (int)t.channel_tile, chunk = patch.ld - 4, kernel = problem.kernel;
	const Share share = share_of(t, phases, channel_tile / (4 * W));
	const Slice slice = slice_of(channel_tile);
	float *weights = shared + patch.height * patch.width * patch.ld;
	float acc[PIXELS][4 * W] = {};
	const int step = share.step * problem.stride * patch.width * patch.ld;
	const float *mine = shared + (share.y * patch.width + share.x) * problem.stride * patch.ld;
#pragma unroll 1
	for (int first = 0; first < problem.channels; first += chunk) {
		const int channels = min(chunk, problem.channels - first), last = first + channels;
		stage_patch(shared, patch, problem.source, image, first, channels);
		problem.seek(first);
#pragma unroll
		for (int i = 0; i < 2; i++)
			if (slice.at[i] >= 0)
				*(float4 *)(weights + slice.at[i]) = problem.weight(i, 0, first);
		__syncthreads();
		int buffer = 0;
		for (int ky = 0; ky < kernel; ky++)
			for (int kx = 0; kx < kernel; kx++) {
				const int tap = problem.tap(share, patch, ky, kx);
#pragma unroll 1
				for (int k = first; k < last; k += DEPTH, buffer ^= 1) {
					int next = k + DEPTH < last ? k + DEPTH : first, at = ky * kernel + kx + (next == first);
					const bool more = at < kernel * kernel;
					float4 w[2];
					if (more) {
						problem.seek(next);
#pragma unroll
						for (int i = 0; i < 2; i++)
							if (slice.at[i] >= 0)
								w[i] = problem.weight(i, at, next);
					}
					if (tap >= 0 && share.active)
						multiply<W>(acc, mine + tap + (k - first), step, weights + buffer * DEPTH * channel_tile + 4 * share.cg, channel_tile);
					if (more)
#pragma unroll
						for (int i = 0; i < 2; i++)
							if (slice.at[i] >= 0)
								*(float4 *)(weights + (buffer ^ 1) * DEPTH * channel_tile + slice.at[i]) = w[i];
					__syncthreads();
				}
			}
	}
	put_tile<W>(shared, t, phases, acc);
	__syncthreads();
}
