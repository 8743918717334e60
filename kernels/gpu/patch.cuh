// A patch: the window of a map that a tile of pixels needs, some of its channels, in shared memory.
//
//   dst[(y·width + x)·ld + c] = value(origin + (y, x), first + c), zero outside the map
//
// A value is transformed once, as it is loaded: by the sum of BatchNorms and the activation, or by BatchNorm backward.
// All taps and all columns of the block read the result. ld is channels + 4 floats, an odd multiple of four. Eight
// neighbouring pixels therefore begin in eight different groups of four banks, and eight threads read a float4 each
// without conflict.
#pragma once
#include "node.cuh"

struct Patch {
	int y0, x0; // of the map, may be outside
	int height, width;
	int ld;
};

// The pixels that a thread loads at a time: as many loads are in flight, and share one read of the channels' coefficients.
// On sm_70 a gradient's sums leave no registers for a second pixel.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 750
enum { BATCH = 1 };
#else
enum { BATCH = 2 };
#endif

// Four channels of some pixels of an image. at: the pixel's index in the map, −1 outside.
struct Pixels {
	int image;
	int at[BATCH];
	float4 value[BATCH];
};

__device__ __forceinline__ float4 normalise(float4 x, const Affine (&a)[4]) {
	return make_float4(normalise(x.x, a[0]), normalise(x.y, a[1]), normalise(x.z, a[2]), normalise(x.w, a[3]));
}

__device__ __forceinline__ float4 through(float4 d, float4 x, const Slope (&s)[4]) {
	return make_float4(through(d.x, x.x, s[0]), through(d.y, x.y, s[1]), through(d.z, x.z, s[2]), through(d.w, x.w, s[3]));
}

// The pixels' four channels from c of a map.
__device__ __forceinline__ void load_pixels(float4 (&v)[BATCH], const int (&at)[BATCH], const void *map, i64 half, i64 pitch, int c) {
#pragma unroll
	for (int j = 0; j < BATCH; j++)
		v[j] = at[j] >= 0 ? read_value(map, half, at[j] * pitch + c) : make_float4(0, 0, 0, 0);
}

__device__ __forceinline__ void scale_pixels(float4 (&v)[BATCH], float factor) {
#pragma unroll
	for (int j = 0; j < BATCH; j++)
		v[j] = v[j] * factor;
}

// load_node of some pixels.
__device__ __forceinline__ void load_node(Pixels &p, const Node &n, int c) {
#pragma unroll 1
	for (int t = 0; t < n.terms; t++) {
		float4 x[BATCH];
		load_pixels(x, p.at, n.term[t].value, n.term[t].half, n.pitch, c);
		if (const Affine *from = n.term[t].affine) {
			const Affine a[4] = {from[c], from[c + 1], from[c + 2], from[c + 3]};
#pragma unroll
			for (int j = 0; j < BATCH; j++)
				x[j] = normalise(x[j], a);
		}
		if (const float *factor = n.term[t].factor)
			scale_pixels(x, factor[p.image]);
#pragma unroll
		for (int j = 0; j < BATCH; j++)
			p.value[j] = t == 0 ? x[j] : p.value[j] + x[j];
	}
	if (n.activation == LINEAR)
		return;
#pragma unroll
	for (int j = 0; j < BATCH; j++) {
		float4 &v = p.value[j];
		v = make_float4(activate(v.x, n.activation), activate(v.y, n.activation), activate(v.z, n.activation), activate(v.w, n.activation));
	}
}

// load_incoming of some pixels. Each source with a slope reads the value again, from the first-level cache: the sums of a
// GEMM leave no registers to keep it.
__device__ __forceinline__ void load_incoming(Pixels &p, const Incoming &v, int c) {
#pragma unroll 1
	for (int k = 0; k < v.sources; k++) {
		float4 d[BATCH];
		load_pixels(d, p.at, v.source[k].gradient, 0, v.pitch, c);
		if (const float *factor = v.source[k].factor)
			scale_pixels(d, factor[p.image]);
		if (const Slope *from = v.source[k].slope) {
			float4 x[BATCH];
			load_pixels(x, p.at, v.value, v.half, v.pitch, c);
			const Slope s[4] = {from[c], from[c + 1], from[c + 2], from[c + 3]};
#pragma unroll
			for (int j = 0; j < BATCH; j++)
				d[j] = through(d[j], x[j], s);
		}
#pragma unroll
		for (int j = 0; j < BATCH; j++)
			p.value[j] = k == 0 ? d[j] : p.value[j] + d[j];
	}
}

