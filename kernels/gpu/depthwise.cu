// Depthwise convolutions and the gradients of their inputs: bound by memory.
//
//   y_b[c, p] = Σ_k w_b[c, k] · u[c, p·stride − pad + k·dilation]                u = act(node), y_b of branch b
//   du[c, q]  = Σ_b Σ_k w_b[c, k] · dy_b[c, p]                                  p·stride − pad + k·dilation = q
//
// Layout: maps are NHWC. Weights are [tap][channel] (pack.cu, form 2). A column of the step is a channel of a branch,
// and the same channel of u.
//
// A block stages the patch of its pixels and channel tile in shared memory and transforms each value once there. A
// thread has a run of 4 pixels in a row × 4 channels. With stride 1 it keeps the run's K + 3 inputs of a row in
// registers: 3×3 taps cost 4·6/4 + 9/4 float4 loads for a pixel's four channels. Eight threads read 128 neighbouring
// bytes: no conflict.
//
// DRAM: u (its halo from L2) is read once, y is written once. 3×3 has 18 FLOP for 8 bytes, far below the FMA units of
// any GPU. Weights come through the first-level cache.
#include "patch.cuh"
#include "store.cuh"
#include "store_gradient.cuh"

enum { RUN = 4, DIRECT_THREADS = 256 };

// A thread's pixels (y, x) … (y, x + 3) and channels c … c + 3 of the tile. active: it has some.
struct Run {
	int y, x, c;
	bool active;
};

__device__ __forceinline__ Run run_of(const Tiling &t, int columns) {
	const int groups = (int)t.channel_tile / 4, across = ((int)t.tile_w + RUN - 1) / RUN, n = threadIdx.x / groups;
	Run r = {n / across, n % across * RUN, (int)threadIdx.x % groups * 4, false};
	r.active = r.y < (int)t.tile_h && r.c < columns;
	return r;
}

__device__ __forceinline__ float4 multiply_add(float4 a, float4 b, float4 c) {
	return make_float4(fmaf(a.x, b.x, c.x), fmaf(a.y, b.y, c.y), fmaf(a.z, b.z, c.z), fmaf(a.w, b.w, c.w));
}

// The weight's tap for the patch's tap (ky, kx): the same one forward, the mirrored one backward.
__device__ __forceinline__ int tap_of(int ky, int kx, int kernel, bool mirrored) {
	int tap = ky * kernel + kx;
	return mirrored ? kernel * kernel - 1 - tap : tap;
}

// sum[j] += Σ_k w[k] · patch[run + j at k], K×K taps, stride 1, dilation 1. `patch` points to the run's first input.
template <int K>
__device__ __forceinline__ void slide(float4 (&sum)[RUN], const float *patch, int row, int ld, const float *w, int pitch, bool mirrored) {
#pragma unroll 1
	for (int ky = 0; ky < K; ky++) {
		float4 u[RUN + K - 1];
#pragma unroll
		for (int i = 0; i < RUN + K - 1; i++)
			u[i] = *(const float4 *)(patch + ky * row + i * ld);
#pragma unroll
		for (int kx = 0; kx < K; kx++) {
			float4 a = *(const float4 *)(w + tap_of(ky, kx, K, mirrored) * pitch);
#pragma unroll
			for (int j = 0; j < RUN; j++)
				sum[j] = multiply_add(a, u[j + kx], sum[j]);
		}
	}
}

// The same for any window: pixel j's input at tap (ky, kx) is j·step + kx·dilation pixels from the run's.
__device__ __forceinline__ void gather(float4 (&sum)[RUN], const float *patch, int row, int ld, int kernel, int step, int dilation, const float *w, int pitch, bool mirrored) {
	for (int ky = 0; ky < kernel; ky++)
		for (int kx = 0; kx < kernel; kx++) {
			float4 a = *(const float4 *)(w + tap_of(ky, kx, kernel, mirrored) * pitch);
#pragma unroll
			for (int j = 0; j < RUN; j++)
				sum[j] = multiply_add(a, *(const float4 *)(patch + ky * dilation * row + (j * step + kx * dilation) * ld), sum[j]);
		}
}

// u as the columns of the step have it: once a branch.
struct BranchSource {
	const Forward &step;
	__device__ __forceinline__ int height() const { return (int)step.in->height; }
	__device__ __forceinline__ int width() const { return (int)step.in->width; }
	__device__ __forceinline__ NodeChannel at(int c) const { return NodeChannel{*step.in, c - (int)output_of(step, c).column}; }
};

// The width of the patch's tile: whole runs. No thread then asks where its pixels end.
__device__ __forceinline__ int whole_runs(const Tiling &t) { return ((int)t.tile_w + RUN - 1) / RUN * RUN; }

