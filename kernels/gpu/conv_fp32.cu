// Convolutions in fp32 on FMA units, and the gradients of their inputs: implicit GEMMs (implicit_gemm.cuh).
//
//   y_b[o, p]  = Σ_i Σ_k w_b[o, i, k] · u[i, p·stride − pad + k·dilation]         u = act(node), y_b of branch b
//   du[i, q]   = Σ_b Σ_o Σ_k w_b[o, i, k] · dy_b[o, p]                            p·stride − pad + k·dilation = q
//
// Layout: maps are NHWC. Weights are packed [tap][in][out] forward and [tap][out][in] backward (pack.cu, forms 0 and
// 1), with pitches of 8. Siblings are one GEMM. Forward, their columns stand side by side, and u is read once.
// Backward, their columns follow each other along K, and du is written once.
//
// DRAM: a channel tile reads u once (its halo mostly from L2) and writes y once. Weights come from L2: a block of P
// pixels reads taps·K·channel_tile floats, 1/P of a float a multiplication. For 32×32 maps, 16 channels and 48 columns,
// an image is 0.27 MB and 14 MFLOP, 53 FLOP a byte: bound by FMA on every GPU.
//
// Shared memory: for two channels, a thread with 8×8 sums loads 4 float4 and 8 float2 for 128 FMAs. That is at most 32
// wavefronts a warp. The FMAs take 32 cycles on a multiprocessor of 128 lanes, and 64 on one of 64 lanes.
//
// Registers: 64 sums, 16 weights in use and 8 on their way. Three blocks of 128 threads leave 168 a thread: no spills.
#include "implicit_gemm.cuh"
#include "store.cuh"
#include "store_gradient.cuh"

struct ForwardProblem {
	NodeSource source;
	int channels, kernel, stride, dilation;
	const float *row[2]; // of the thread's float4s
	int pitch[2]; // 0: outside the step's columns

	__device__ __forceinline__ ForwardProblem(const Forward &s, const Place &at) : source{*s.in} {
		channels = (int)s.in->pitch;
		kernel = (int)s.kernel;
		stride = (int)s.stride;
		dilation = (int)s.dilation;
		Slice slice = slice_of((int)s.tiling.channel_tile);
#pragma unroll
		for (int i = 0; i < 2; i++) {
			pitch[i] = 0;
			row[i] = 0;
			if (slice.at[i] < 0 || slice.column[i] >= at.columns)
				continue;
			const Output &o = output_of(s, at.column + slice.column[i]);
			pitch[i] = (int)o.pitch;
			row[i] = global((const float *)o.weight) + slice.row[i] * pitch[i] + (at.column + slice.column[i] - (int)o.column);
		}
	}
	__device__ __forceinline__ int tap(const Share &, const Patch &p, int ky, int kx) const {
		return (ky * p.width + kx) * dilation * p.ld;
	}
	__device__ __forceinline__ void seek(int) {}
	__device__ __forceinline__ float4 weight(int i, int tap, int k) const {
		return pitch[i] ? *(const float4 *)(row[i] + (tap * channels + k) * pitch[i]) : make_float4(0, 0, 0, 0);
	}
};

struct GradientProblem {
	IncomingSource source;
	int channels, kernel, stride;
	int y0, x0; // of the tile, with pad added: where tap (0, 0) of its first pixel is
	int offset[2]; // of the thread's float4s in [DEPTH][in], −1: outside the node's channels
	int pitch; // of the node
	const float *value; // weights [tap][size / pitch][pitch] of the value that holds the channels sought, less its columns
	int size, begin, end; // begin, end: the value's columns

	__device__ __forceinline__ GradientProblem(const Backward &s, const Place &at) : source{s} {
		channels = (int)s.columns;
		kernel = (int)s.kernel;
		stride = 1;
		pitch = (int)s.in.pitch;
		begin = end = 0;
		y0 = at.y0 + (int)s.pad;
		x0 = at.x0 + (int)s.pad;
		Slice slice = slice_of((int)s.tiling.channel_tile);
#pragma unroll
		for (int i = 0; i < 2; i++)
			offset[i] = slice.at[i] >= 0 && slice.column[i] < at.columns ? slice.row[i] * pitch + at.column + slice.column[i] : -1;
	}
	// The offset in the patch from pixel (y, x) to the output at a tap of pixel (fy + phases·y, fx + phases·x) of the tile.
	// Stride and dilation are read for each tap: kept, they would take registers all along.
	__device__ __forceinline__ int tap(const Share &s, const Patch &p, int ky, int kx) const {
		const int phases = (int)source.step.stride, dilation = (int)source.step.dilation;
		int y = y0 + s.fy - ky * dilation, x = x0 + s.fx - kx * dilation;
		if (phases > 1) {
			if (y % phases != 0 || x % phases != 0)
				return -1;
			y /= phases;
			x /= phases;
		}
		return ((y - p.y0) * p.width + x - p.x0) * p.ld;
	}
	__device__ __forceinline__ void seek(int k) {
		if (k >= begin && k < end)
			return;
		const Incoming &v = source.value(k);
		begin = (int)v.column;
		end = begin + (int)v.pitch;
		value = global((const float *)v.weight) - v.column * pitch;
		size = (int)v.pitch * pitch;
	}
	__device__ __forceinline__ float4 weight(int i, int tap, int k) const {
		return offset[i] >= 0 ? *(const float4 *)(value + tap * size + k * pitch + offset[i]) : make_float4(0, 0, 0, 0);
	}
};

extern "C" __global__ void __launch_bounds__(GEMM_THREADS, 3) conv_fp32(const Forward *step, i64 images, i64 stat_images) {
	SHARED(float, shared);
	const Forward &s = *step;
	const Tiling &t = s.tiling;
	Place at = place_of(t, s.columns, s.height, s.width);
	Patch patch = patch_of(s, at.y0, at.x0, patch_rows(t, 1), (int)t.tile_w, chunk_of(s.kernel) + 4);
	ForwardProblem problem(s, at);
	if (wide(t, 1))
		implicit_gemm<2>(shared, t, patch, problem, 1, at.image);
	else
		implicit_gemm<1>(shared, t, patch, problem, 1, at.image);
	store_values(s, place_of(t, s.columns, s.height, s.width), shared, (int)t.channel_tile, shared + t.tile_h * t.tile_w * t.channel_tile, (int)stat_images);
}

extern "C" __global__ void __launch_bounds__(GEMM_THREADS, 3) conv_fp32_gradient(const Backward *step, i64 images, i64 frozen, i64 sums) {
	SHARED(float, shared);
	const Backward &s = *step;
	const Tiling &t = s.tiling;
	Place at = place_of(t, s.in.pitch, s.in.height, s.in.width);
	Patch patch = patch_of(s, at.y0, at.x0, patch_rows(t, (int)s.stride), (int)t.tile_w, chunk_of(s.kernel) + 4);
	GradientProblem problem(s, at);
	if (wide(t, (int)s.stride))
		implicit_gemm<2>(shared, t, patch, problem, (int)s.stride, at.image);
	else
		implicit_gemm<1>(shared, t, patch, problem, (int)s.stride, at.image);
	store_gradient(s, place_of(t, s.in.pitch, s.in.height, s.in.width), shared, (int)t.channel_tile, shared + t.tile_h * t.tile_w * t.channel_tile, (int)images, frozen != 0, sums != 0);
}
