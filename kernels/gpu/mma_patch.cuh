// Patches of the tensor-core convolutions: loaded from maps, transformed in fp32, rounded once as they are stored.
//
// A row of a patch (patch.cuh) has 32 bytes along K for each step, and 16 more: an odd multiple of 16. ldmatrix reads
// eight neighbouring pixels of a row at once. At any tap they are in eight different 16-byte groups of banks. Pixels
// two apart (stride 2) share groups in pairs.
//
// DRAM bounds these convolutions, so the number of loads under way matters. A thread asks for a batch of float4s before
// it uses any. In between it multiplies a tap of the present chunk, except for the first chunk.
#pragma once
#include "mma_operand.cuh"
#include "patch.cuh"

#ifdef BNAS_TENSOR_CORES

// The loads under way of a thread: a float4 of N pixels, of the first term or source and, for a gradient, of the value.
template <int N> struct Batch {
	float4 result[N], value[N];
	int at[N]; // floats into the image, −1: outside
};

// Loads float4s of a map from element `image` on. Numbers in half precision stay packed, two in x and two in y, until
// widen_batch.
template <int N> __device__ __forceinline__ void load_batch(float4 (&x)[N], const void *map, i64 half, i64 image, const int (&at)[N]) {
#pragma unroll
	for (int j = 0; j < N; j++) {
		x[j] = make_float4(0, 0, 0, 0);
		if (at[j] >= 0 && !half)
			x[j] = *(const float4 *)(global((const float *)map) + image + at[j]);
		if (at[j] >= 0 && half)
			*(float2 *)&x[j] = *(const float2 *)(global((const unsigned short *)map) + image + at[j]);
	}
}

template <int N> __device__ __forceinline__ void widen_batch(float4 (&x)[N], i64 half) {
	if (!half)
		return;
#pragma unroll
	for (int j = 0; j < N; j++) {
		unsigned a = __float_as_uint(x[j].x), b = __float_as_uint(x[j].y);
		x[j] = make_float4(from_f16(a & 0xffff), from_f16(a >> 16), from_f16(b & 0xffff), from_f16(b >> 16));
	}
}

template <int N> __device__ __forceinline__ void add_batch(float4 (&x)[N], const float4 (&y)[N]) {
#pragma unroll
	for (int j = 0; j < N; j++)
		x[j] = x[j] + y[j];
}

template <int N> __device__ __forceinline__ void scale_batch(float4 (&x)[N], float factor) {
#pragma unroll
	for (int j = 0; j < N; j++)
		x[j] = x[j] * factor;
}

template <int N> __device__ __forceinline__ void scale_batch(float4 (&x)[N], const Affine *a) {
	Affine p = a[0], q = a[1], r = a[2], s = a[3];
#pragma unroll
	for (int j = 0; j < N; j++)
		x[j] = make_float4(normalise(x[j].x, p), normalise(x[j].y, q), normalise(x[j].z, r), normalise(x[j].w, s));
}

template <int N> __device__ __forceinline__ void scale_batch(float4 (&d)[N], const float4 (&x)[N], const Slope *slope) {
	Slope p = slope[0], q = slope[1], r = slope[2], s = slope[3];
#pragma unroll
	for (int j = 0; j < N; j++)
		d[j] = make_float4(through(d[j].x, x[j].x, p), through(d[j].y, x[j].y, q), through(d[j].z, x[j].z, r), through(d[j].w, x[j].w, s));
}

// u = act(Σ terms) of four channels, as load_node.
struct NodeOperand {
	enum { FIRST = 4, NEXT = 1 };
	const Node &node;
	int number; // of the image
	int channel;

	__device__ __forceinline__ NodeOperand(const Node &n, int image) : node(n), number(image), channel(0) {}
	__device__ __forceinline__ int height() const { return (int)node.height; }
	__device__ __forceinline__ int width() const { return (int)node.width; }
	__device__ __forceinline__ int channels() const { return (int)node.pitch; }
	__device__ __forceinline__ void seek(int c) { channel = c; }
	__device__ __forceinline__ int at(int pixel) const { return pixel * (int)node.pitch + channel; }
	template <int N> __device__ __forceinline__ void load(float4 (&x)[N], i64 t, const int (&at)[N]) const {
		load_batch(x, node.term[t].value, node.term[t].half, number * node.height * node.width * node.pitch, at);
	}
	template <int N> __device__ __forceinline__ void scale(float4 (&x)[N], i64 t) const {
		widen_batch(x, node.term[t].half);
		if (node.term[t].affine)
			scale_batch(x, node.term[t].affine + channel);
		if (const float *factor = node.term[t].factor)
			scale_batch(x, factor[number]);
	}
	template <int N> __device__ __forceinline__ void fetch(Batch<N> &b) const {
		if (node.terms > 0)
			return load(b.result, 0, b.at);
#pragma unroll
		for (int j = 0; j < N; j++)
			b.result[j] = make_float4(0, 0, 0, 0);
	}
	template <int N> __device__ __forceinline__ void finish(Batch<N> &b) const {
		if (node.terms > 0)
			scale(b.result, 0);
#pragma unroll 1
		for (i64 t = 1; t < node.terms; t++) {
			load(b.value, t, b.at);
			scale(b.value, t);
			add_batch(b.result, b.value);
		}
		const i64 activation = node.activation;
#pragma unroll
		for (int j = 0; j < N; j++) {
			float4 z = b.result[j];
			b.result[j] = make_float4(activate(z.x, activation), activate(z.y, activation), activate(z.z, activation), activate(z.w, activation));
		}
	}
};

