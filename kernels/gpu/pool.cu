// Pools, and the gradients at their nodes as gathers: no two threads add to the same place.
//
//   y[p]  = max or mean of u over the window {p·stride − pad + k·dilation} inside the image
//   du[q] = Σ over the windows p that cover q:  max: dy[p] where q is the first maximum of p;  mean: dy[p] / |window p|
//
// A NaN is larger than all numbers. First means in the order of rows, then columns.
//
// Maps are NHWC. A block has a tile of pixels × a channel tile of its result (plain.cuh). The loads of a window overlap
// its neighbours' and come from the first-level cache. The gradient of the maximum first finds the maximum of each
// window that meets the tile and keeps its tap in shared memory, in the place of the later sums. Then every pixel asks
// each of its windows. For 3×3 that is 9 + 9 steps, not 9·9.
#include "plain.cuh"
#include "store.cuh"
#include "store_gradient.cuh"

// The taps [first, end) of an output along a side that are inside the map.
struct Inside {
	int first, end;
	__device__ __forceinline__ int count() const { return max(0, end - first); }
};

// An output along a side whose window has an input, and its tap there.
struct Cover {
	int output, tap; // the tap times the dilation
};

struct PoolWindow {
	int kernel, stride, pad, dilation;
	template <class Step>
	__device__ __forceinline__ explicit PoolWindow(const Step &s) : kernel((int)s.kernel), stride((int)s.stride), pad((int)s.pad), dilation((int)s.dilation) {}

	// The input coordinate at tap k of output o.
	__device__ __forceinline__ int input(int o, int k) const { return o * stride - pad + k * dilation; }
	__device__ __forceinline__ Inside inside(int o, int size) const {
		const int start = o * stride - pad, left = size - start;
		if (dilation == 1)
			return {max(0, -start), min(kernel, left)};
		return {start < 0 ? (dilation - 1 - start) / dilation : 0, min(kernel, (left + dilation - 1) / dilation)};
	}
	// The windows that have input i go from that of the first tap to that of the last one: outputs of a map of `size`, downwards.
	//   for (Cover o = first_cover(i, size); covers(o); next(o))
	//     if (has_tap(o)) …
	__device__ __forceinline__ Cover first_cover(int i, int size) const {
		if (i + pad < 0)
			return {-1, 0};
		const int o = min((int)((unsigned)(i + pad) / (unsigned)stride), size - 1);
		return {o, i + pad - o * stride};
	}
	__device__ __forceinline__ bool covers(const Cover &o) const { return o.output >= 0 && o.tap <= (kernel - 1) * dilation; }
	__device__ __forceinline__ bool has_tap(const Cover &o) const { return dilation == 1 || o.tap % dilation == 0; }
	__device__ __forceinline__ int tap(const Cover &o) const { return dilation == 1 ? o.tap : o.tap / dilation; }
	__device__ __forceinline__ void next(Cover &o) const {
		o.output--;
		o.tap += stride;
	}
};

enum { TAPS = 4 }; // that are loaded at a time

// Calls f(u, tap) with four channels of an image's node at each tap of an output that is inside the map, in the order of rows, then
// columns. Returns their number.
template <class F> __device__ __forceinline__ int each_tap(const Node &in, const PoolWindow &w, int image, int oy, int ox, int c, F f) {
	const int width = (int)in.width;
	const Inside down = w.inside(oy, (int)in.height), across = w.inside(ox, width);
	const int n = down.count() * across.count(), over = w.kernel - across.count(), wrap = w.dilation * (width - across.count());
	int pixel = w.input(oy, down.first) * width + w.input(ox, across.first), tap = down.first * w.kernel + across.first, kx = across.first;
#pragma unroll 1
	for (int left = n; left > 0; left -= TAPS) {
		float4 u[TAPS];
		int at[TAPS], k[TAPS];
#pragma unroll
		for (int j = 0; j < TAPS; j++) {
			at[j] = j < left ? pixel : 0;
			k[j] = tap++;
			pixel += w.dilation;
			if (++kx == across.end) {
				kx = across.first;
				pixel += wrap;
				tap += over;
			}
		}
		load_nodes(u, in, image, at, c);
#pragma unroll
		for (int j = 0; j < TAPS; j++)
			if (j < left)
				f(u[j], k[j]);
	}
	return n;
}

