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

// What a thread needs to stage the pixels of its W channels of an image, in registers, N pixels at a time. For nodes of TERMS terms,
// all values in half precision or none.
//   Σ f·((x − mean)·scale + beta) = Σ x·(f·scale) + shift        shift = Σ f·(beta − mean·scale)
// A term without BatchNorm has the scale 1, the mean 0 and the beta 0.
// An operand is rounded to ρ, which hides what the sum with a shift loses: 2⁻²⁴·|mean|·scale a term.
template <int TERMS, bool HALF, int W, int N> struct NodeChannels {
	enum { AHEAD = N, WIDTH = W };
	struct Loaded {
		Stored<HALF, W> x[TERMS];
	};
	const char *value[TERMS];
	float scale[TERMS][W], shift[W];
	int pitch; // bytes from pixel to pixel
	i64 activation;

	__device__ __forceinline__ NodeChannels(const Node &n, int image, int first, int channel) : pitch((int)n.pitch << (HALF ? 1 : 2)), activation(n.activation) {
#pragma unroll
		for (int t = 0; t < TERMS; t++) {
			value[t] = global(channel_of(n.term[t].value, HALF, first, (int)n.pitch, channel));
			float own[W];
#pragma unroll
			for (int k = 0; k < W; k++)
				scale[t][k] = 1, own[k] = 0;
			if (n.term[t].affine) {
				const Affine *const from = global(n.term[t].affine + channel);
#pragma unroll
				for (int k = 0; k < W; k++) {
					const Affine a = from[k];
					scale[t][k] = a.scale;
					own[k] = fmaf(-a.mean, a.scale, a.beta);
				}
			}
			if (n.term[t].factor) {
				const float factor = global(n.term[t].factor)[image];
#pragma unroll
				for (int k = 0; k < W; k++) {
					scale[t][k] *= factor;
					own[k] *= factor;
				}
			}
#pragma unroll
			for (int k = 0; k < W; k++)
				shift[k] = t == 0 ? own[k] : shift[k] + own[k];
		}
	}
	__device__ __forceinline__ void load(Loaded &l, int pixel) const {
		const i64 at = (i64)pixel * pitch;
#pragma unroll
		for (int t = 0; t < TERMS; t++)
			l.x[t].load(value[t] + at);
	}
	// Channels 4k to 4k + 3 of the sum.
	__device__ __forceinline__ float4 sum(const Loaded &l, int k) const {
		float4 z = make_float4(shift[4 * k], shift[4 * k + 1], shift[4 * k + 2], shift[4 * k + 3]);
#pragma unroll
		for (int t = 0; t < TERMS; t++) {
			const float4 x = l.x[t].value(k);
			const float *const s = scale[t] + 4 * k;
			z = make_float4(fmaf(x.x, s[0], z.x), fmaf(x.y, s[1], z.y), fmaf(x.z, s[2], z.z), fmaf(x.w, s[3], z.w));
		}
		return z;
	}
	__device__ __forceinline__ bool relu() const { return activation == RELU; }
	template <int M> __device__ __forceinline__ void finish(float4 (&z)[M]) const { activate_batch(z, activation); }
};

// The same for a value with one source, through a BatchNorm:
//   scale·(f·d) + offset + slope·(x − mean) = (f·scale)·d + slope·x + shift        shift = offset − slope·mean
template <bool HALF, int W, int N> struct IncomingChannels {
	enum { AHEAD = N, WIDTH = W };
	struct Loaded {
		Stored<false, W> d;
		Stored<HALF, W> x;
	};
	const char *gradient, *value;
	float scale[W], slope[W], shift[W];
	int pitch; // bytes from pixel to pixel of the value

	__device__ __forceinline__ IncomingChannels(const Incoming &v, int image, int first, int channel) : pitch((int)v.pitch << (HALF ? 1 : 2)) {
		gradient = global(channel_of(v.source[0].gradient, false, first, (int)v.pitch, channel));
		value = global(channel_of(v.value, HALF, first, (int)v.pitch, channel));
		const Slope *const from = global(v.source[0].slope + channel);
#pragma unroll
		for (int k = 0; k < W; k++) {
			const Slope s = from[k];
			scale[k] = s.scale;
			slope[k] = s.slope;
			shift[k] = fmaf(-s.slope, s.mean, s.offset);
		}
		if (v.source[0].factor) {
			const float factor = global(v.source[0].factor)[image];
#pragma unroll
			for (int k = 0; k < W; k++)
				scale[k] *= factor;
		}
	}
	__device__ __forceinline__ void load(Loaded &l, int pixel) const {
		const i64 at = (i64)pixel * pitch;
		l.d.load(gradient + (HALF ? 2 * at : at));
		l.x.load(value + at);
	}
	__device__ __forceinline__ float through(float d, float x, int k) const { return fmaf(slope[k], x, fmaf(scale[k], d, shift[k])); }
	__device__ __forceinline__ float4 sum(const Loaded &l, int k) const {
		const float4 d = l.d.value(k), x = l.x.value(k);
		return make_float4(through(d.x, x.x, 4 * k), through(d.y, x.y, 4 * k + 1), through(d.z, x.z, 4 * k + 2), through(d.w, x.w, 4 * k + 3));
	}
	__device__ __forceinline__ bool relu() const { return false; }
	template <int M> __device__ __forceinline__ void finish(float4 (&)[M]) const {}
};