__device__ __forceinline__ void put_run(float *tile, const Tiling &t, const Run &r, const float4 (&sum)[RUN]) {
	__syncthreads();
#pragma unroll
	for (int j = 0; j < RUN; j++)
		if (r.active && r.x + j < (int)t.tile_w)
			*(float4 *)(tile + (r.y * (int)t.tile_w + r.x + j) * (int)t.channel_tile + r.c) = sum[j];
	__syncthreads();
}

// Slides over the patch with the window's taps in the patch's order.
__device__ __forceinline__ void slide_any(float4 (&sum)[RUN], const float *patch, int row, int ld, int kernel, int step, int dilation, const float *w, int pitch, bool mirrored) {
	bool plain = step == 1 && dilation == 1;
	if (plain && kernel == 3)
		slide<3>(sum, patch, row, ld, w, pitch, mirrored);
	else if (plain && kernel == 5)
		slide<5>(sum, patch, row, ld, w, pitch, mirrored);
	else if (plain && kernel == 7)
		slide<7>(sum, patch, row, ld, w, pitch, mirrored);
	else
		gather(sum, patch, row, ld, kernel, step, dilation, w, pitch, mirrored);
}

extern "C" __global__ void __launch_bounds__(DIRECT_THREADS, 2) depthwise(const Forward *step, i64 images, i64 stat_images) {
	SHARED(float, shared);
	const Forward &s = *step;
	const Tiling &t = s.tiling;
	Place at = place_of(t, s.columns, s.height, s.width);
	Patch patch = patch_of(s, at.y0, at.x0, (int)t.tile_h, whole_runs(t), (int)t.channel_tile + 4);
	stage_patch(shared, patch, BranchSource{s}, at.image, at.column, at.columns);
	__syncthreads();
	float4 sum[RUN] = {};
	Run r = run_of(t, at.columns);
	if (r.active) {
		const Output &o = output_of(s, at.column + r.c);
		const float *w = (const float *)o.weight + at.column + r.c - o.column;
		slide_any(sum, shared + (r.y * patch.width + r.x) * (int)s.stride * patch.ld + r.c, patch.width * patch.ld, patch.ld,
			(int)s.kernel, (int)s.stride, (int)s.dilation, w, (int)o.pitch, false);
	}
	put_run(shared, t, r, sum);
	store_values(s, at, shared, (int)t.channel_tile, shared + t.tile_h * t.tile_w * t.channel_tile, (int)stat_images);
}

// The gradients of a run's inputs with stride > 1: an input i has only the taps k for which the stride divides
// i + pad − k·dilation.
__device__ __forceinline__ void gather_strided(float4 (&sum)[RUN], const Backward &s, const Place &at, const Patch &p, const Run &r, const float *patch, const float *w) {
	const int kernel = (int)s.kernel, stride = (int)s.stride, dilation = (int)s.dilation, pitch = (int)s.in.pitch;
	for (int ky = 0; ky < kernel; ky++) {
		int y = at.y0 + r.y + (int)s.pad - ky * dilation;
		if (y % stride != 0)
			continue;
		for (int kx = 0; kx < kernel; kx++) {
			float4 a = *(const float4 *)(w + (ky * kernel + kx) * pitch);
#pragma unroll
			for (int j = 0; j < RUN; j++) {
				int x = at.x0 + r.x + j + (int)s.pad - kx * dilation;
				if (x % stride == 0)
					sum[j] = multiply_add(a, *(const float4 *)(patch + ((y / stride - p.y0) * p.width + x / stride - p.x0) * p.ld), sum[j]);
			}
		}
	}
}

extern "C" __global__ void __launch_bounds__(DIRECT_THREADS, 2) depthwise_gradient(const Backward *step, i64 images, i64 frozen, i64 sums) {
	SHARED(float, shared);
	const Backward &s = *step;
	const Tiling &t = s.tiling;
	Place at = place_of(t, s.in.pitch, s.in.height, s.in.width);
	Patch patch = patch_of(s, at.y0, at.x0, (int)t.tile_h, whole_runs(t), (int)t.channel_tile + 4);
	float4 sum[RUN] = {};
	Run r = run_of(t, at.columns);
	for (int b = 0; b < s.outs; b++) {
		const Incoming &v = s.out[b];
		if (v.sources == 0)
			continue;
		__syncthreads();
		stage_patch(shared, patch, IncomingSource{s}, at.image, (int)v.column + at.column, at.columns);
		__syncthreads();
		if (!r.active)
			continue;
		const float *w = (const float *)v.weight + at.column + r.c;
		if (s.stride == 1)
			slide_any(sum, shared + (r.y * patch.width + r.x) * patch.ld + r.c, patch.width * patch.ld, patch.ld,
				(int)s.kernel, 1, (int)s.dilation, w, (int)v.pitch, true);
		else
			gather_strided(sum, s, at, patch, r, shared + r.c, w);
	}
	put_run(shared, t, r, sum);
	store_gradient(s, at, shared, (int)t.channel_tile, shared + t.tile_h * t.tile_w * t.channel_tile, (int)images, frozen != 0, sums != 0);
}
