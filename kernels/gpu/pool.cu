// Pools, and the gradients at their nodes as gathers: no two threads add to the same place.
//
//   y[p]  = max or mean of u over the window {p·stride − pad + k·dilation} inside the image
//   du[q] = Σ over the windows p that cover q:  max: dy[p] where q is the first maximum of p;  mean: dy[p] / |window p|
//
// A NaN is larger than all numbers. First means in the order of rows, then columns.
//
// Maps are NHWC. A block has a tile of pixels × a channel tile of its result (plain.cuh). Where windows overlap, u of the pixels that they
// have is first computed in shared memory, beside the tile. Otherwise a thread loads three or four taps of a window at a time.
//
// A gradient first computes something of each window that meets the tile, and keeps it in shared memory, in the place of the later
// sums: of the mean dy / |window|, of the maximum its tap. Then every pixel asks each of its windows. For 3×3 that is 9 + 9 steps, not
// 9·9. Where the windows are more than there is room for, they come in parts, the last windows first: a pixel adds its windows in the
// order of the taps.
#include "plain.cuh"
#include "store.cuh"
#include "store_gradient.cuh"

// The bytes of scratch of a pool whose windows overlap, for a block of that many threads.
#define POOL_SCRATCH(threads) ((threads) * 96)

// The taps [first, end) of an output along a side that are inside the map.
struct TapSpan {
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
	__device__ __forceinline__ TapSpan inside(int o, int size) const {
		const int start = o * stride - pad, left = size - start;
		if (dilation == 1)
			return {max(0, -start), min(kernel, left)};
		return {start < 0 ? (dilation - 1 - start) / dilation : 0, min(kernel, (left + dilation - 1) / dilation)};
	}
	// The windows that have input i go from that of the first tap to that of the last one: outputs of a map of `size`, downwards.
	//   for (Cover o = first_cover(i, size); covers(o); next(o))
	//     if (has_tap(o)) …
	__device__ __forceinline__ Cover first_cover(int i, int size) const {
		const int o = (int)min((unsigned)(i + pad) / (unsigned)stride, (unsigned)size - 1);
		return {o, i + pad - o * stride}; // less than 0 for an input that is left of all windows
	}
	__device__ __forceinline__ bool covers(const Cover &o) const { return o.output >= 0 && (unsigned)o.tap <= (unsigned)((kernel - 1) * dilation); }
	// How many windows there are from o downwards that cover o's input.
	__device__ __forceinline__ int covering(const Cover &o) const {
		const int reach = (kernel - 1) * dilation;
		return covers(o) ? min(o.output, (int)((unsigned)(reach - o.tap) / (unsigned)stride)) + 1 : 0;
	}
	__device__ __forceinline__ bool has_tap(const Cover &o) const { return dilation == 1 || o.tap % dilation == 0; }
	__device__ __forceinline__ int tap(const Cover &o) const { return dilation == 1 ? o.tap : o.tap / dilation; }
	__device__ __forceinline__ void next(Cover &o) const {
		o.output--;
		o.tap += stride;
	}
};

