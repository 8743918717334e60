// A patch: the window of a map that a tile of pixels needs, some channels of it, in shared memory.
//
//   dst[(y·width + x)·ld + c] = value(origin + (y, x), first + c), zero outside the map
//
// A value is transformed (sum of BatchNorms and activation, or BatchNorm backward) once, as it is loaded, and then read
// by all taps and all columns of the block. ld is channels + 4 floats: with an odd multiple of four, eight neighbouring
// pixels begin in eight different groups of four banks, so that eight threads read float4s of theirs without conflict.
#pragma once
#include "node.cuh"

struct Patch {
	int y0, x0; // of the map, may be outside
	int height, width;
	int ld;
};

// The activations of a node as a patch's source.
struct NodeSource {
	const Node &node;
	__device__ __forceinline__ int height() const { return (int)node.height; }
	__device__ __forceinline__ int width() const { return (int)node.width; }
	__device__ __forceinline__ float4 load(i64 pixel, int c) const { return load_node(node, pixel * node.pitch + c, c); }
};

// The gradients of a step's values as a patch's source; c is a column of the step.
struct IncomingSource {
	const Backward &step;
	__device__ __forceinline__ int height() const { return (int)step.height; }
	__device__ __forceinline__ int width() const { return (int)step.width; }
	__device__ __forceinline__ const Incoming &value(int c) const {
		int b = 0;
		while (b + 1 < step.outs && c >= step.out[b + 1].column)
			b++;
		return step.out[b];
	}
	__device__ __forceinline__ float4 load(i64 pixel, int c) const {
		const Incoming &v = value(c);
		c -= (int)v.column;
		return load_incoming(v, pixel * v.pitch + c, c);
	}
};

// Stages channels [first, first + channels), a multiple of 4. A thread keeps its four channels; neighbouring threads
// have neighbouring channels, then pixels: whole 32-byte sectors.
template <class Source>
__device__ __forceinline__ void stage_patch(float *dst, const Patch &p, const Source &source, int image, int first, int channels) {
	const int groups = channels / 4, R = blockDim.x / groups, g = threadIdx.x % groups, r = threadIdx.x / groups;
	const int height = source.height(), width = source.width(), n = p.height * p.width;
	if (r >= R)
		return;
#pragma unroll 1
	for (int i = r; i < n; i += R) {
		int y = p.y0 + i / p.width, x = p.x0 + i % p.width;
		float4 v = make_float4(0, 0, 0, 0);
		if (y >= 0 && y < height && x >= 0 && x < width)
			v = source.load(((i64)image * height + y) * width + x, first + 4 * g);
		*(float4 *)(dst + i * p.ld + 4 * g) = v;
	}
}

__device__ __forceinline__ int floor_div(int a, int b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

// What rows × width pixels of a convolution's output read of its input.
__device__ __forceinline__ Patch patch_of(const Forward &s, int y0, int x0, int rows, int width, int ld) {
	int reach = (int)((s.kernel - 1) * s.dilation), stride = (int)s.stride;
	return Patch{y0 * stride - (int)s.pad, x0 * stride - (int)s.pad, (rows - 1) * stride + reach + 1,
		(width - 1) * stride + reach + 1, ld};
}

// What rows × width pixels of the gradient at a convolution's input read of the gradients of its outputs: output o takes
// part in input i if o·stride − pad + k·dilation = i for a tap k.
__device__ __forceinline__ Patch patch_of(const Backward &s, int y0, int x0, int rows, int width, int ld) {
	int reach = (int)((s.kernel - 1) * s.dilation), stride = (int)s.stride, pad = (int)s.pad, more = stride > 1 ? 2 : 1;
	return Patch{floor_div(y0 + pad - reach, stride), floor_div(x0 + pad - reach, stride),
		(rows - 1 + reach) / stride + more, (width - 1 + reach) / stride + more, ld};
}
