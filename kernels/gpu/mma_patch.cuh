// Patches of the tensor-core convolutions: loaded from maps, transformed in fp32, rounded once as they are stored.
//
// A row of a patch (patch.cuh) has 32 bytes along K for each step, and 16 more: an odd multiple of 16. ldmatrix reads
// eight neighbouring pixels of a row at once. At any tap they are in eight different 16-byte groups of banks. Pixels
// two apart (stride 2) share groups in pairs.
//
// A thread asks for a batch of float4s before it uses any, so that many loads are under way. It loads every pixel of its
// batch: for one outside the map, the image's first pixel, and stores zeros. So no load waits for a condition. Most nodes
// and values are of the kinds that NodeChannels and IncomingChannels take, with what their channels need in registers;
// Batch is for all others.
#pragma once
#include "mma_operand.cuh"
#include "patch.cuh"

#ifdef BNAS_TENSOR_CORES

// The loads under way of a thread: a float4 of N pixels, of the first term or source and, for a gradient, of the value.
template <int N> struct Batch {
	float4 result[N], value[N];
	int pixel[N]; // of the image
	bool inside[N];
};

// Loads float4s of the pixels of an image. from: the thread's channels of the first pixel. Numbers in half precision stay
// packed, two in x and two in y, until widen_batch.
template <int N> __device__ __forceinline__ void load_batch(float4 (&x)[N], const char *from, bool half, int pitch, const int (&pixel)[N]) {
	from = global(from);
	if (half) {
#pragma unroll
		for (int j = 0; j < N; j++)
			*(float2 *)&x[j] = *(const float2 *)(from + (i64)(pixel[j] * pitch) * 2);
		return;
	}
#pragma unroll
	for (int j = 0; j < N; j++)
		x[j] = *(const float4 *)(from + (i64)(pixel[j] * pitch) * 4);
}

template <int N> __device__ __forceinline__ void widen_batch(float4 (&x)[N], bool half) {
	if (!half)
		return;
#pragma unroll
	for (int j = 0; j < N; j++)
		x[j] = widened(make_uint2(__float_as_uint(x[j].x), __float_as_uint(x[j].y)));
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
	a = global(a);
	Affine p = a[0], q = a[1], r = a[2], s = a[3];
#pragma unroll
	for (int j = 0; j < N; j++)
		x[j] = make_float4(normalise(x[j].x, p), normalise(x[j].y, q), normalise(x[j].z, r), normalise(x[j].w, s));
}

template <int N> __device__ __forceinline__ void scale_batch(float4 (&d)[N], const float4 (&x)[N], const Slope *slope) {
	slope = global(slope);
	Slope p = slope[0], q = slope[1], r = slope[2], s = slope[3];
#pragma unroll
	for (int j = 0; j < N; j++)
		d[j] = make_float4(through(d[j].x, x[j].x, p), through(d[j].y, x[j].y, q), through(d[j].z, x[j].z, r), through(d[j].w, x[j].w, s));
}

// The activation asks once a batch what it is.
template <int N> __device__ __forceinline__ void activate_batch(float4 (&x)[N], i64 activation) {
	if (activation == LINEAR)
		return;
#pragma unroll
	for (int j = 0; j < N; j++)
		x[j] = make_float4(activate(x[j].x, RELU), activate(x[j].y, RELU), activate(x[j].z, RELU), activate(x[j].w, RELU));
	if (activation == RELU)
		return;
#pragma unroll
	for (int j = 0; j < N; j++)
		x[j] = make_float4(activate(x[j].x, RELU6), activate(x[j].y, RELU6), activate(x[j].z, RELU6), activate(x[j].w, RELU6));
}

// The element of a map where an image's channel begins, in bytes. first: the image's first pixel in the batch.
__device__ __forceinline__ const char *channel_of(const void *map, bool half, int first, int pitch, int channel) {
	return (const char *)map + (((i64)first * pitch + channel) << (half ? 1 : 2));
}

// Four channels as they are stored.
template <bool HALF> struct Stored {
	float4 x;
	__device__ __forceinline__ void load(const char *from, int at) { x = *(const float4 *)(from + (i64)at * 4); }
	__device__ __forceinline__ float4 value() const { return x; }
};
template <> struct Stored<true> {
	uint2 x;
	__device__ __forceinline__ void load(const char *from, int at) { x = *(const uint2 *)(from + (i64)at * 2); }
	__device__ __forceinline__ float4 value() const { return widened(x); }
};