// ∂loss/∂value = Σ sources of four columns of a step, as load_incoming.
struct IncomingOperand {
	enum { FIRST = 2, NEXT = 1 };
	const Backward &step;
	int number; // of the image
	const Incoming *incoming;
	int channel;

	__device__ __forceinline__ IncomingOperand(const Backward &s, int image) : step(s), number(image), incoming(s.out), channel(0) {}
	__device__ __forceinline__ int height() const { return (int)step.height; }
	__device__ __forceinline__ int width() const { return (int)step.width; }
	__device__ __forceinline__ int channels() const { return (int)step.columns; }
	__device__ __forceinline__ void seek(int c) {
		incoming = step.out;
		for (int b = 1; b < step.outs && c >= step.out[b].column; b++)
			incoming = &step.out[b];
		channel = c - (int)incoming->column;
	}
	__device__ __forceinline__ int at(int pixel) const { return pixel * (int)incoming->pitch + channel; }
	__device__ __forceinline__ i64 image() const { return number * step.height * step.width * incoming->pitch; }
	template <int N> __device__ __forceinline__ void fetch(Batch<N> &b) const {
#pragma unroll
		for (int j = 0; j < N; j++)
			b.result[j] = b.value[j] = make_float4(0, 0, 0, 0);
		if (incoming->sources == 0)
			return;
		load_batch(b.result, incoming->source[0].gradient, 0, image(), b.at);
		if (incoming->source[0].slope)
			load_batch(b.value, incoming->value, incoming->half, image(), b.at);
	}
	template <int N> __device__ __forceinline__ void finish(Batch<N> &b) const {
		if (incoming->sources == 0)
			return;
		if (const float *factor = incoming->source[0].factor)
			scale_batch(b.result, factor[number]);
		bool read = incoming->source[0].slope != 0;
		widen_batch(b.value, read && incoming->half);
		if (read)
			scale_batch(b.result, b.value, incoming->source[0].slope + channel);
#pragma unroll 1
		for (i64 k = 1; k < incoming->sources; k++) {
			const Source &source = incoming->source[k];
			float4 more[N];
			load_batch(more, source.gradient, 0, image(), b.at);
			if (source.factor)
				scale_batch(more, source.factor[number]);
			if (source.slope) {
				if (!read) {
					load_batch(b.value, incoming->value, incoming->half, image(), b.at);
					widen_batch(b.value, incoming->half);
				}
				read = true;
				scale_batch(more, b.value, source.slope + channel);
			}
			add_batch(b.result, more);
		}
	}
};

// A thread's part of a patch's chunk: four channels, every `apart`-th pixel. Neighbouring threads have neighbouring
// channels, then pixels: whole sectors.
template <class T, class Operand> struct Stager {
	Operand operand;
	const Patch &patch;
	int pixel, y, x; // of the patch, the thread's next one
	int apart, column; // bytes
	bool inside; // the channels are those of the map

	__device__ __forceinline__ Stager(const Operand &o, const Patch &p) : operand(o), patch(p) {}
	// The chunk of `steps` steps along K from channel `first`.
	__device__ __forceinline__ void begin(int first, int steps) {
		const int groups = steps * (T::K / 4), g = threadIdx.x % groups;
		apart = blockDim.x / groups;
		pixel = threadIdx.x / groups;
		y = pixel / patch.width;
		x = pixel % patch.width;
		column = 4 * g * T::BYTES;
		inside = first + 4 * g < operand.channels();
		if (inside)
			operand.seek(first + 4 * g);
	}
	__device__ __forceinline__ bool more() const { return pixel < patch.height * patch.width; }
	template <int N> __device__ __forceinline__ void fetch(Batch<N> &b) {
		const int height = operand.height(), width = operand.width();
#pragma unroll
		for (int j = 0; j < N; j++) {
			int row = patch.y0 + y, col = patch.x0 + x;
			bool some = inside && y < patch.height && row >= 0 && row < height && col >= 0 && col < width;
			b.at[j] = some ? operand.at(row * width + col) : -1;
			for (x += apart; x >= patch.width; x -= patch.width)
				y++;
		}
		operand.fetch(b);
	}
	template <int N> __device__ __forceinline__ void put(char *to, Batch<N> &b) {
		operand.finish(b);
		const int pixels = patch.height * patch.width;
#pragma unroll
		for (int j = 0; j < N; j++, pixel += apart)
			if (pixel < pixels)
				T::store(to + pixel * patch.ld + column, b.at[j] >= 0 ? b.result[j] : make_float4(0, 0, 0, 0));
	}
	// The rest of the chunk, N pixels at a time.
	template <int N> __device__ __forceinline__ void rest(char *to) {
#pragma unroll 1
		while (more()) {
			Batch<N> b;
			fetch(b);
			put(to, b);
		}
	}
};

#endif