// Whether x comes before the largest so far.
__device__ __forceinline__ bool larger(float x, float best) { return x > best || (x != x && best == best); }

struct alignas(8) Taps {
	unsigned short x, y, z, w;
};

// The first maximum of four channels: what it is, and its tap.
struct Maximum {
	float4 value;
	Taps tap;
};

__device__ __forceinline__ Maximum maximum(const Node &in, const PoolWindow &w, int image, int oy, int ox, int c) {
	Maximum m = {zeros(), {0, 0, 0, 0}};
	bool none = true;
	each_tap(in, w, image, oy, ox, c, [&](float4 u, int k) {
		const unsigned short tap = (unsigned short)k;
		if (none || larger(u.x, m.value.x))
			m.value.x = u.x, m.tap.x = tap;
		if (none || larger(u.y, m.value.y))
			m.value.y = u.y, m.tap.y = tap;
		if (none || larger(u.z, m.value.z))
			m.value.z = u.z, m.tap.z = tap;
		if (none || larger(u.w, m.value.w))
			m.value.w = u.w, m.tap.w = tap;
		none = false;
	});
	return m;
}

struct MaxPoolValue {
	const Node &in;
	const PoolWindow &window;
	int image;
	__device__ __forceinline__ float4 operator()(int y, int x, int c) const { return maximum(in, window, image, y, x, c).value; }
};

extern "C" __global__ void __launch_bounds__(256, 2) max_pool(const Forward *step, i64 images, i64 stat_images) {
	SHARED(float, tile);
	const Forward &s = *step;
	const PoolWindow w(s);
	Place at = place_of(s.tiling, s.columns, s.height, s.width);
	fill_tile(tile, s.tiling, at, MaxPoolValue{*s.in, w, at.image});
	store_values(s, at, tile, plain_ld(s.tiling), plain_scratch(tile, s.tiling), (int)stat_images);
}

struct AvgPoolValue {
	const Node &in;
	const PoolWindow &window;
	int image;
	__device__ __forceinline__ float4 operator()(int oy, int ox, int c) const {
		float4 sum = zeros();
		const float n = (float)each_tap(in, window, image, oy, ox, c, [&](float4 u, int) { sum = sum + u; });
		return make_float4(sum.x / n, sum.y / n, sum.z / n, sum.w / n);
	}
};

extern "C" __global__ void __launch_bounds__(256, 2) avg_pool(const Forward *step, i64 images, i64 stat_images) {
	SHARED(float, tile);
	const Forward &s = *step;
	const PoolWindow w(s);
	Place at = place_of(s.tiling, s.columns, s.height, s.width);
	fill_tile(tile, s.tiling, at, AvgPoolValue{*s.in, w, at.image});
	store_values(s, at, tile, plain_ld(s.tiling), plain_scratch(tile, s.tiling), (int)stat_images);
}

struct AvgPoolGradient {
	const Backward &step;
	const PoolWindow &window;
	int image;
	__device__ __forceinline__ float4 operator()(int y, int x, int c) const {
		const Incoming &v = step.out[0];
		const int width = (int)step.width, height = (int)step.height;
		const Cover first = window.first_cover(x, width);
		float4 sum = zeros();
#pragma unroll 1
		for (Cover oy = window.first_cover(y, height); window.covers(oy); window.next(oy)) {
			if (!window.has_tap(oy))
				continue;
			const int rows = window.inside(oy.output, (int)step.in.height).count();
#pragma unroll 1
			for (Cover ox = first; window.covers(ox); window.next(ox)) {
				if (!window.has_tap(ox))
					continue;
				const int pixel[1] = {oy.output * width + ox.output};
				float4 dy[1];
				load_incomings(dy, v, image, (i64)image * height * width, pixel, c);
				sum = sum + dy[0] * (1 / (float)(rows * window.inside(ox.output, (int)step.in.width).count()));
			}
		}
		return sum;
	}
};