// Where a patch is loaded from: at(c) has the four channels from c of the source.
//
// The activations of a node.
struct NodeChannel {
	const Node &node;
	int channel;
	__device__ __forceinline__ void load(Pixels &p) const { load_node(p, node, channel); }
};

struct NodeSource {
	const Node &node;
	__device__ __forceinline__ int height() const { return (int)node.height; }
	__device__ __forceinline__ int width() const { return (int)node.width; }
	__device__ __forceinline__ NodeChannel at(int c) const { return NodeChannel{node, c}; }
};

// The gradients of a step's values; c is a column of the step.
struct IncomingChannel {
	const Incoming &value;
	int channel;
	__device__ __forceinline__ void load(Pixels &p) const { load_incoming(p, value, channel); }
};

struct IncomingSource {
	const Backward &step;
	__device__ __forceinline__ int height() const { return (int)step.height; }
	__device__ __forceinline__ int width() const { return (int)step.width; }
	// Which of the step's values has a column.
	__device__ __forceinline__ int index(int c) const {
		int b = 0;
		while (b + 1 < step.outs && c >= step.out[b + 1].column)
			b++;
		return b;
	}
	__device__ __forceinline__ const Incoming &value(int c) const { return step.out[index(c)]; }
	__device__ __forceinline__ IncomingChannel at(int c) const {
		const Incoming &v = value(c);
		return IncomingChannel{v, c - (int)v.column};
	}
};

// Stages channels [first, first + channels), a multiple of 4. A thread has the same four channels of each of its pixels.
// Neighbouring threads have neighbouring channels, then pixels: whole 32-byte sectors.
template <class Source>
__device__ __forceinline__ void stage_patch(float *dst, const Patch &p, const Source &source, int image, int first, int channels) {
	const int groups = channels / 4, R = blockDim.x / groups, g = threadIdx.x % groups, r = threadIdx.x / groups;
	const int height = source.height(), width = source.width(), n = p.height * p.width;
	if (r >= R)
		return;
	const auto mine = source.at(first + 4 * g);
	const int down = R / p.width, right = R % p.width;
	int y = r / p.width, x = r % p.width;
	dst += 4 * g;
#pragma unroll 1
	for (int i = r; i < n; i += BATCH * R) {
		Pixels some;
		some.image = image;
#pragma unroll
		for (int j = 0; j < BATCH; j++) {
			const int row = p.y0 + y, column = p.x0 + x;
			const bool inside = ((unsigned)row < (unsigned)height) & ((unsigned)column < (unsigned)width) & (i + j * R < n);
			some.at[j] = inside ? (image * height + row) * width + column : -1;
			some.value[j] = make_float4(0, 0, 0, 0);
			x += right;
			const int wraps = x >= p.width;
			x -= wraps * p.width;
			y += down + wraps;
		}
		mine.load(some);
#pragma unroll
		for (int j = 0; j < BATCH; j++)
			if (i + j * R < n)
				*(float4 *)(dst + (i + j * R) * p.ld) = some.at[j] >= 0 ? some.value[j] : make_float4(0, 0, 0, 0);
	}
}

__device__ __forceinline__ int floor_div(int a, int b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

// The patch of a convolution's input for rows × width pixels of its output.
__device__ __forceinline__ Patch patch_of(const Forward &s, int y0, int x0, int rows, int width, int ld) {
	int reach = (int)((s.kernel - 1) * s.dilation), stride = (int)s.stride;
	return Patch{y0 * stride - (int)s.pad, x0 * stride - (int)s.pad, (rows - 1) * stride + reach + 1,
		(width - 1) * stride + reach + 1, ld};
}

// The patch of the gradients of a convolution's outputs for rows × width pixels of the gradient at its input. Output o
// takes part in input i if o·stride − pad + k·dilation = i for a tap k.
__device__ __forceinline__ Patch patch_of(const Backward &s, int y0, int x0, int rows, int width, int ld) {
	int reach = (int)((s.kernel - 1) * s.dilation), stride = (int)s.stride, pad = (int)s.pad, more = stride > 1 ? 2 : 1;
	return Patch{floor_div(y0 + pad - reach, stride), floor_div(x0 + pad - reach, stride),
		(rows - 1 + reach) / stride + more, (width - 1 + reach) / stride + more, ld};
}