// What a thread needs to stage the pixels of its channels, in registers. For nodes whose TERMS terms all go through a
// BatchNorm, without factors, all values in half precision or none.
template <int TERMS, bool HALF> struct NodeChannels {
	enum { AHEAD = TERMS > 2 ? 2 : 3 };
	struct Loaded {
		Stored<HALF> x[TERMS];
	};
	const char *value[TERMS];
	Affine4 a[TERMS];
	int pitch;
	i64 activation;

	__device__ __forceinline__ NodeChannels(const Node &n, int first, int channel) : pitch((int)n.pitch), activation(n.activation) {
#pragma unroll
		for (int t = 0; t < TERMS; t++) {
			value[t] = global(channel_of(n.term[t].value, HALF, first, pitch, channel));
			a[t] = coefficients_of(n.term[t].affine + channel);
		}
	}
	__device__ __forceinline__ void load(Loaded &l, int pixel) const {
		const int at = pixel * pitch;
#pragma unroll
		for (int t = 0; t < TERMS; t++)
			l.x[t].load(value[t], at);
	}
	__device__ __forceinline__ float4 sum(const Loaded &l) const {
		float4 z = normalise(l.x[0].value(), a[0]);
#pragma unroll
		for (int t = 1; t < TERMS; t++)
			z = z + normalise(l.x[t].value(), a[t]);
		return z;
	}
	template <int N> __device__ __forceinline__ void finish(float4 (&z)[N]) const { activate_batch(z, activation); }
};

// The same for a value with one source, through a BatchNorm and without factor. N pixels are under way.
template <bool HALF, int N> struct IncomingChannels {
	enum { AHEAD = N };
	struct Loaded {
		Stored<false> d;
		Stored<HALF> x;
	};
	const char *gradient, *value;
	Slope a, b, c, d;
	int pitch;

	__device__ __forceinline__ IncomingChannels(const Incoming &v, int first, int channel) : pitch((int)v.pitch) {
		gradient = global(channel_of(v.source[0].gradient, false, first, pitch, channel));
		value = global(channel_of(v.value, HALF, first, pitch, channel));
		const Slope *s = global(v.source[0].slope + channel);
		a = s[0], b = s[1], c = s[2], d = s[3];
	}
	__device__ __forceinline__ void load(Loaded &l, int pixel) const {
		const int at = pixel * pitch;
		l.d.load(gradient, at);
		l.x.load(value, at);
	}
	__device__ __forceinline__ float4 sum(const Loaded &l) const {
		const float4 g = l.d.value(), x = l.x.value();
		return make_float4(through(g.x, x.x, a), through(g.y, x.y, b), through(g.z, x.z, c), through(g.w, x.w, d));
	}
	template <int M> __device__ __forceinline__ void finish(float4 (&)[M]) const {}
};

// u = act(Σ terms) of four channels, as load_node.
struct NodeOperand {
	enum { FIRST = 3, NEXT = 1 };
	const Node &node;
	int number; // of the image
	int channel;