// Calls f(u, tap) with four channels of an image's node at each tap of an output that is inside the map, in the order of rows, then
// columns. N of them are loaded at a time. Returns their number.
template <int N, class F> __device__ __forceinline__ int each_tap_of(const Node &in, const PoolWindow &w, int image, int oy, int ox, int c, F f) {
	const int width = (int)in.width;
	const TapSpan down = w.inside(oy, (int)in.height), across = w.inside(ox, width);
	const int n = down.count() * across.count(), over = w.kernel - across.count(), wrap = w.dilation * (width - across.count());
	int pixel = w.input(oy, down.first) * width + w.input(ox, across.first), tap = down.first * w.kernel + across.first, kx = across.first;
#pragma unroll 1
	for (int left = n; left > 0; left -= N) {
		float4 u[N];
		int at[N], k[N];
#pragma unroll
		for (int j = 0; j < N; j++) {
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
		for (int j = 0; j < N; j++)
			if (j < left)
				f(u[j], k[j]);
	}
	return n;
}

// Windows of 2×2 and 3×3 that are inside the map fill all loads.
template <class F> __device__ __forceinline__ int each_tap(const Node &in, const PoolWindow &w, int image, int oy, int ox, int c, F f) {
	return w.kernel == 3 ? each_tap_of<3>(in, w, image, oy, ox, c, f) : each_tap_of<4>(in, w, image, oy, ox, c, f);
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

// What a pixel of the tile has so far: it is in the tile but for the first time.
struct SoFar {
	const float *tile;
	const Tiling &tiling;
	const Place &at;
	bool first;
	__device__ __forceinline__ float4 operator()(int y, int x, int c, float4 none) const {
		if (first)
			return none;
		return *(const float4 *)(tile + ((y - at.y0) * (int)tiling.tile_w + x - at.x0) * plain_ld(tiling) + c - at.column);
	}
};

// The pixels of an image's node that the windows of a block's tile have, numbered by rows. Scratch has u of pixels [from, from + count),
// `groups` float4s of each.
struct Inputs {
	const Node &in;
	const PoolWindow &window;
	const Place &at;
	int y0, x0, rows, width; // of the map
	int groups, from, count;
	__device__ __forceinline__ Inputs(const Node &in, const PoolWindow &w, const Place &at)
		: in(in), window(w), at(at), y0(max(0, w.input(at.y0, 0))), x0(max(0, w.input(at.x0, 0))),
		  rows(min((int)in.height, w.input(at.y0 + at.rows - 1, w.kernel - 1) + 1) - y0), width(min((int)in.width, w.input(at.x0 + at.width - 1, w.kernel - 1) + 1) - x0),
		  groups(at.columns / 4), from(0), count(0) {}
	__device__ __forceinline__ bool more() const { return from + count < rows * width; }
	// Loads the next pixels, as many as the scratch holds.
	__device__ __forceinline__ void load(float4 *scratch) {
		from += count;
		count = min(POOL_SCRATCH((int)blockDim.x) / ((int)sizeof(float4) * groups), rows * width - from);
		const Portion mine(at);
		const int map = (int)in.width;
#pragma unroll 1
		for (int o = mine.first; mine.first < mine.apart && o < count; o += TOGETHER * mine.apart) {
			float4 u[TOGETHER];
			int pixel[TOGETHER];
#pragma unroll
			for (int j = 0; j < TOGETHER; j++) {
				const int n = from + (o + j * mine.apart < count ? o + j * mine.apart : o), row = n / width;
				pixel[j] = (y0 + row) * map + x0 + n - row * width;
			}
			load_nodes(u, in, at.image, pixel, at.column + mine.column);
#pragma unroll
			for (int j = 0; j < TOGETHER; j++)
				if (o + j * mine.apart < count)
					scratch[(o + j * mine.apart) * groups + mine.column / 4] = u[j];
		}
		__syncthreads();
	}
	// Calls f(u) with four channels from c of the taps of an output that are in the scratch, in the order of rows, then columns.
	template <class F> __device__ __forceinline__ void each_tap(const float4 *scratch, int oy, int ox, int c, F f) const {
		const TapSpan down = window.inside(oy, (int)in.height), across = window.inside(ox, (int)in.width);
		const int step = window.dilation;
		int row = (window.input(oy, down.first) - y0) * width + window.input(ox, across.first) - x0 - from;
		scratch += (c - at.column) / 4;
#pragma unroll 1
		for (int ky = down.first; ky < down.end; ky++, row += step * width)
#pragma unroll 1
			for (int kx = across.first, i = row; kx < across.end; kx++, i += step)
				if ((unsigned)i < (unsigned)count)
					f(scratch[i * groups]);
	}
};

struct MaxPoolValue {
	const Node &in;
	const PoolWindow &window;
	int image;
	__device__ __forceinline__ float4 operator()(int y, int x, int c) const { return maximum(in, window, image, y, x, c).value; }
};

struct MaxPoolInputs {
	const Inputs &inputs;
	const float4 *scratch;
	SoFar so_far;
	__device__ __forceinline__ float4 operator()(int y, int x, int c) const {
		const float least = __uint_as_float(0xff800000u); // −∞
		float4 m = so_far(y, x, c, make_float4(least, least, least, least));
		inputs.each_tap(scratch, y, x, c, [&](float4 u) {
			m = make_float4(larger(u.x, m.x) ? u.x : m.x, larger(u.y, m.y) ? u.y : m.y, larger(u.z, m.z) ? u.z : m.z, larger(u.w, m.w) ? u.w : m.w);
		});
		return m;
	}
};

// Fills the tile. Where windows overlap, u is computed once for all of them.
template <class Value, class FromInputs>
__device__ __forceinline__ void fill_pool(float *tile, const Forward &s, const PoolWindow &w, const Place &at) {
	if (w.stride >= w.kernel)
		return fill_tile(tile, s.tiling, at, Value{*s.in, w, at.image});
	float4 *const scratch = (float4 *)plain_scratch(tile, s.tiling);
	Inputs inputs(*s.in, w, at);
	bool first = true;
	do {
		inputs.load(scratch);
		fill_tile(tile, s.tiling, at, FromInputs{inputs, scratch, {tile, s.tiling, at, first}});
		first = false;
	} while (inputs.more());
}

extern "C" __global__ void __launch_bounds__(256, 2) max_pool(const Forward *step, i64 images, i64 stat_images) {
	SHARED(float, tile);
	const Forward &s = *step;
	const PoolWindow w(s);
	const Place at = place_of(s.tiling, s.columns, s.height, s.width);
	fill_pool<MaxPoolValue, MaxPoolInputs>(tile, s, w, at);
	store_values(s, at, tile, plain_ld(s.tiling), plain_scratch(tile, s.tiling), (int)stat_images);
}

__device__ __forceinline__ float4 divided(float4 a, float n) { return make_float4(a.x / n, a.y / n, a.z / n, a.w / n); }

struct AvgPoolValue {
	const Node &in;
	const PoolWindow &window;
	int image;
	__device__ __forceinline__ float4 operator()(int oy, int ox, int c) const {
		float4 sum = zeros();
		const int n = each_tap(in, window, image, oy, ox, c, [&](float4 u, int) { sum = sum + u; });
		return divided(sum, (float)n);
	}
};

struct AvgPoolInputs {
	const Inputs &inputs;
	const float4 *scratch;
	SoFar so_far;
	__device__ __forceinline__ float4 operator()(int oy, int ox, int c) const {
		float4 sum = so_far(oy, ox, c, zeros());
		inputs.each_tap(scratch, oy, ox, c, [&](float4 u) { sum = sum + u; });
		if (inputs.more())
			return sum;
		const PoolWindow &w = inputs.window;
		return divided(sum, (float)(w.inside(oy, (int)inputs.in.height).count() * w.inside(ox, (int)inputs.in.width).count()));
	}
};

extern "C" __global__ void __launch_bounds__(256, 2) avg_pool(const Forward *step, i64 images, i64 stat_images) {
	SHARED(float, tile);
	const Forward &s = *step;
	const PoolWindow w(s);
	const Place at = place_of(s.tiling, s.columns, s.height, s.width);
	fill_pool<AvgPoolValue, AvgPoolInputs>(tile, s, w, at);
	store_values(s, at, tile, plain_ld(s.tiling), plain_scratch(tile, s.tiling), (int)stat_images);
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

// The windows that meet a block's tile are numbered by rows. Scratch has something of windows [from, from + count), `groups` of each.
struct Staged {
	const PoolWindow &window;
	const Place &at;
	Span down, across;
	int groups, from, count;
	__device__ __forceinline__ Staged(const Backward &s, const PoolWindow &w, const Place &at)
		: window(w), at(at), down(w, at.y0, at.rows, (int)s.height), across(w, at.x0, at.width, (int)s.width), groups(at.columns / 4), from(down.count * across.count), count(0) {}
	// Goes on to the windows before, as many as the scratch holds.
	__device__ __forceinline__ void next(int bytes) {
		count = min(GRADIENT_SCRATCH((int)blockDim.x) / (bytes * groups), from);
		from -= count;
	}
	// Calls f(i, oy, ox, c) for the block's part i of the scratch: four columns from c of output (oy, ox).
	template <class F> __device__ __forceinline__ void each_part(F f) const {
		const Portion mine(at);
		if (mine.first < mine.apart)
			for (int o = mine.first; o < count; o += mine.apart) {
				const int row = (from + o) / across.count;
				f(o * groups + mine.column / 4, down.first + row, across.first + from + o - row * across.count, at.column + mine.column);
			}
		__syncthreads();
	}
	// Calls f(i, oy, ox) for the windows that have pixel (y, x), the first taps first: part i has its columns from c.
	template <class F> __device__ __forceinline__ void each_window(const Backward &s, int y, int x, int c, F f) const {
		const Cover right = window.first_cover(x, (int)s.width);
		const int group = (c - at.column) / 4, all = window.covering(right);
#pragma unroll 1
		for (Cover oy = window.first_cover(y, (int)s.height); window.covers(oy); window.next(oy)) {
			if (!window.has_tap(oy))
				continue;
			const int last = (oy.output - down.first) * across.count + right.output - across.first - from; // its number in the scratch
			const int beyond = max(0, last - count + 1);
			Cover ox = {right.output - beyond, right.tap + beyond * window.stride};
			int i = (last - beyond) * groups + group;
#pragma unroll 1
			for (int left = min(all, last + 1) - beyond; left > 0; left--, i -= groups, window.next(ox))
				if (window.has_tap(ox))
					f(i, oy, ox);
		}
	}
};

// Parts of the scratch are dy / |window|.
struct AvgPoolGradient {
	const Backward &step;
	const Staged &staged;
	const float4 *shares;
	SoFar so_far;
	__device__ __forceinline__ float4 operator()(int y, int x, int c) const {
		float4 sum = so_far(y, x, c, zeros());
		staged.each_window(step, y, x, c, [&](int i, const Cover &, const Cover &) { sum = sum + shares[i]; });
		return sum;
	}
};

extern "C" __global__ void __launch_bounds__(256, 2) avg_pool_gradient(const Backward *step, i64 images, i64 frozen, i64 sums) {
	SHARED(float, tile);
	const Backward &s = *step;
	const PoolWindow w(s);
	const Place at = place_of(s.tiling, s.in.pitch, s.in.height, s.in.width);
	float4 *const shares = (float4 *)plain_scratch(tile, s.tiling);
	Staged staged(s, w, at);
	bool first = true;
	do {
		staged.next(sizeof(float4));
		staged.each_part([&](int i, int oy, int ox, int c) {
			const int n = w.inside(oy, (int)s.in.height).count() * w.inside(ox, (int)s.in.width).count();
			shares[i] = incoming_at(s, at.image, oy, ox, c) * (1 / (float)n);
		});
		fill_tile(tile, s.tiling, at, AvgPoolGradient{s, staged, shares, {tile, s.tiling, at, first}});
		first = false;
	} while (staged.from > 0);
	store_gradient(s, at, tile, plain_ld(s.tiling), plain_scratch(tile, s.tiling), (int)images, frozen != 0, sums != 0);
}

__device__ __forceinline__ float4 where(Taps tap, int sought, float4 d) {
	return make_float4(tap.x == sought ? d.x : 0, tap.y == sought ? d.y : 0, tap.z == sought ? d.z : 0, tap.w == sought ? d.w : 0);
}

// Parts of the scratch are the taps of the maxima.
struct MaxPoolGradient {
	const Backward &step;
	const Staged &staged;
	const Taps *taps;
	SoFar so_far;
	__device__ __forceinline__ float4 operator()(int y, int x, int c) const {
		const PoolWindow &w = staged.window;
		float4 sum = so_far(y, x, c, zeros());
		staged.each_window(step, y, x, c, [&](int i, const Cover &oy, const Cover &ox) {
			sum = sum + where(taps[i], w.tap(oy) * w.kernel + w.tap(ox), incoming_at(step, staged.at.image, oy.output, ox.output, c));
		});
		return sum;
	}
};

extern "C" __global__ void __launch_bounds__(256, 2) max_pool_gradient(const Backward *step, i64 images, i64 frozen, i64 sums) {
	SHARED(float, tile);
	const Backward &s = *step;
	const PoolWindow w(s);
	const Place at = place_of(s.tiling, s.in.pitch, s.in.height, s.in.width);
	Taps *const taps = (Taps *)plain_scratch(tile, s.tiling);
	Staged staged(s, w, at);
	bool first = true;
	do {
		staged.next(sizeof(Taps));
		staged.each_part([&](int i, int oy, int ox, int c) { taps[i] = maximum(s.in, w, at.image, oy, ox, c).tap; });
		fill_tile(tile, s.tiling, at, MaxPoolGradient{s, staged, taps, {tile, s.tiling, at, first}});
		first = false;
	} while (staged.from > 0);
	store_gradient(s, at, tile, plain_ld(s.tiling), plain_scratch(tile, s.tiling), (int)images, frozen != 0, sums != 0);
}
