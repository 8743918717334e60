// The common part of the ops that are not convolutions: a block fills its tile, four columns of a pixel a thread, and
// stores it. Neighbouring threads have neighbouring columns, then pixels: whole 32-byte sectors. A thread has the same columns of all
// its pixels.
#pragma once
#include "block.cuh"
#include "node.cuh"
#include "store.cuh"

// The floats of a pixel in the tile; the tile is first in the block's shared memory, the stores' scratch behind it.
__device__ __forceinline__ int plain_ld(const Tiling &t) { return (int)t.channel_tile + 4; }

__device__ __forceinline__ float *plain_scratch(float *tile, const Tiling &t) {
	return tile + t.tile_h * t.tile_w * plain_ld(t);
}

// The columns of a thread, four from `column` on, and its pixels: every `apart`-th of the tile, from `first` on, `count` of them.
struct Portion {
	int column, first, apart, count;
	__device__ __forceinline__ explicit Portion(const Place &at) {
		const unsigned groups = (unsigned)at.columns / 4;
		apart = storing(at, 4);
		first = threadIdx.x / groups;
		column = 4 * (threadIdx.x - first * groups);
		count = first < apart ? (at.rows * at.width - first + apart - 1) / apart : 0;
	}
};

// tile[pixel][column] = value(y, x, c): four columns of the map's pixel (y, x) from c. All threads of the block call it.
template <class Value>
__device__ __forceinline__ void fill_tile(float *tile, const Tiling &t, const Place &at, Value value) {
	const Portion mine(at);
	const int ld = plain_ld(t), width = (int)t.tile_w;
	Walk p(mine.first, mine.apart, at.width);
#pragma unroll 1 // with few registers more blocks fit a multiprocessor, and hide the latency
	for (int left = mine.count; left > 0; left--, p.next())
		*(float4 *)(tile + (p.y * width + p.x) * ld + mine.column) = value(at.y0 + p.y, at.x0 + p.x, at.column + mine.column);
	__syncthreads();
}

// The pixels that a thread fills at a time where each is computed alone: as many loads are in flight, and share one read of the
// columns' coefficients.
enum { TOGETHER = 4 };

// Where fill_pixels puts pixels: in the block's tile, at the thread's columns.
struct InTile {
	float *tile;
	int ld;
	__device__ __forceinline__ int place(const Pixel &p) const { return p.tile * ld; }
	__device__ __forceinline__ void put(int place, float4 v) const { *(float4 *)(tile + place) = v; }
};

// The same in a map, without the way through the tile: nothing needs the tile's sums. origin: the tile's first pixel in the batch.
struct InMap {
	void *first; // the tile's first pixel, at the thread's columns
	int pitch;
	bool half, add; // add to what is there, which is not half
	__device__ __forceinline__ InMap(void *map, bool half, bool add, i64 origin, int pitch, int column)
		: first(global((char *)map) + ((origin * pitch + column) << (half ? 1 : 2))), pitch(pitch), half(half), add(add) {}
	__device__ __forceinline__ int place(const Pixel &p) const { return p.map * pitch; }
	__device__ __forceinline__ void put(int place, float4 v) const {
		if (half) {
			*(uint2 *)((unsigned short *)first + place) = halves_of(v);
			return;
		}
		float4 *const to = (float4 *)((float *)first + place);
		*to = add ? v + *to : v;
	}
};

template <bool STRAIGHT, class Places, class Value>
__device__ __forceinline__ void fill_pixels(const Places &places, const Portion &mine, Pixel p, int origin, Value value) {
#pragma unroll 1
	for (int left = mine.count; left > 0; left -= TOGETHER) {
		float4 v[TOGETHER];
		int pixel[TOGETHER], to[TOGETHER];
#pragma unroll
		for (int j = 0; j < TOGETHER; j++, p.next<STRAIGHT>()) { // a pixel below the tile is loaded as its first one, and not stored
			pixel[j] = origin + (j < left ? p.map : 0);
			to[j] = places.place(p);
		}
		value(v, pixel);
#pragma unroll
		for (int j = 0; j < TOGETHER; j++)
			if (j < left)
				places.put(to[j], v[j]);
	}
}

// The same TOGETHER pixels at a time, in a map of `width` pixels a row, to any places. value(v, pixel) sets v to the pixels `pixel` of an
// image. A barrier must follow if they are in the tile.
template <class Places, class Value>
__device__ __forceinline__ void fill_pixels(const Places &places, const Tiling &t, const Place &at, const Portion &mine, int width, Value value) {
	const Pixel p(at, (int)t.tile_w, width, mine.first, mine.apart);
	const int origin = at.y0 * width + at.x0;
	if (p.straight())
		fill_pixels<true>(places, mine, p, origin, value);
	else
		fill_pixels<false>(places, mine, p, origin, value);
}

// The same, each pixel alone: value(pixel) is that of a pixel of the image.
template <class Places, class Value>
__device__ __forceinline__ void fill_each(const Places &places, const Tiling &t, const Place &at, const Portion &mine, int width, Value value) {
	Pixel p(at, (int)t.tile_w, width, mine.first, mine.apart);
	const int origin = at.y0 * width + at.x0;
#pragma unroll 1
	for (int left = mine.count; left > 0; left--, p.next<false>())
		places.put(places.place(p), value(origin + p.map));
}

__device__ __forceinline__ float4 zeros() { return make_float4(0, 0, 0, 0); }

__device__ __forceinline__ float component(float4 a, int j) { return j < 2 ? (j == 0 ? a.x : a.y) : (j == 2 ? a.z : a.w); }

// Where pixel (y, x) of an image begins in a map.
__device__ __forceinline__ i64 pixel_at(i64 image, int y, int x, i64 height, i64 width, i64 pitch) {
	return ((image * height + y) * width + x) * pitch;
}

// ∂loss/∂value of a step's first value at a pixel, four channels from c.
__device__ __forceinline__ float4 incoming_at(const Backward &step, int image, int y, int x, int c) {
	const Incoming &v = step.out[0];
	return load_incoming(v, image, pixel_at(image, y, x, step.height, step.width, v.pitch) + c, c);
}

// A launch without tiles numbers its work and deals it to blocks, or to threads. The grid may have any size.
__device__ __forceinline__ i64 block_index() { return blockIdx.x + (i64)gridDim.x * blockIdx.y; }
__device__ __forceinline__ i64 block_count() { return (i64)gridDim.x * gridDim.y; }
__device__ __forceinline__ i64 thread_index() { return block_index() * blockDim.x + threadIdx.x; }
__device__ __forceinline__ i64 thread_count() { return block_count() * blockDim.x; }
