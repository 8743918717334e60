// Sum, concatenation and global average, and the gradients at their nodes.
//
//   sum:        y = u                        du = dy
//   concat:     y = u_0, u_1, … channel by channel          du_j = dy[column_j … column_j + channels_j)
//               y may lack the last channels: their gradient is 0
//   global_avg: y[c] = Σ_p u[p, c] / (H·W)   du[p, c] = dy[c] / (H·W)
//
// Maps are NHWC. A block has a tile of pixels × a channel tile of its result (plain.cuh). The kernels are bound by
// memory: a value is read once and written once. A concatenation's columns are dense. Where a node has a number of
// channels that is not a multiple of four, the next node's channels are not aligned: a thread then loads two aligned
// groups of four.
#include "plain.cuh"
#include "store.cuh"
#include "store_gradient.cuh"

// Puts a thread's four columns of its pixels of a value, such as SumValue, into some places.
template <class Value, class Places>
__device__ __forceinline__ void fill(const Value &value, const Places &to, const Tiling &t, const Place &at, const Portion &mine, int width) {
	fill_pixels(to, t, at, mine, width, value);
}

struct SumValue {
	const Node &in;
	int image, channel;
	__device__ __forceinline__ void operator()(float4 (&v)[TOGETHER], const int (&pixel)[TOGETHER]) const {
		load_nodes(v, in, image, pixel, channel);
	}
};

struct SumGradient {
	const Backward &step;
	int image, channel;
	__device__ __forceinline__ void operator()(float4 (&v)[TOGETHER], const int (&pixel)[TOGETHER]) const {
		load_incomings(v, step.out[0], image, image * (int)step.height * (int)step.width, pixel, channel);
	}
};

// Fills the map of a step's value: straight, or by the tile where the value's statistics are formed.
template <class Value>
__device__ __forceinline__ void fill_value(float *tile, const Forward &s, const Place &at, const Portion &mine, const Value &value, i64 stat_images) {
	if (s.statistics.norms == 0) {
		const Output &o = s.out[0];
		const i64 origin = (at.image * s.height + at.y0) * s.width + at.x0;
		return fill(value, InMap(o.value, o.half != 0, false, origin, (int)o.pitch, at.column + mine.column), s.tiling, at, mine, (int)s.width);
	}
	fill(value, InTile{tile + mine.column, plain_ld(s.tiling)}, s.tiling, at, mine, (int)s.width);
	__syncthreads();
	store_values(s, at, tile, plain_ld(s.tiling), plain_scratch(tile, s.tiling), (int)stat_images);
}

// The same of the gradient at a step's input.
template <class Value>
__device__ __forceinline__ void fill_gradient(float *tile, const Backward &s, const Place &at, const Portion &mine, const Value &value, i64 images, i64 frozen, i64 sums) {
	if (s.in.activation == LINEAR && (sums == 0 || !s.last)) {
		const i64 origin = (at.image * s.in.height + at.y0) * s.in.width + at.x0;
		return fill(value, InMap(s.gradient, false, s.add != 0, origin, (int)s.in.pitch, at.column + mine.column), s.tiling, at, mine, (int)s.in.width);
	}
	fill(value, InTile{tile + mine.column, plain_ld(s.tiling)}, s.tiling, at, mine, (int)s.in.width);
	__syncthreads();
	store_gradient(s, at, tile, plain_ld(s.tiling), plain_scratch(tile, s.tiling), (int)images, frozen != 0, sums != 0);
}

extern "C" __global__ void __launch_bounds__(256, 2) sum(const Forward *step, i64 images, i64 stat_images) {
	SHARED(float, tile);
	const Forward &s = *step;
	const Place at = place_of(s.tiling, s.columns, s.height, s.width);
	const Portion mine(at);
	fill_value(tile, s, at, mine, SumValue{*s.in, at.image, at.column + mine.column}, stat_images);
}

extern "C" __global__ void __launch_bounds__(256, 2) sum_gradient(const Backward *step, i64 images, i64 frozen, i64 sums) {
	SHARED(float, tile);
	const Backward &s = *step;
	const Place at = place_of(s.tiling, s.in.pitch, s.in.height, s.in.width);
	const Portion mine(at);
	fill_gradient(tile, s, at, mine, SumGradient{s, at.image, at.column + mine.column}, images, frozen, sums);
}

// Four columns from c of the nodes side by side, zeros beyond the value's channels. Most threads have columns of one node.
struct ConcatValue {
	const Forward &step;
	int image, c;

	__device__ __forceinline__ float channel(int pixel, int c) const {
		if (c >= step.out[0].channels)
			return 0;
		for (int j = 0; j < step.ins; c -= (int)step.in[j++].channels)
			if (c < step.in[j].channels) {
				const Node &n = step.in[j];
				return component(load_node(n, image, (image * n.height * n.width + pixel) * n.pitch + (c & ~3), c & ~3), c & 3);
			}
		return 0;
	}
	__device__ __forceinline__ float4 operator()(int pixel) const {
		return make_float4(channel(pixel, c), channel(pixel, c + 1), channel(pixel, c + 2), channel(pixel, c + 3));
	}
};

