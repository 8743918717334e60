// Depthwise convolutions and the gradients of their inputs: bound by memory.
//
//   y_b[c, p] = Σ_k w_b[c, k] · u[c, p·stride − pad + k·dilation]                u = act(node), y_b of branch b
//   du[c, q]  = Σ_b Σ_k w_b[c, k] · dy_b[c, p]                                  p·stride − pad + k·dilation = q
//
// Layout: maps are NHWC. Weights are [tap][channel] (pack.cu, form 2). A column of the step is a channel of a branch,
// and the same channel of u.
//
// A block stages the patch of its pixels and channel tile in shared memory and transforms each value once there. A
// thread has a run of 4 pixels in a row × 4 channels. With most windows it keeps the run's inputs of a row in registers: 3×3
// taps of stride 1 cost 3·6/4 + 9/4 float4 loads for a pixel's four channels. Eight threads read 128 neighbouring bytes: no conflict.
//
// DRAM: u (its halo from L2) is read once, y is written once. 3×3 has 18 FLOP for 8 bytes, far below the FMA units of
// any GPU. Weights come through the first-level cache.
#include "gemm_patch.cuh"
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

// A run's inputs and weights.
struct RunTaps {
	const float *patch; // the input of the run's first pixel at the first tap
	int row, ld;        // from row to row and from pixel to pixel of the patch
	const float *weight;
	int pitch; // from tap to tap
	int kernel;
	bool mirrored; // the patch's tap (ky, kx) has the weight of the mirrored one: backward

	__device__ __forceinline__ float4 input(int y, int x) const { return *(const float4 *)(patch + y * row + x * ld); }
	__device__ __forceinline__ float4 weight_of(int tap) const {
		return *(const float4 *)(weight + (mirrored ? kernel * kernel - 1 - tap : tap) * pitch);
	}
};

// sum[j] += Σ_k w[k] · input[j at k], K×K taps: pixel j's input at tap (ky, kx) is j·STEP + kx·DILATION pixels from the run's.
template <int K, int STEP, int DILATION> __device__ __forceinline__ void slide(float4 (&sum)[RUN], const RunTaps &taps) {
	constexpr int INPUTS = (RUN - 1) * STEP + (K - 1) * DILATION + 1;
#pragma unroll 1
	for (int ky = 0; ky < K; ky++) {
		float4 u[INPUTS];
#pragma unroll
		for (int i = 0; i < INPUTS; i++)
			if (STEP == 1 || DILATION == 1 || i % 2 == 0) // where both are 2, no pixel has the others
				u[i] = taps.input(ky * DILATION, i);
#pragma unroll
		for (int kx = 0; kx < K; kx++) {
			const float4 a = taps.weight_of(ky * K + kx);
#pragma unroll
			for (int j = 0; j < RUN; j++)
				sum[j] = multiply_add(a, u[j * STEP + kx * DILATION], sum[j]);
		}
	}
}

// The same for any window.
__device__ __forceinline__ void gather(float4 (&sum)[RUN], const RunTaps &taps, int step, int dilation) {
	for (int ky = 0; ky < taps.kernel; ky++)
		for (int kx = 0; kx < taps.kernel; kx++) {
			const float4 a = taps.weight_of(ky * taps.kernel + kx);
#pragma unroll
			for (int j = 0; j < RUN; j++)
				sum[j] = multiply_add(a, taps.input(ky * dilation, j * step + kx * dilation), sum[j]);
		}
}

// Zeros, if the patch has pixels outside the map.
__device__ __forceinline__ void clear_outside(float *shared, const Patch &patch, const Inside &in) {
	if (!fills(in, patch))
		clear_patch(shared_address(shared), patch);
}

// u as the columns of the step have it: once a branch.
struct BranchSource {
	const Forward &step;
	__device__ __forceinline__ int height() const { return (int)step.in->height; }
	__device__ __forceinline__ int width() const { return (int)step.in->width; }
	__device__ __forceinline__ NodeChannel at(int c) const { return NodeChannel{*step.in, c - (int)output_of(step, c).column}; }
};

