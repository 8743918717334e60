// Grouped convolutions, 1 < groups < channels, and the gradients of their inputs: plain loops.
//
//   y_b[o, p]  = Σ_{i in o's group} Σ_k w_b[o, i, k] · u[i, p·stride − pad + k·dilation]
//   du[i, q]   = Σ_b Σ_{o in i's group} Σ_k w_b[o, i, k] · dy_b[o, p]                p·stride − pad + k·dilation = q
//
// Layout: maps are NHWC. Weights are [out][in / groups][kernel][kernel], as the store has them. Groups begin at any
// channel. A thread therefore has one column of one pixel at a time and loads what it needs from the maps. Neighbouring
// threads have neighbouring columns: those of a group read the same u, from the first-level cache. There is no patch;
// only the tile is in shared memory. Few networks have such convolutions, so the kernel is simple rather than fast.
#include "plain.cuh"
#include "store.cuh"
#include "store_gradient.cuh"

enum { GROUPED_THREADS = 256 };

// The groups of one value: its outputs and inputs a group, and the index of a weight.
struct Groups {
	int outs, ins, kernel;
	__device__ __forceinline__ int weight(int o, int i, int ky, int kx) const { return ((o * ins + i % ins) * kernel + ky) * kernel + kx; }
};

__device__ __forceinline__ float grouped_value(const Forward &s, int image, int y, int x, int column) {
	const Output &v = output_of(s, column);
	const int o = column - (int)v.column;
	if (o >= v.channels)
		return 0;
	const Node &in = *s.in;
	Groups g = {(int)(v.channels / s.groups), (int)(in.channels / s.groups), (int)s.kernel};
	const float *w = (const float *)v.weight;
	const int first = o / g.outs * g.ins, end = first + g.ins;
	float sum = 0;
	for (int ky = 0; ky < g.kernel; ky++)
		for (int kx = 0; kx < g.kernel; kx++) {
			int iy = y * (int)s.stride - (int)s.pad + ky * (int)s.dilation, ix = x * (int)s.stride - (int)s.pad + kx * (int)s.dilation;
			if (iy < 0 || iy >= in.height || ix < 0 || ix >= in.width)
				continue;
			i64 pixel = ((i64)image * in.height + iy) * in.width + ix;
			for (int c = first / 4 * 4; c < end; c += 4) {
				float4 u = load_node(in, image, pixel * in.pitch + c, c);
				for (int i = max(c, first); i < min(c + 4, end); i++)
					sum = fmaf(w[g.weight(o, i, ky, kx)], component(u, i - c), sum);
			}
		}
	return sum;
}

__device__ __forceinline__ float grouped_gradient_of(const Backward &s, const Incoming &v, int image, int y, int x, int i) {
	Groups g = {(int)(v.channels / s.groups), (int)(s.in.channels / s.groups), (int)s.kernel};
	const float *w = (const float *)v.weight;
	const int stride = (int)s.stride, first = i / g.ins * g.outs, end = first + g.outs;
	float sum = 0;
	for (int ky = 0; ky < g.kernel; ky++)
		for (int kx = 0; kx < g.kernel; kx++) {
			int oy = y + (int)s.pad - ky * (int)s.dilation, ox = x + (int)s.pad - kx * (int)s.dilation;
			if (oy < 0 || oy % stride != 0 || oy / stride >= s.height || ox < 0 || ox % stride != 0 || ox / stride >= s.width)
				continue;
			i64 pixel = ((i64)image * s.height + oy / stride) * s.width + ox / stride;
			for (int c = first / 4 * 4; c < end; c += 4) {
				float4 d = load_incoming(v, image, pixel * v.pitch + c, c);
				for (int o = max(c, first); o < min(c + 4, end); o++)
					sum = fmaf(w[g.weight(o, i, ky, kx)], component(d, o - c), sum);
			}
		}
	return sum;
}

extern "C" __global__ void __launch_bounds__(GROUPED_THREADS, 2) grouped(const Forward *step, i64 images, i64 stat_images) {
	SHARED(float, tile);
	const Forward &s = *step;
	const Tiling &t = s.tiling;
	Place at = place_of(t, s.columns, s.height, s.width);
	for (int n = threadIdx.x; n < at.rows * at.width * at.columns; n += blockDim.x) {
		int p = n / at.columns, c = n % at.columns, y = p / at.width, x = p % at.width;
		tile[(y * (int)t.tile_w + x) * (int)t.channel_tile + c] = grouped_value(s, at.image, at.y0 + y, at.x0 + x, at.column + c);
	}
	__syncthreads();
	store_values(s, at, tile, (int)t.channel_tile, tile + t.tile_h * t.tile_w * t.channel_tile, (int)stat_images);
}

// The block's place is computed again for the store: kept, it would take registers in the loop.
extern "C" __global__ void __launch_bounds__(GROUPED_THREADS, 2) grouped_gradient(const Backward *step, i64 images, i64 frozen, i64 sums) {
	SHARED(float, tile);
	const Backward &s = *step;
	const Tiling &t = s.tiling;
	{
		const Place at = place_of(t, s.in.pitch, s.in.height, s.in.width);
		for (int n = threadIdx.x; n < at.rows * at.width * at.columns; n += blockDim.x) {
			int p = n / at.columns, c = n % at.columns, y = p / at.width, x = p % at.width;
			float sum = 0;
			for (int b = 0; at.column + c < s.in.channels && b < s.outs; b++)
				sum += grouped_gradient_of(s, s.out[b], at.image, at.y0 + y, at.x0 + x, at.column + c);
			tile[(y * (int)t.tile_w + x) * (int)t.channel_tile + c] = sum;
		}
	}
	__syncthreads();
	store_gradient(s, place_of(t, s.in.pitch, s.in.height, s.in.width), tile, (int)t.channel_tile, tile + t.tile_h * t.tile_w * t.channel_tile, (int)images, frozen != 0, sums != 0);
}
