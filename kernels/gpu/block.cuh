// The place of a block in its launch, and the order in which blocks finish.
#pragma once
#include "abi.cuh"

// The block's dynamic shared memory, as an array of T. The emulator has its own.
#ifndef SHARED
#define SHARED(T, name) \
	extern __shared__ __align__(16) unsigned char bnas_shared[]; \
	T *name = (T *)bnas_shared
#endif

// The work of a block: pixels [y0, y0 + rows) × [x0, x0 + width) of an image, columns [column, column + columns). Pixel p
// of its tile is (y0 + p / tile_w, x0 + p % tile_w). Pixels outside the map are not stored.
struct Place {
	int image, tile;
	int y0, x0, rows, width;
	int column, columns;
};

__device__ __forceinline__ Place place_of(const Tiling &t, i64 columns, i64 height, i64 width) {
	Place p;
	p.image = blockIdx.x / (unsigned)t.tiles;
	p.tile = blockIdx.x % (unsigned)t.tiles;
	p.y0 = p.tile / (int)t.tiles_x * (int)t.tile_h;
	p.x0 = p.tile % (int)t.tiles_x * (int)t.tile_w;
	p.rows = min((int)t.tile_h, (int)height - p.y0);
	p.width = min((int)t.tile_w, (int)width - p.x0);
	p.column = blockIdx.y * (int)t.channel_tile;
	p.columns = min((int)t.channel_tile, (int)columns - p.column);
	return p;
}

// Pixels of a tile that are inside the map.
__device__ __forceinline__ int tile_pixels(const Tiling &t, int tile, i64 height, i64 width) {
	int y0 = tile / (int)t.tiles_x * (int)t.tile_h, x0 = tile % (int)t.tiles_x * (int)t.tile_w;
	return min((int)t.tile_h, (int)height - y0) * min((int)t.tile_w, (int)width - x0);
}

// Pixels first, first + apart, … of rows of `width` pixels, as (y, x). It divides at the start, and not for each pixel.
struct Walk {
	int y, x, dy, dx, width;
	__device__ __forceinline__ Walk(int first, int apart, int w) : y(first / w), x(first % w), dy(apart / w), dx(apart % w), width(w) {}
	__device__ __forceinline__ void next() {
		y += dy;
		x += dx;
		if (x >= width) {
			x -= width;
			y++;
		}
	}
};

// The pixels of a block's tile that a thread has: every R-th, in some columns. It goes from one to the next by additions: x
// is the column of the map less the tile's first, `tile` the pixel in the tile, and `map` the pixel in the map less the
// tile's first. Where R is whole rows of the tile, all pixels of a thread have the same x: it is straight.
struct Pixel {
	int x, tile, map;
	int right, down_tile, down_map, width, wrap_tile, wrap_map;
	__device__ __forceinline__ Pixel(const Place &at, int tile_width, int map_width, int first, int apart) {
		const int y = (unsigned)first / (unsigned)at.width;
		x = first - y * at.width;
		tile = y * tile_width + x;
		map = y * map_width + x;
		const int down = (unsigned)apart / (unsigned)at.width;
		right = apart - down * at.width;
		down_tile = down * tile_width + right;
		down_map = down * map_width + right;
		width = at.width;
		wrap_tile = tile_width - width;
		wrap_map = map_width - width;
	}
	__device__ __forceinline__ bool straight() const { return right == 0; }
	template <bool STRAIGHT> __device__ __forceinline__ void next() {
		tile += down_tile;
		map += down_map;
		if (STRAIGHT)
			return;
		x += right;
		if (x >= width) {
			x -= width;
			tile += wrap_tile;
			map += wrap_map;
		}
	}
};

// The threads of a block that have the same columns, `columns` each: whole rows of the tile if there are so many.
__device__ __forceinline__ int storing(const Place &at, unsigned columns) {
	const unsigned R = blockDim.x / ((unsigned)at.columns / columns), width = at.width;
	return R > width ? R - R % width : R;
}

