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
// Registers: 64 sums, 32 weights in use, 8 addresses of pixels. Three blocks of 128 threads leave 168 a thread: no spills.
#include "implicit_gemm.cuh"
#include "store.cuh"
#include "store_gradient.cuh"

struct ForwardProblem {
	NodeSource source;
	const Forward &step;
	const float *column; // the thread's column of row 0, tap 0
	int pitch; // 0: outside the step's columns

	__device__ __forceinline__ ForwardProblem(const Forward &s, const Place &at) : source{*s.in}, step(s), column(0), pitch(0) {
		const int c = slice_of((int)s.tiling.channel_tile).column;
		if (c >= at.columns)
			return;
		const Output &o = output_of(s, at.column + c);
		pitch = (int)o.pitch;
		column = global((const float *)o.weight) + (at.column + c - (int)o.column);
	}
	__device__ __forceinline__ int channels() const { return (int)step.in->pitch; }
	__device__ __forceinline__ int kernel() const { return (int)step.kernel; }
	__device__ __forceinline__ int stride() const { return (int)step.stride; }
	__device__ __forceinline__ bool inside() const { return pitch > 0; }
	__device__ __forceinline__ int first(const Patch &) const { return 0; }
	__device__ __forceinline__ int tap(const Patch &p, int ky, int kx) const { return (ky * p.width + kx) * (int)step.dilation * p.ld; }
	__device__ __forceinline__ Share placed(Share s) const { return s; }
	__device__ __forceinline__ int tap(const Share &, const Patch &p, int ky, int kx) const { return tap(p, ky, kx); }
	__device__ __forceinline__ int seek(int k, const Slice &slice, TapWeights &w) const {
		w = TapWeights{column + (k + slice.row) * pitch, slice.rows * pitch, channels() * pitch};
		return channels() - k;
	}
};

struct GradientProblem {
	IncomingSource source;
	int y0, x0; // of the tile, with pad added: where tap (0, 0) of its first pixel is
	int column; // of the node, the thread's; −1: outside

	__device__ __forceinline__ GradientProblem(const Backward &s, const Place &at) : source{s} {
		y0 = at.y0 + (int)s.pad;
		x0 = at.x0 + (int)s.pad;
		const int c = slice_of((int)s.tiling.channel_tile).column;
		column = c < at.columns ? at.column + c : -1;
	}
	__device__ __forceinline__ int channels() const { return (int)source.step.columns; }
	__device__ __forceinline__ int kernel() const { return (int)source.step.kernel; }
	__device__ __forceinline__ int stride() const { return 1; }
	__device__ __forceinline__ bool inside() const { return column >= 0; }
	__device__ __forceinline__ int first(const Patch &p) const { return ((y0 - p.y0) * p.width + x0 - p.x0) * p.ld; }
	__device__ __forceinline__ int tap(const Patch &p, int ky, int kx) const { return -(ky * p.width + kx) * (int)source.step.dilation * p.ld; }
	// A share with its phase's first pixel in the padded map.
	__device__ __forceinline__ Share placed(Share s) const {
		s.fy += y0;
		s.fx += x0;
		return s;
	}
	// The offset in the patch from pixel (y, x) to the output at a tap of pixel (fy + phases·y, fx + phases·x) of the tile.
	__device__ __forceinline__ int tap(const Share &s, const Patch &p, int ky, int kx) const {
		const int phases = (int)source.step.stride, dilation = (int)source.step.dilation;
		const int y = s.fy - ky * dilation, x = s.fx - kx * dilation;
		if (y % phases != 0 || x % phases != 0)
			return -1;
		return ((y / phases - p.y0) * p.width + x / phases - p.x0) * p.ld;
	}
	__device__ __forceinline__ int seek(int k, const Slice &slice, TapWeights &w) const {
		const Incoming &v = source.value(k);
		const int pitch = (int)source.step.in.pitch, own = k - (int)v.column;
		w = TapWeights{global((const float *)v.weight) + (own + slice.row) * pitch + column, slice.rows * pitch, (int)v.pitch * pitch};
		return (int)v.pitch - own;
	}
};

extern "C" __global__ void __launch_bounds__(GEMM_THREADS, 3) conv_fp32(const Forward *step, i64 images, i64 stat_images) {
	SHARED(float, shared);
	const Forward &s = *step;
	const Tiling &t = s.tiling;
	Place at = place_of(t, s.columns, s.height, s.width);
	__shared__ Patch patch; // it would take registers of each thread
	if (threadIdx.x == 0)
		patch = patch_of(s, at.y0, at.x0, patch_rows(t, 1), (int)t.tile_w, chunk_of(s.kernel) + 4);
	__syncthreads();
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
	__shared__ Patch patch;
	if (threadIdx.x == 0)
		patch = patch_of(s, at.y0, at.x0, patch_rows(t, (int)s.stride), (int)t.tile_w, chunk_of(s.kernel) + 4);
	__syncthreads();
	GradientProblem problem(s, at);
	if (wide(t, (int)s.stride))
		implicit_gemm<2>(shared, t, patch, problem, (int)s.stride, at.image);
	else
		implicit_gemm<1>(shared, t, patch, problem, (int)s.stride, at.image);
	store_gradient(s, place_of(t, s.in.pitch, s.in.height, s.in.width), shared, (int)t.channel_tile, shared + t.tile_h * t.tile_w * t.channel_tile, (int)images, frozen != 0, sums != 0);
}