// Stages the patch of the step's input for the columns of a block. The pixels outside the map are zeros.
__device__ __forceinline__ void stage_input(float *shared, const Patch &patch, const Forward &s, const Place &at) {
	const Node &n = *s.in;
	const int way = way_of(n);
	if (way == 0)
		return stage_patch(shared, patch, BranchSource{s}, at.image, at.column, at.columns);
	const Inside in = inside_of(patch, (int)n.height, (int)n.width);
	clear_outside(shared, patch, in);
	__syncthreads();
	const Quarter q(at.columns);
	const int c = at.column + q.channel;
	if (q.channel < at.columns && in.width > 0)
		stage_channels(shared, patch, in, n, way, at.image, (i64)at.image * n.height * n.width, q, c - (int)output_of(s, c).column);
}

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
__device__ __forceinline__ void slide_any(float4 (&sum)[RUN], const RunTaps &taps, int step, int dilation) {
	if (step == 1 && dilation == 1) {
		if (taps.kernel == 3)
			return slide<3, 1, 1>(sum, taps);
		if (taps.kernel == 5)
			return slide<5, 1, 1>(sum, taps);
		if (taps.kernel == 7)
			return slide<7, 1, 1>(sum, taps);
	} else if (step == 2 && dilation == 1) {
		if (taps.kernel == 3)
			return slide<3, 2, 1>(sum, taps);
		if (taps.kernel == 5)
			return slide<5, 2, 1>(sum, taps);
	} else if (step == 1 && dilation == 2) {
		if (taps.kernel == 3)
			return slide<3, 1, 2>(sum, taps);
		if (taps.kernel == 5)
			return slide<5, 1, 2>(sum, taps);
	} else if (step == 2 && dilation == 2) {
		if (taps.kernel == 3)
			return slide<3, 2, 2>(sum, taps);
		if (taps.kernel == 5)
			return slide<5, 2, 2>(sum, taps);
	}
	gather(sum, taps, step, dilation);
}

extern "C" __global__ void __launch_bounds__(DIRECT_THREADS, 2) depthwise(const Forward *step, i64 images, i64 stat_images) {
	SHARED(float, shared);
	const Forward &s = *step;
	const Tiling &t = s.tiling;
	Place at = place_of(t, s.columns, s.height, s.width);
	Patch patch = patch_of(s, at.y0, at.x0, (int)t.tile_h, whole_runs(t), (int)t.channel_tile + 4);
	stage_input(shared, patch, s, at);
	__syncthreads();
	float4 sum[RUN] = {};
	Run r = run_of(t, at.columns);
	if (r.active) {
		const Output &o = output_of(s, at.column + r.c);
		const float *w = (const float *)o.weight + at.column + r.c - o.column;
		const RunTaps taps = {shared + (r.y * patch.width + r.x) * (int)s.stride * patch.ld + r.c, patch.width * patch.ld, patch.ld,
			w, (int)o.pitch, (int)s.kernel, false};
		slide_any(sum, taps, (int)s.stride, (int)s.dilation);
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

// The same with stride 2: a tap has pixels 0 and 2 of the run, or 1 and 3.
__device__ __forceinline__ void gather_halved(float4 (&sum)[RUN], const Backward &s, const Place &at, const Patch &p, const Run &r, const float *patch, const float *w) {
	const int kernel = (int)s.kernel, dilation = (int)s.dilation, pitch = (int)s.in.pitch;
	int y = at.y0 + r.y + (int)s.pad;
#pragma unroll 1
	for (int ky = 0; ky < kernel; ky++, y -= dilation, w += kernel * pitch) {
		if (y & 1)
			continue;
		const float *row = patch + (((y >> 1) - p.y0) * p.width - p.x0) * p.ld, *weight = w;
		int x = at.x0 + r.x + (int)s.pad;
#pragma unroll 1
		for (int left = kernel; left > 0; left--, x -= dilation, weight += pitch) {
			const float4 a = *(const float4 *)weight;
			const float *from = row + ((x + 1) >> 1) * p.ld;
			const float4 one = *(const float4 *)from, other = *(const float4 *)(from + p.ld);
			if (x & 1) {
				sum[1] = multiply_add(a, one, sum[1]);
				sum[3] = multiply_add(a, other, sum[3]);
			} else {
				sum[0] = multiply_add(a, one, sum[0]);
				sum[2] = multiply_add(a, other, sum[2]);
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
	clear_outside(shared, patch, inside_of(patch, (int)s.height, (int)s.width));
	float4 sum[RUN] = {};
	Run r = run_of(t, at.columns);
	for (int b = 0; b < s.outs; b++) {
		const Incoming &v = s.out[b];
		if (v.sources == 0)
			continue;
		__syncthreads();
		stage_value(shared, patch, inside_of(patch, (int)s.height, (int)s.width), s, v, at.image, (i64)at.image * s.height * s.width, (int)v.column + at.column, at.columns);
		__syncthreads();
		if (!r.active)
			continue;
		const float *w = (const float *)v.weight + at.column + r.c;
		if (s.stride == 1) {
			const RunTaps taps = {shared + (r.y * patch.width + r.x) * patch.ld + r.c, patch.width * patch.ld, patch.ld, w, (int)v.pitch, (int)s.kernel, true};
			slide_any(sum, taps, 1, (int)s.dilation);
		} else if (s.stride == 2)
			gather_halved(sum, s, at, patch, r, shared + r.c, w);
		else
			gather_strided(sum, s, at, patch, r, shared + r.c, w);
	}
	put_run(shared, t, r, sum);
	store_gradient(s, at, shared, (int)t.channel_tile, shared + t.tile_h * t.tile_w * t.channel_tile, (int)images, frozen != 0, sums != 0);
}