// How the threads of a block stage chunks: each by what its own channels are, or all with all they need in registers, the values in half
// precision or none.
enum { ANY, ALL_FLOAT, ALL_HALF };

// u = act(Σ terms) of four channels, as load_node.
struct NodeOperand {
	enum { FIRST = 2, NEXT = 1 };
	const Node &node;
	int number; // of the image
	int channel;

	__device__ __forceinline__ NodeOperand(const Node &n, int image) : node(n), number(image), channel(0) {}
	__device__ __forceinline__ int height() const { return (int)node.height; }
	__device__ __forceinline__ int width() const { return (int)node.width; }
	__device__ __forceinline__ int channels() const { return (int)node.pitch; }
	__device__ __forceinline__ void seek(int c) { channel = c; }
	// The way to stage that suits the node.
	__device__ __forceinline__ int way() const {
		const int terms = (int)node.terms;
		int halves = 0;
		for (int t = 0; t < terms; t++)
			halves += node.term[t].half != 0;
		return terms == 0 || (halves > 0 && halves < terms) ? ANY : halves > 0 ? ALL_HALF : ALL_FLOAT;
	}
	template <bool HALF, class Stager> __device__ __forceinline__ void stage_whole(Stager &s, SharedAddress chunk, int from, int steps) const {
		const int first = number * height() * width();
		if (node.terms == 1) {
			s.template begin<8>(from, steps);
			return s.whole(chunk, NodeChannels<1, HALF, 8, 3>(node, number, first, channel));
		}
		if (node.terms == 2) {
			s.template begin<HALF ? 8 : 4>(from, steps);
			return s.whole(chunk, NodeChannels<2, HALF, HALF ? 8 : 4, HALF ? 2 : 3>(node, number, first, channel));
		}
		s.template begin<4>(from, steps);
		return s.whole(chunk, NodeChannels<3, HALF, 4, 2>(node, number, first, channel));
	}
	// Stages a chunk of so many steps along K from channel `from` on.
	template <class Stager> __device__ __forceinline__ void stage(Stager &s, SharedAddress chunk, int way, int from, int steps) const {
		if (way == ALL_HALF)
			return stage_whole<true>(s, chunk, from, steps);
		if (way == ALL_FLOAT)
			return stage_whole<false>(s, chunk, from, steps);
		s.template begin<4>(from, steps);
		s.template rest<FIRST>(chunk);
	}
	// The same between the sums of two chunks, which leave few registers.
	template <class Stager> __device__ __forceinline__ void stage_more(Stager &s, SharedAddress chunk, int, int from, int steps) const {
		s.template begin<4>(from, steps);
		s.template rest<NEXT>(chunk);
	}
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
	enum { FIRST = 2, NEXT = 1, WIDE = 2 };
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
	__device__ __forceinline__ bool plain(const Incoming &v) const { return v.sources == 1 && v.source[0].slope; }
	// The way to stage that suits all values.
	__device__ __forceinline__ int way() const {
		const int outs = (int)step.outs;
		bool all = true;
		int halves = 0;
		for (int b = 0; b < outs; b++) {
			all = all && plain(step.out[b]);
			halves += step.out[b].half != 0;
		}
		return !all || (halves > 0 && halves < outs) ? ANY : halves > 0 ? ALL_HALF : ALL_FLOAT;
	}
	// Stages the chunk that the stager has begun, by what the thread's value is.
	template <int N, class Stager> __device__ __forceinline__ void stage_own(Stager &s, SharedAddress chunk) const {
		const int first = number * height() * width();
		if (plain(*incoming) && incoming->half)
			s.whole(chunk, IncomingChannels<true, 4, N>(*incoming, number, first, channel));
		else if (plain(*incoming))
			s.whole(chunk, IncomingChannels<false, 4, N>(*incoming, number, first, channel));
		else
			s.template rest<N>(chunk);
	}
	// Stages a chunk of so many steps along K from column `from` on.
	template <int AHEAD, int N, class Stager> __device__ __forceinline__ void stage_by(Stager &s, SharedAddress chunk, int way, int from, int steps) const {
		const int first = number * height() * width();
		if (way == ANY) {
			s.template begin<4>(from, steps);
			return stage_own<N>(s, chunk);
		}
		s.template begin<8>(from, steps);
		if (way == ALL_HALF)
			s.whole(chunk, IncomingChannels<true, 8, AHEAD>(*incoming, number, first, channel));
		else
			s.whole(chunk, IncomingChannels<false, 8, AHEAD>(*incoming, number, first, channel));
	}
	template <class Stager> __device__ __forceinline__ void stage(Stager &s, SharedAddress chunk, int way, int from, int steps) const {
		stage_by<WIDE, FIRST>(s, chunk, way, from, steps);
	}
	// The same between the sums of two chunks, which leave few registers.
	template <class Stager> __device__ __forceinline__ void stage_more(Stager &s, SharedAddress chunk, int way, int from, int steps) const {
		stage_by<1, NEXT>(s, chunk, way, from, steps);
	}
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

// From a pixel that a thread stages to its next one: rows, columns, and bytes in the patch. It is in shared memory, for threads of
// four channels and of eight, and for chunks of one step along K and of two: it would take registers of each thread.
struct Onward {
	int down, right, apart;
};

// Entry k of the list.
template <class T> __device__ __forceinline__ Onward onward_of(const Patch &patch, int k) {
	const int step = blockDim.x / ((k % 2 + 1) * (T::K / (k < 2 ? 4 : 8)));
	return Onward{step / patch.width, step % patch.width, step * patch.ld};
}

// What a thread needs to go from pixel to pixel.
struct Course {
	int width, height; // of the map, no height if the map does not have the thread's channels
	int across, beyond; // columns of the patch, and the map's column beyond them
	int down, right;
};

// A thread's part of a patch's chunk: four or eight channels, every `apart`-th pixel. Neighbouring threads have neighbouring
// channels, then pixels: whole sectors.
template <class T, class Operand> struct Stager {
	Operand operand;
	const Patch &patch;
	const Onward *const list;
	int kind; // of the chunk, in the list
	int row, col; // of the map, the thread's next pixel
	int to; // of the next pixel in the patch, in bytes
	bool inside; // the channels are those of the map

	__device__ __forceinline__ Stager(const Operand &o, const Patch &p, const Onward *list) : operand(o), patch(p), list(list) {}
	// The chunk of `steps` steps along K from channel `first`, W channels a thread.
	template <int W> __device__ __forceinline__ void begin(int first, int steps) {
		const int groups = steps * (T::K / W), g = threadIdx.x % groups, pixel = threadIdx.x / groups, width = patch.width;
		kind = (W / 8) * 2 + steps - 1;
		row = patch.y0 + pixel / width;
		col = patch.x0 + pixel % width;
		to = pixel * patch.ld + W * g * T::BYTES;
		inside = first + W * g < operand.channels();
		if (inside)
			operand.seek(first + W * g);
	}
	__device__ __forceinline__ int end() const { return patch.height * patch.width * patch.ld; }
	__device__ __forceinline__ bool more() const { return to < end(); }
	__device__ __forceinline__ Course course() const {
		return Course{operand.width(), inside ? operand.height() : 0, patch.width, patch.x0 + patch.width, list[kind].down, list[kind].right};
	}
	// The next N pixels: of the image, 0 for those outside.
	template <int N> __device__ __forceinline__ void find(const Course &way, int (&pixel)[N], bool (&some)[N]) {
#pragma unroll
		for (int j = 0; j < N; j++) {
			some[j] = ((unsigned)row < (unsigned)way.height) & ((unsigned)col < (unsigned)way.width);
			pixel[j] = some[j] ? row * way.width + col : 0;
			col += way.right;
			const int wraps = col >= way.beyond;
			col -= wraps * way.across;
			row += way.down + wraps;
		}
	}
	template <int N> __device__ __forceinline__ void fetch(Batch<N> &b) {
		find(course(), b.pixel, b.inside);
		operand.fetch(b);
	}
	// A pixel's channels, rounded; zeros outside the map. relu: rectified before.
	template <bool relu, int M> __device__ __forceinline__ void write(SharedAddress at, const float4 (&z)[M], bool some) const {
		typename T::Four v[M];
#pragma unroll
		for (int k = 0; k < M; k++)
			v[k] = T::only(some, relu ? T::rounded_relu(z[k]) : T::rounded(z[k]));
		if constexpr (M == 1)
			write_shared(at, v[0]);
		else
			T::write_eight(at, v[0], v[1]);
	}
	// A whole chunk, with what the channels need in registers: while there are no sums in them.
	template <class Channels> __device__ __forceinline__ void whole(SharedAddress chunk, const Channels &channels) {
		enum { N = Channels::AHEAD, M = Channels::WIDTH / 4 };
		const int last = end(), apart = list[kind].apart;
		const bool relu = channels.relu();
		const Course way = course();
#pragma unroll 1
		while (to < last) {
			int pixel[N];
			bool some[N];
			typename Channels::Loaded loaded[N];
			find(way, pixel, some);
#pragma unroll
			for (int j = 0; j < N; j++)
				channels.load(loaded[j], pixel[j]);
#pragma unroll
			for (int j = 0; j < N; j++, to += apart) {
				if (to >= last)
					continue;
				float4 z[M];
#pragma unroll
				for (int k = 0; k < M; k++)
					z[k] = channels.sum(loaded[j], k);
				if (relu) {
					write<true>(chunk + to, z, some[j]);
					continue;
				}
				channels.finish(z);
				write<false>(chunk + to, z, some[j]);
			}
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