template <class Places>
__device__ __forceinline__ void fill(const ConcatValue &v, const Places &to, const Tiling &t, const Place &at, const Portion &mine, int width) {
	const Forward &step = v.step;
	int first = v.c, j = 0;
	while (j < step.ins && first >= step.in[j].channels)
		first -= (int)step.in[j++].channels;
	if (j < step.ins && first % 4 == 0 && first + 4 <= step.in[j].channels && v.c + 4 <= step.out[0].channels)
		fill_pixels(to, t, at, mine, width, SumValue{step.in[j], v.image, first});
	else
		fill_each(to, t, at, mine, width, v);
}

extern "C" __global__ void __launch_bounds__(256, 2) concat(const Forward *step, i64 images, i64 stat_images) {
	SHARED(float, tile);
	const Forward &s = *step;
	const Place at = place_of(s.tiling, s.columns, s.height, s.width);
	const Portion mine(at);
	fill_value(tile, s, at, mine, ConcatValue{s, at.image, at.column + mine.column}, stat_images);
}

// Four channels of the node from c: those from column + c of the value, zeros beyond the channels of either. Most threads have four that
// lie aligned in both.
struct ConcatGradient {
	const Backward &step;
	int image, c;

	__device__ __forceinline__ float4 operator()(int pixel) const {
		const int from = (int)step.column + c, shift = from & 3, n = min((int)step.in.channels - c, (int)step.out[0].channels - from);
		if (n <= 0)
			return zeros();
		const Incoming &v = step.out[0];
		const i64 at = (image * step.height * step.width + pixel) * v.pitch + from - shift;
		float4 low = load_incoming(v, image, at, from - shift), high = zeros();
		if (shift > 0 && shift + n > 4)
			high = load_incoming(v, image, at + 4, from - shift + 4);
		if (shift == 1)
			low = make_float4(low.y, low.z, low.w, high.x);
		else if (shift == 2)
			low = make_float4(low.z, low.w, high.x, high.y);
		else if (shift == 3)
			low = make_float4(low.w, high.x, high.y, high.z);
		return make_float4(low.x, n > 1 ? low.y : 0, n > 2 ? low.z : 0, n > 3 ? low.w : 0);
	}
};

template <class Places>
__device__ __forceinline__ void fill(const ConcatGradient &v, const Places &to, const Tiling &t, const Place &at, const Portion &mine, int width) {
	const Backward &step = v.step;
	const int from = (int)step.column + v.c;
	if (from % 4 == 0 && v.c + 4 <= step.in.channels && from + 4 <= step.out[0].channels)
		fill_pixels(to, t, at, mine, width, SumGradient{step, v.image, from});
	else
		fill_each(to, t, at, mine, width, v);
}

extern "C" __global__ void __launch_bounds__(256, 2) concat_gradient(const Backward *step, i64 images, i64 frozen, i64 sums) {
	SHARED(float, tile);
	const Backward &s = *step;
	const Place at = place_of(s.tiling, s.in.pitch, s.in.height, s.in.width);
	const Portion mine(at);
	fill_gradient(tile, s, at, mine, ConcatGradient{s, at.image, at.column + mine.column}, images, frozen, sums);
}

// Thread (g, r) adds four columns of every R-th pixel, in floats. The R partial sums of a column are added in order, in
// doubles.
extern "C" __global__ void __launch_bounds__(256, 2) global_avg(const Forward *step, i64 images, i64 stat_images) {
	SHARED(float, tile);
	const Forward &s = *step;
	const Node &in = *s.in;
	Place at = place_of(s.tiling, s.columns, s.height, s.width);
	float *scratch = plain_scratch(tile, s.tiling);
	const int groups = at.columns / 4, R = blockDim.x / groups, g = threadIdx.x % groups, r = threadIdx.x / groups;
	const int pixels = (int)(in.height * in.width), c = at.column + 4 * g;
	if (r < R) {
		float4 sum = zeros();
		for (int p = r; p < pixels; p += R)
			sum = sum + load_node(in, at.image, ((i64)at.image * pixels + p) * in.pitch + c, c);
		*(float4 *)(scratch + r * at.columns + 4 * g) = sum;
	}
	__syncthreads();
	for (int k = threadIdx.x; k < at.columns; k += blockDim.x) {
		double sum = 0;
		for (int i = 0; i < R; i++)
			sum += scratch[i * at.columns + k];
		tile[k] = (float)(sum / pixels);
	}
	__syncthreads();
	store_values(s, at, tile, plain_ld(s.tiling), scratch, (int)stat_images);
}

struct GlobalAvgGradient {
	const Backward &step;
	int image;
	float share; // of a pixel
	__device__ __forceinline__ float4 operator()(int, int, int c) const { return incoming_at(step, image, 0, 0, c) * share; }
};

extern "C" __global__ void __launch_bounds__(256, 2) global_avg_gradient(const Backward *step, i64 images, i64 frozen, i64 sums) {
	SHARED(float, tile);
	const Backward &s = *step;
	Place at = place_of(s.tiling, s.in.pitch, s.in.height, s.in.width);
	fill_tile(tile, s.tiling, at, GlobalAvgGradient{s, at.image, 1 / (float)(s.in.height * s.in.width)});
	store_gradient(s, at, tile, plain_ld(s.tiling), plain_scratch(tile, s.tiling), (int)images, frozen != 0, sums != 0);
}
