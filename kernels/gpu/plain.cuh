// The common part of the ops that are not convolutions: a block fills its tile, four columns of a pixel a thread, and
// stores it. Neighbouring threads have neighbouring columns, then pixels: whole 32-byte sectors.
#pragma once
#include "block.cuh"
#include "node.cuh"

// The floats of a pixel in the tile; the tile is first in the block's shared memory, the stores' scratch behind it.
__device__ __forceinline__ int plain_ld(const Tiling &t) { return (int)t.channel_tile + 4; }

__device__ __forceinline__ float *plain_scratch(float *tile, const Tiling &t) {
	return tile + t.tile_h * t.tile_w * plain_ld(t);
}

// tile[pixel][column] = value(y, x, c): four columns of the map's pixel (y, x) from c. All threads of the block call it.
template <class Value>
__device__ __forceinline__ void fill_tile(float *tile, const Tiling &t, const Place &at, Value value) {
	const int groups = at.columns / 4, ld = plain_ld(t);
#pragma unroll 1 // with few registers more blocks fit a multiprocessor, and hide the latency
	for (int i = threadIdx.x; i < at.rows * at.width * groups; i += blockDim.x) {
		int p = i / groups, column = i % groups * 4, y = p / at.width, x = p % at.width;
		*(float4 *)(tile + (y * (int)t.tile_w + x) * ld + column) = value(at.y0 + y, at.x0 + x, at.column + column);
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
