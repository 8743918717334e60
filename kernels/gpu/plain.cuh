// The common part of the ops that are not convolutions: a block fills its tile, four columns of a pixel a thread, and
// stores it. Neighbouring threads have neighbouring columns, then pixels: whole 32-byte sectors. A thread has the same columns of all
// its pixels.
#pragma once
#include "block.cuh"
#include "node.cuh"

// The floats of a pixel in the tile; the tile is first in the block's shared memory, the stores' scratch behind it.
__device__ __forceinline__ int plain_ld(const Tiling &t) { return (int)t.channel_tile + 4; }

__device__ __forceinline__ float *plain_scratch(float *tile, const Tiling &t) {
	return tile + t.tile_h * t.tile_w * plain_ld(t);
}

// The columns of a thread, four from `column` on, and its pixels: every `apart`-th of the tile, from `first` on. The last threads
// may have none.
struct Portion {
	int column, first, apart;
	__device__ __forceinline__ explicit Portion(const Place &at) {
		const int groups = at.columns / 4;
		apart = blockDim.x / (unsigned)groups;
		first = threadIdx.x / (unsigned)groups;
		column = 4 * ((int)threadIdx.x - first * groups);
	}
	__device__ __forceinline__ int rows(const Place &at) const { return first < apart ? at.rows : 0; }
};

// tile[pixel][column] = value(y, x, c): four columns of the map's pixel (y, x) from c. All threads of the block call it.
template <class Value>
__device__ __forceinline__ void fill_tile(float *tile, const Tiling &t, const Place &at, Value value) {
	const Portion mine(at);
	const int rows = mine.rows(at), ld = plain_ld(t), width = (int)t.tile_w;
#pragma unroll 1 // with few registers more blocks fit a multiprocessor, and hide the latency
	for (Walk p(mine.first, mine.apart, at.width); p.y < rows; p.next())
		*(float4 *)(tile + (p.y * width + p.x) * ld + mine.column) = value(at.y0 + p.y, at.x0 + p.x, at.column + mine.column);
	__syncthreads();
}

// The pixels that a thread fills at a time where each is computed alone: as many loads are in flight, and share one read of the
// columns' coefficients.
enum { TOGETHER = 4 };

// The same TOGETHER pixels at a time, in a map of `width` pixels a row. value(v, pixel, c) sets v to the pixels `pixel` of an image.
template <class Value>
__device__ __forceinline__ void fill_pixels(float *tile, const Tiling &t, const Place &at, int width, Value value) {
	const Portion mine(at);
	const int rows = mine.rows(at), ld = plain_ld(t), across = (int)t.tile_w, origin = at.y0 * width + at.x0;
	tile += mine.column;
#pragma unroll 1
	for (Walk p(mine.first, mine.apart, at.width); p.y < rows;) {
		float4 v[TOGETHER];
		int pixel[TOGETHER], to[TOGETHER];
#pragma unroll
		for (int j = 0; j < TOGETHER; j++, p.next()) { // a pixel below the tile is loaded as its first one, and not stored
			const bool inside = p.y < rows;
			pixel[j] = origin + (inside ? p.y * width + p.x : 0);
			to[j] = inside ? (p.y * across + p.x) * ld : -1;
		}
		value(v, pixel, at.column + mine.column);
#pragma unroll
		for (int j = 0; j < TOGETHER; j++)
			if (to[j] >= 0)
				*(float4 *)(tile + to[j]) = v[j];
	}
	__syncthreads();
}

__device__ __forceinline__ float4 zeros() { return make_float4(0, 0, 0, 0); }

__device__ __forceinline__ float component(float4 a, int j) { return j < 2 ? (j == 0 ? a.x : a.y) : (j == 2 ? a.z : a.w); }

// Where pixel (y, x) of an image begins in a map.
__device__ __forceinline__ i64 pixel_at(i64 image, int y, int x, i64 height, i64 width, i64 pitch) {
	return ((image * height + y) * width + x) * pitch;
}

// u = act(Σ terms) at a pixel, four channels from c.
__device__ __forceinline__ float4 node_at(const Node &n, int image, int y, int x, int c) {
	return load_node(n, image, pixel_at(image, y, x, n.height, n.width, n.pitch) + c, c);
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