extern "C" __global__ void __launch_bounds__(256, 2) avg_pool_gradient(const Backward *step, i64 images, i64 frozen, i64 sums) {
	SHARED(float, tile);
	const Backward &s = *step;
	const PoolWindow w(s);
	Place at = place_of(s.tiling, s.in.pitch, s.in.height, s.in.width);
	fill_tile(tile, s.tiling, at, AvgPoolGradient{s, w, at.image});
	store_gradient(s, at, tile, plain_ld(s.tiling), plain_scratch(tile, s.tiling), (int)images, frozen != 0, sums != 0);
}

// The outputs from first on, `count` of them, whose windows can meet inputs [i0, i0 + n).
struct Span {
	int first, count;
	__device__ __forceinline__ Span(const PoolWindow &w, int i0, int n, int size) {
		int low = i0 + w.pad - (w.kernel - 1) * w.dilation, high = i0 + n - 1 + w.pad;
		first = low > 0 ? (low + w.stride - 1) / w.stride : 0;
		int last = high >= 0 ? min(high / w.stride, size - 1) : -1;
		count = max(0, last - first + 1);
	}
};

__device__ __forceinline__ float4 where(Taps tap, int sought, float4 d) {
	return make_float4(tap.x == sought ? d.x : 0, tap.y == sought ? d.y : 0, tap.z == sought ? d.z : 0, tap.w == sought ? d.w : 0);
}

// The tile so far, plus the share of windows [from, from + count) of those that meet it. Their maxima are in taps.
struct MaxPoolGradient {
	const Backward &step;
	const PoolWindow &window;
	const Place &at;
	const Span &down, &across;
	const float *tile;
	const Taps *taps; // [window][groups]
	int from, count;
	__device__ __forceinline__ float4 operator()(int y, int x, int c) const {
		const int groups = at.columns / 4, group = (c - at.column) / 4, w = (int)step.tiling.tile_w;
		float4 sum = *(const float4 *)(tile + ((y - at.y0) * w + x - at.x0) * plain_ld(step.tiling) + 4 * group);
		const Cover first = window.first_cover(x, (int)step.width);
#pragma unroll 1
		for (Cover oy = window.first_cover(y, (int)step.height); window.covers(oy); window.next(oy)) {
			if (!window.has_tap(oy))
				continue;
			const int tap = window.tap(oy) * window.kernel, row = (oy.output - down.first) * across.count - across.first - from;
#pragma unroll 1
			for (Cover ox = first; window.covers(ox); window.next(ox)) {
				const int o = row + ox.output;
				if (o < 0 || o >= count || !window.has_tap(ox))
					continue;
				sum = sum + where(taps[o * groups + group], tap + window.tap(ox), incoming_at(step, at.image, oy.output, ox.output, c));
			}
		}
		return sum;
	}
};

struct Nothing {
	__device__ __forceinline__ float4 operator()(int, int, int) const { return zeros(); }
};

extern "C" __global__ void __launch_bounds__(256, 2) max_pool_gradient(const Backward *step, i64 images, i64 frozen, i64 sums) {
	SHARED(float, tile);
	const Backward &s = *step;
	const PoolWindow w(s);
	Place at = place_of(s.tiling, s.in.pitch, s.in.height, s.in.width);
	const Span down(w, at.y0, at.rows, (int)s.height), across(w, at.x0, at.width, (int)s.width);
	Taps *taps = (Taps *)plain_scratch(tile, s.tiling);
	const int groups = at.columns / 4, windows = down.count * across.count;
	const int room = GRADIENT_SCRATCH((int)blockDim.x) / ((int)sizeof(Taps) * groups);
	fill_tile(tile, s.tiling, at, Nothing());
	for (int from = 0; from < windows; from += room) { // as many windows as the scratch holds
		const int n = min(room, windows - from);
		for (int i = threadIdx.x; i < n * groups; i += blockDim.x) {
			int o = from + i / groups, c = at.column + i % groups * 4;
			taps[i] = maximum(s.in, w, at.image, down.first + o / across.count, across.first + o % across.count, c).tap;
		}
		__syncthreads();
		fill_tile(tile, s.tiling, at, MaxPoolGradient{s, w, at, down, across, tile, taps, from, n});
	}
	store_gradient(s, at, tile, plain_ld(s.tiling), (float *)taps, (int)images, frozen != 0, sums != 0);
}