// A fence of the whole GPU that acquires and releases. __threadfence is besides in one order with all other fences, which
// costs more, and which nothing here needs.
#ifdef BNAS_EMULATED
inline void fence() { __threadfence(); }
#else
__device__ __forceinline__ void fence() { asm volatile("fence.acq_rel.gpu;" ::: "memory"); }
#endif

// The counters of the block's channel tile in a launch of some images: first that of the groups that are complete, then those of the images
// of each group, and those of the tiles of each image. Without groups the first one counts images. A step says where they begin.
template <class Step> struct Counters {
	const Step &step;
	int images;
	__device__ __forceinline__ int of_groups() const { return 0; }
	__device__ __forceinline__ int of_images(int group) const { return 1 + group; } // group −1: without groups
	__device__ __forceinline__ int of_tiles(int image) const { return 1 + image_groups(images) + image; }
	__device__ __forceinline__ unsigned *at(int counter) const {
		return arrived(step) + blockIdx.y * (unsigned)(1 + image_groups(images) + images) + counter;
	}
};

// Where a counter is that all threads know.
struct OneCounter {
	unsigned *first;
	__device__ __forceinline__ unsigned *at(int counter) const { return first + counter; }
};

// Counts the blocks that arrive at a counter, and is true for the last of `expected`. The last one sees all writes of the others.
// The counter, which one thread looks up, is zero again afterwards. All threads of the block call it, and meanwhile(), while that thread
// waits for the counter.
template <class Kept, class F> __device__ __forceinline__ bool arrive(const Kept &counters, int counter, unsigned expected, const F &meanwhile) {
	__shared__ int last;
	__syncthreads();
	if (threadIdx.x == 0) {
		unsigned *const at = counters.at(counter);
		fence(); // of what the whole block has written: fences are cumulative
		last = atomicAdd(at, 1u) + 1 == expected;
		if (last) {
			fence();
			*at = 0; // the next arrival is one of another launch
		}
	}
	meanwhile();
	__syncthreads();
	return last;
}

template <class Kept> __device__ __forceinline__ bool arrive(const Kept &counters, int counter, unsigned expected) {
	return arrive(counters, counter, expected, [] {});
}

// Keeps the loads before it from being moved to their uses after it, one by one.
__device__ __forceinline__ void all_loaded() { asm volatile("" ::: "memory"); }

// A load past the first-level cache, for data that other blocks wrote during this launch.
#ifdef BNAS_EMULATED
template <class T> inline T fresh(const T *p) { return *p; }
#else
template <class T> __device__ __forceinline__ T fresh(const T *p) { return __ldcg(p); }
#endif

// Calls f(i, x) for i = first, first + ahead · step, … below end, x the elements p[(i + k · step) · pitch], k < ahead, all loaded
// together: one block merges the results of all, and would otherwise wait for the second-level cache at each element. What is
// left at the end comes by half as many, and so on.
template <int ahead, class T, class F> __device__ __forceinline__ void in_batches(int first, int end, int step, const T *p, i64 pitch, const F &f) {
	int i = first;
#pragma unroll 1
	for (; i + (ahead - 1) * step < end; i += ahead * step) {
		const T *at = p + i * pitch;
		T x[ahead];
#pragma unroll
		for (int k = 0; k < ahead; k++, at += step * pitch)
			x[k] = fresh(at);
		f(i, x);
	}
	if constexpr (ahead > 1)
		in_batches<ahead / 2>(i, end, step, p, pitch, f);
}

// Calls f for each element of a batch of in_batches.
template <class F> struct EachOf {
	int step;
	F f;
	template <class T, int N> __device__ __forceinline__ void operator()(int first, const T (&x)[N]) const {
#pragma unroll
		for (int k = 0; k < N; k++)
			f(first + k * step, x[k]);
	}
};

// Calls f(i, p[i * pitch]) for i = first, first + step, … below end, in this order. It loads as in_batches.
template <int ahead, class T, class F> __device__ __forceinline__ void in_order(int first, int end, int step, const T *p, i64 pitch, const F &f) {
	in_batches<ahead>(first, end, step, p, pitch, EachOf<F>{step, f});
}