	__device__ __forceinline__ NodeOperand(const Node &n, int image) : node(n), number(image), channel(0) {}
	__device__ __forceinline__ int height() const { return (int)node.height; }
	__device__ __forceinline__ int width() const { return (int)node.width; }
	__device__ __forceinline__ int channels() const { return (int)node.pitch; }
	__device__ __forceinline__ void seek(int c) { channel = c; }
	// Stages a chunk by whichever way suits the node.
	template <class Stager> __device__ __forceinline__ void stage(Stager &s, SharedAddress chunk) const {
		const int terms = (int)node.terms, first = number * height() * width();
		bool plain = terms > 0;
		int halves = 0;
		for (int t = 0; t < terms; t++) {
			plain = plain && node.term[t].affine && !node.term[t].factor;
			halves += node.term[t].half != 0;
		}
		if (plain && halves == terms) {
			if (terms == 1)
				return s.whole(chunk, NodeChannels<1, true>(node, first, channel));
			if (terms == 2)
				return s.whole(chunk, NodeChannels<2, true>(node, first, channel));
			return s.whole(chunk, NodeChannels<3, true>(node, first, channel));
		}
		if (plain && halves == 0) {
			if (terms == 1)
				return s.whole(chunk, NodeChannels<1, false>(node, first, channel));
			if (terms == 2)
				return s.whole(chunk, NodeChannels<2, false>(node, first, channel));
			return s.whole(chunk, NodeChannels<3, false>(node, first, channel));
		}
		s.template rest<FIRST>(chunk);
	}
	// The same between the sums of two chunks, which leave few registers.
	template <class Stager> __device__ __forceinline__ void stage_more(Stager &s, SharedAddress chunk) const { s.template rest<NEXT>(chunk); }
	template <int N> __device__ __forceinline__ void load(float4 (&x)[N], const Term &t, const int (&pixel)[N]) const {
		const bool half = t.half != 0;
		const int pitch = (int)node.pitch;
		load_batch(x, channel_of(t.value, half, number * height() * width(), pitch, channel), half, pitch, pixel);
	}
	template <int N> __device__ __forceinline__ void scale(float4 (&x)[N], const Term &t) const {
		widen_batch(x, t.half != 0);
		if (t.affine)
			scale_batch(x, t.affine + channel);
		if (const float *factor = t.factor)
			scale_batch(x, factor[number]);
	}
	template <int N> __device__ __forceinline__ void fetch(Batch<N> &b) const {
		if (node.terms > 0)
			return load(b.result, node.term[0], b.pixel);
#pragma unroll
		for (int j = 0; j < N; j++)
			b.result[j] = make_float4(0, 0, 0, 0);
	}
	template <int N> __device__ __forceinline__ void finish(Batch<N> &b) const {
		if (node.terms > 0)
			scale(b.result, node.term[0]);
#pragma unroll 1
		for (int t = 1; t < (int)node.terms; t++) {
			load(b.value, node.term[t], b.pixel);
			scale(b.value, node.term[t]);
			add_batch(b.result, b.value);
		}
		activate_batch(b.result, node.activation);
	}
};

// ∂loss/∂value = Σ sources of four columns of a step, as load_incoming. What the first source needs is at hand: most values
// have no other.
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
	template <int N, class Stager> __device__ __forceinline__ void stage_by(Stager &s, SharedAddress chunk) const {
		const int first = number * height() * width();
		const bool plain = incoming->sources == 1 && incoming->source[0].slope && !incoming->source[0].factor;
		if (plain && incoming->half)
			s.whole(chunk, IncomingChannels<true, N>(*incoming, first, channel));
		else if (plain)
			s.whole(chunk, IncomingChannels<false, N>(*incoming, first, channel));
		else
			s.template rest<N>(chunk);
	}
	template <class Stager> __device__ __forceinline__ void stage(Stager &s, SharedAddress chunk) const { stage_by<FIRST>(s, chunk); }
	template <class Stager> __device__ __forceinline__ void stage_more(Stager &s, SharedAddress chunk) const { stage_by<NEXT>(s, chunk); }
	template <int N> __device__ __forceinline__ void load(float4 (&x)[N], const void *map, bool half, const int (&pixel)[N]) const {
		const int pitch = (int)incoming->pitch;
		load_batch(x, channel_of(map, half, number * height() * width(), pitch, channel), half, pitch, pixel);
	}
	template <int N> __device__ __forceinline__ void fetch(Batch<N> &b) const {
		if (incoming->sources > 0) {
			load(b.result, incoming->source[0].gradient, false, b.pixel);
			if (incoming->source[0].slope)
				load(b.value, incoming->value, incoming->half != 0, b.pixel);
			return;
		}
#pragma unroll
		for (int j = 0; j < N; j++)
			b.result[j] = make_float4(0, 0, 0, 0);
	}
	template <int N> __device__ __forceinline__ void finish(Batch<N> &b) const {
		if (incoming->sources == 0)
			return;
		const Source &first = incoming->source[0];
		const bool half = incoming->half != 0;
		bool read = first.slope != 0;
		if (const float *factor = first.factor)
			scale_batch(b.result, factor[number]);
		if (read) {
			widen_batch(b.value, half);
			scale_batch(b.result, b.value, first.slope + channel);
		}
#pragma unroll 1
		for (int k = 1; k < (int)incoming->sources; k++) {
			const Source &source = incoming->source[k];
			float4 more[N];
			load(more, source.gradient, false, b.pixel);
			if (source.factor)
				scale_batch(more, source.factor[number]);
			if (source.slope) {
				if (!read) {
					load(b.value, incoming->value, half, b.pixel);
					widen_batch(b.value, half);
				}
				read = true;
				scale_batch(more, b.value, source.slope + channel);
			}
			add_batch(b.result, more);
		}
	}
};

