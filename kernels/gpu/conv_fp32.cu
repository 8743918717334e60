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
// Shared memory: for four channels, a thread with 8×8 sums loads 8 + 8 float4 for 256 FMAs. That is at most 64
// wavefronts a warp. The FMAs take 64 cycles on a multiprocessor of 128 lanes, and 128 on one of 64 lanes.
//
// Registers: 64 sums, 32 weights in use. Three blocks of 128 threads leave 168 a thread: no spills. What lives on from chunk to chunk is
// few: what all threads know is in shared memory (Plan), and what costs little is computed again.
#include "implicit_gemm.cuh"
#include "store.cuh"
#include "store_gradient.cuh"

struct ForwardProblem {
	const Forward &step;
	GlobalAddress column; // of the thread's first row of tap 0
	int pitch; // 0: outside the step's columns

	__device__ __forceinline__ ForwardProblem(const Forward &s, const Place &at) : step(s), column(0), pitch(0) {
		const Slice slice = slice_of((int)s.tiling.channel_tile);
		if (slice.column >= at.columns)
			return;
		const Output &o = output_of(s, at.column + slice.column);
		pitch = (int)o.pitch;
		column = global_address((const float *)o.weight + (at.column + slice.column - (int)o.column) + slice.row * pitch);
	}
	__device__ __forceinline__ int height() const { return (int)step.in->height; }
	__device__ __forceinline__ int width() const { return (int)step.in->width; }
	__device__ __forceinline__ int way() const { return way_of(*step.in); }
	__device__ __forceinline__ void stage(float *patch, const Patch &p, const Inside &in, int way, i64 pixel, int, int first, int channels) const {
		stage_node(patch, p, in, *step.in, way, image_of(step.tiling), pixel, first, channels);
	}
	__device__ __forceinline__ int channels() const { return (int)step.in->pitch; }
	__device__ __forceinline__ bool whole_chunks() const { return channels() % CHUNK == 0; }
	__device__ __forceinline__ int kernel() const { return (int)step.kernel; }
	__device__ __forceinline__ int phases() const { return 1; }
	__device__ __forceinline__ int stride() const { return (int)step.stride; }
	__device__ __forceinline__ bool inside() const { return pitch > 0; }
	__device__ __forceinline__ int tap(const Patch &p, int, int, int ky, int kx) const { return 4 * (ky * p.width + kx) * (int)step.dilation * p.ld; }
	__device__ __forceinline__ TapWeights begin(int rows) const { return TapWeights{column, 4 * rows * pitch, 4 * channels() * pitch}; }
	__device__ __forceinline__ int value(int) const { return 0; }
	__device__ __forceinline__ void seek(int, int, int, TapWeights &) const {}
	__device__ __forceinline__ int left(int, int k) const { return channels() - k; }
};

struct GradientProblem {
	const Backward &step;
	int y0, x0; // of the tile, with pad added
	int column; // elements from the first weight of a row to the thread's first one; −1: its column is outside

	__device__ __forceinline__ GradientProblem(const Backward &s, const Place &at) : step(s) {
		y0 = at.y0 + (int)s.pad;
		x0 = at.x0 + (int)s.pad;
		const Slice slice = slice_of((int)s.tiling.channel_tile);
		column = slice.column < at.columns ? slice.row * (int)s.in.pitch + at.column + slice.column : -1;
	}
	__device__ __forceinline__ int height() const { return (int)step.height; }
	__device__ __forceinline__ int width() const { return (int)step.width; }
	__device__ __forceinline__ int way() const { return 0; }
	__device__ __forceinline__ void stage(float *patch, const Patch &p, const Inside &in, int, i64 pixel, int value, int first, int channels) const {
		stage_value(patch, p, in, step, step.out[value], image_of(step.tiling), pixel, first, channels);
	}
	__device__ __forceinline__ int channels() const { return (int)step.columns; }
	__device__ __forceinline__ bool whole_chunks() const {
		for (int b = 0; b < step.outs; b++)
			if (step.out[b].pitch % CHUNK != 0)
				return false;
		return true;
	}
	__device__ __forceinline__ int kernel() const { return (int)step.kernel; }
	__device__ __forceinline__ int phases() const { return (int)step.stride; }
	__device__ __forceinline__ int stride() const { return 1; }
	__device__ __forceinline__ bool inside() const { return column >= 0; }
	__device__ __forceinline__ int tap(const Patch &p, int fy, int fx, int ky, int kx) const {
		const int phases = (int)step.stride, dilation = (int)step.dilation;
		const int y = y0 + fy - ky * dilation, x = x0 + fx - kx * dilation;
		if (y % phases != 0 || x % phases != 0)
			return NONE;
		return 4 * ((y / phases - p.y0) * p.width + x / phases - p.x0) * p.ld;
	}
	__device__ __forceinline__ TapWeights begin(int rows) const {
		const int row = 4 * (int)step.in.pitch;
		return TapWeights{global_address((const float *)step.out->weight + column), rows * row, (int)step.out->pitch * row};
	}
	// The value that has a column of the step.
	__device__ __forceinline__ int value(int c) const { return IncomingSource{step}.index(c); }
	__device__ __forceinline__ void seek(int value, int k, int rows, TapWeights &w) const {
		const Incoming *const v = step.out + value;
		if (k == 0 || k != (int)v->column)
			return;
		// The same column and row as in the value before.
		const int row = 4 * (int)step.in.pitch;
		const GlobalAddress end = global_address((const char *)v[-1].weight + v[-1].pitch * row);
		w = TapWeights{global_address(v->weight) + (w.at - end), rows * row, (int)v->pitch * row};
	}
	__device__ __forceinline__ int left(int value, int k) const {
		const Incoming &v = step.out[value];
		return (int)(v.column + v.pitch) - k;
	}
};

extern "C" __global__ void __launch_bounds__(GEMM_THREADS, 3) conv_fp32(const Forward *step, i64 images, i64 stat_images) {
	SHARED(float, shared);
	const Forward &s = *step;
	const Tiling &t = s.tiling;
	Place at = place_of(t, s.columns, s.height, s.width);
	__shared__ Plan plan;
	ForwardProblem problem(s, at);
	if (threadIdx.x == 0)
		plan = plan_of(t, patch_of(s, at.y0, at.x0, patch_rows(t, 1), (int)t.tile_w, chunk_of(s.kernel) + 4), problem, at.image);
	__syncthreads();
	implicit_gemm(shared, t, plan, problem);
	store_values(s, place_of(t, s.columns, s.height, s.width), shared, (int)t.channel_tile, shared + t.tile_h * t.tile_w * t.channel_tile, (int)stat_images);
}

extern "C" __global__ void __launch_bounds__(GEMM_THREADS, 3) conv_fp32_gradient(const Backward *step, i64 images, i64 frozen, i64 sums) {
	SHARED(float, shared);
	const Backward &s = *step;
	const Tiling &t = s.tiling;
	Place at = place_of(t, s.in.pitch, s.in.height, s.in.width);
	__shared__ Plan plan;
	GradientProblem problem(s, at);
	if (threadIdx.x == 0)
		plan = plan_of(t, patch_of(s, at.y0, at.x0, patch_rows(t, (int)s.stride), (int)t.tile_w, chunk_of(s.kernel) + 4), problem, at.image);
	__syncthreads();
	implicit_gemm(shared, t, plan, problem);
	store_gradient(s, place_of(t, s.in.pitch, s.in.height, s.in.width), shared, (int)t.channel_tile, shared + t.tile_h * t.tile_w * t.channel_tile, (int)images, frozen != 0, sums != 0);
}