// From a pixel that a thread stages to its next one: rows, columns, and bytes in the patch. It is in shared memory, for chunks
// of one step along K and of two: it would take registers of each thread.
struct Onward {
	int down, right, apart;
};

template <class T> __device__ __forceinline__ Onward onward_of(const Patch &patch, int steps) {
	const int step = blockDim.x / (steps * (T::K / 4));
	return Onward{step / patch.width, step % patch.width, step * patch.ld};
}

// A thread's part of a patch's chunk: four channels, every `apart`-th pixel. Neighbouring threads have neighbouring
// channels, then pixels: whole sectors.
template <class T, class Operand> struct Stager {
	Operand operand;
	const Patch &patch;
	const Onward *const list; // [steps − 1]
	int kind; // of the chunk, in the list
	int row, col; // of the map, the thread's next pixel
	int to; // of the next pixel in the patch, in bytes
	bool inside; // the channels are those of the map

	__device__ __forceinline__ Stager(const Operand &o, const Patch &p, const Onward *list) : operand(o), patch(p), list(list) {}
	// The chunk of `steps` steps along K from channel `first`.
	__device__ __forceinline__ void begin(int first, int steps) {
		const int groups = steps * (T::K / 4), g = threadIdx.x % groups, pixel = threadIdx.x / groups, width = patch.width;
		kind = steps - 1;
		row = patch.y0 + pixel / width;
		col = patch.x0 + pixel % width;
		to = pixel * patch.ld + 4 * g * T::BYTES;
		inside = first + 4 * g < operand.channels();
		if (inside)
			operand.seek(first + 4 * g);
	}
	__device__ __forceinline__ int end() const { return patch.height * patch.width * patch.ld; }
	__device__ __forceinline__ bool more() const { return to < end(); }
	// The next N pixels: of the image, 0 for those outside.
	template <int N> __device__ __forceinline__ void find(int (&pixel)[N], bool (&some)[N]) {
		const int width = operand.width(), across = patch.width, beyond = patch.x0 + across, down = list[kind].down, right = list[kind].right;
		const unsigned height = inside ? operand.height() : 0;
#pragma unroll
		for (int j = 0; j < N; j++) {
			some[j] = ((unsigned)row < height) & ((unsigned)col < (unsigned)width);
			pixel[j] = some[j] ? row * width + col : 0;
			col += right;
			const int wraps = col >= beyond;
			col -= wraps * across;
			row += down + wraps;
		}
	}
	template <int N> __device__ __forceinline__ void fetch(Batch<N> &b) {
		find(b.pixel, b.inside);
		operand.fetch(b);
	}
	// A whole chunk, with what the channels need in registers: while there are no sums in them.
	template <class Channels> __device__ __forceinline__ void whole(SharedAddress chunk, const Channels &channels) {
		enum { N = Channels::AHEAD };
		const int last = end(), apart = list[kind].apart;
#pragma unroll 1
		while (to < last) {
			int pixel[N];
			bool some[N];
			typename Channels::Loaded loaded[N];
			find(pixel, some);
#pragma unroll
			for (int j = 0; j < N; j++)
				channels.load(loaded[j], pixel[j]);
			float4 z[N];
#pragma unroll
			for (int j = 0; j < N; j++)
				z[j] = channels.sum(loaded[j]);
			channels.finish(z);
#pragma unroll
			for (int j = 0; j < N; j++, to += apart)
				if (to < last)
					write_shared(chunk + to, T::only(some[j], T::rounded(z[j])));
		}
	}
	template <int N> __device__ __forceinline__ void put(SharedAddress chunk, Batch<N> &b) {
		operand.finish(b);
		const int last = end(), apart = list[kind].apart;
#pragma unroll
		for (int j = 0; j < N; j++, to += apart)
			if (to < last)
				write_shared(chunk + to, T::only(b.inside[j], T::rounded(b.result[j])));
	}
	// The rest of the chunk, N pixels at a time.
	template <int N> __device__ __forceinline__ void rest(SharedAddress chunk) {
#pragma unroll 1
		while (more()) {
			Batch<N> b;
			fetch(b);
			put(chunk, b);
		}
	}
};

#endif
