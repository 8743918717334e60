// Patches (patch.cuh) of the convolutions in fp32, dense and depthwise.
//
// The pixels of a patch outside the map are zeros in every chunk. They are written once. A chunk's are those inside, a
// rectangle. Most nodes and values are of the kinds that NodeFour, ValueFour and GradientFour take: a thread has in registers what
// its four channels need, and a pixel costs it little more than its loads and multiplications. stage_patch takes all others.
#pragma once
#include "patch.cuh"

// The pixels of a patch that are of the map.
struct Inside {
	int y0, x0; // of the map
	int height, width;
	int first; // the first of them: bytes in the patch
};

__device__ __forceinline__ Inside inside_of(const Patch &p, int height, int width) {
	Inside in;
	in.y0 = max(p.y0, 0);
	in.x0 = max(p.x0, 0);
	in.height = max(min(p.y0 + p.height, height) - in.y0, 0);
	in.width = max(min(p.x0 + p.width, width) - in.x0, 0);
	in.first = ((in.y0 - p.y0) * p.width + in.x0 - p.x0) * p.ld * 4;
	return in;
}

// Whether the whole patch is inside.
__device__ __forceinline__ bool fills(const Inside &in, const Patch &p) { return in.height == p.height && in.width == p.width; }

// Zeros, in the whole patch: those of the pixels outside remain.
__device__ __forceinline__ void clear_patch(SharedAddress patch, const Patch &p) {
	const int step = blockDim.x * 16;
	SharedAddress to = patch + threadIdx.x * 16;
	const SharedAddress end = patch + p.height * p.width * p.ld * 4;
	const float4 zero = make_float4(0, 0, 0, 0);
#pragma unroll 1
	for (; to + 3 * step < end; to += 4 * step) {
		write_shared4(to, zero);
		write_shared4(to + step, zero);
		write_shared4(to + 2 * step, zero);
		write_shared4(to + 3 * step, zero);
	}
#pragma unroll 1
	for (; to < end; to += step)
		write_shared4(to, zero);
}

// Four channels as they are stored.
template <bool HALF> struct StoredFour {
	float4 x;
	__device__ __forceinline__ void load(const char *from) { x = *(const float4 *)from; }
	__device__ __forceinline__ float4 value() const { return x; }
};
template <> struct StoredFour<true> {
	uint2 x;
	__device__ __forceinline__ void load(const char *from) { x = *(const uint2 *)from; }
	__device__ __forceinline__ float4 value() const { return widened(x); }
};

// u = act(Σ ((x − mean)·scale + beta)) of four channels of a node with TERMS terms, all in half precision or none. AFFINE: each through
// a BatchNorm and without a factor; a term without one has the mean 0 and the scale 1, a factor multiplies scale and beta. The betas are
// added first. A factor of 1 changes no bit.
template <int TERMS, bool HALF, bool AFFINE> struct NodeFour {
	enum { BYTES = HALF ? 2 : 4 };
	struct Loaded {
		StoredFour<HALF> x[TERMS];
	};
	const char *value[TERMS];
	float4 mean[TERMS], scale[TERMS], beta;
	int activation;

	// first: elements from the map to the four channels of the image's first pixel
	__device__ __forceinline__ NodeFour(const Node &n, int image, i64 first, int channel) : activation((int)n.activation) {
#pragma unroll
		for (int t = 0; t < TERMS; t++) {
			const Term &term = n.term[t];
			value[t] = global((const char *)term.value) + first * BYTES;
			const Affine *from = term.affine;
			if (AFFINE || from)
				from += channel;
			Affine4 a;
			if (AFFINE) {
				from = global(from);
				a = Affine4{from[0], from[1], from[2], from[3]};
			} else
				a = coefficients_of(from);
			mean[t] = make_float4(a.x.mean, a.y.mean, a.z.mean, a.w.mean);
			scale[t] = make_float4(a.x.scale, a.y.scale, a.z.scale, a.w.scale);
			float4 b = make_float4(a.x.beta, a.y.beta, a.z.beta, a.w.beta);
			if (!AFFINE && term.factor) {
				const float factor = global(term.factor)[image];
				scale[t] = scale[t] * factor;
				b = b * factor;
			}
			beta = t == 0 ? b : beta + b;
		}
	}
	// at: bytes from there to the same channels of a pixel
	__device__ __forceinline__ void load(Loaded &l, int at) const {
#pragma unroll
		for (int t = 0; t < TERMS; t++)
			l.x[t].load(value[t] + at);
	}
	__device__ __forceinline__ float4 of(const Loaded &l) const {
		float4 z = beta;
#pragma unroll
		for (int t = 0; t < TERMS; t++) {
			const float4 x = l.x[t].value(), m = mean[t], s = scale[t];
			z = make_float4(fmaf(x.x - m.x, s.x, z.x), fmaf(x.y - m.y, s.y, z.y), fmaf(x.z - m.z, s.z, z.z), fmaf(x.w - m.w, s.w, z.w));
		}
		if (activation == LINEAR)
			return z;
		z = make_float4(rectified(z.x), rectified(z.y), rectified(z.z), rectified(z.w));
		return activation == RELU ? z : activate(z, RELU6);
	}
};

// ∂loss/∂value of four channels of a value with one source, through a BatchNorm.
template <bool HALF> struct ValueFour {
	enum { BYTES = 4 };
	struct Loaded {
		float4 d;
		StoredFour<HALF> x;
	};
	const char *gradient, *value;
	Slope a, b, c, d;

	__device__ __forceinline__ ValueFour(const Incoming &v, const Source &source, i64 first, int channel) {
		gradient = (const char *)(global(source.gradient) + first);
		value = global((const char *)v.value) + first * (HALF ? 2 : 4);
		const Slope *const s = global(source.slope) + channel;
		a = s[0];
		b = s[1];
		c = s[2];
		d = s[3];
	}
	__device__ __forceinline__ void load(Loaded &l, int at) const {
		l.d = *(const float4 *)(gradient + at);
		l.x.load(value + (HALF ? at / 2 : at));
	}
	__device__ __forceinline__ float4 of(const Loaded &l) const {
		const float4 x = l.x.value();
		return make_float4(through(l.d.x, x.x, a), through(l.d.y, x.y, b), through(l.d.z, x.z, c), through(l.d.w, x.w, d));
	}
};

// The same of a value with one source, which is the gradient itself.
struct GradientFour {
	struct Loaded {
		float4 d;
	};
	const char *gradient;

	__device__ __forceinline__ GradientFour(const Source &source, i64 first) : gradient((const char *)(global(source.gradient) + first)) {}
	__device__ __forceinline__ void load(Loaded &l, int at) const { l.d = *(const float4 *)(gradient + at); }
	__device__ __forceinline__ float4 of(const Loaded &l) const { return l.d; }
};

// The four channels from `channel` of a chunk that a thread stages, of every R-th pixel inside, the first r.
struct Quarter {
	int channel, r, R;
	__device__ __forceinline__ explicit Quarter(int channels) {
		const int log = channels <= 8 ? 1 : channels <= 16 ? 2 : 3;
		channel = 4 * (threadIdx.x & ((1 << log) - 1));
		r = threadIdx.x >> log;
		R = blockDim.x >> log;
	}
};

// From pixel to pixel by additions: from is in the map, `to` in the patch, both in bytes.
struct Trail {
	int count; // of the thread's pixels
	int x, from;
	SharedAddress to;
	int limit, right, back, down_from, down_to, wrap_from, wrap_to;

	// pixel: bytes of one in the map
	__device__ __forceinline__ Trail(SharedAddress patch, const Patch &p, const Inside &in, const Quarter &q, int map_width, int pixel) {
		const int ld = 4 * p.ld, width = in.width, y = q.r / width, down = q.R / width;
		x = q.r - y * width;
		right = q.R - down * width;
		back = right - width;
		limit = width - right;
		count = (in.height * width - q.r + q.R - 1) / q.R;
		from = ((in.y0 + y) * map_width + in.x0 + x) * pixel;
		to = patch + (in.first + (y * p.width + x) * ld + 4 * q.channel);
		down_from = (down * map_width + right) * pixel;
		down_to = (down * p.width + right) * ld;
		wrap_from = down_from + (map_width - width) * pixel;
		wrap_to = down_to + (p.width - width) * ld;
	}
	__device__ __forceinline__ void next() {
		const bool wraps = x >= limit;
		x += wraps ? back : right;
		from += wraps ? wrap_from : down_from;
		to += wraps ? wrap_to : down_to;
	}
};

template <int N, class Four> __device__ __forceinline__ void stage_pixels(Trail &t, const Four &four) {
	typename Four::Loaded loaded[N];
	SharedAddress to[N];
#pragma unroll
	for (int j = 0; j < N; j++) {
		four.load(loaded[j], t.from);
		to[j] = t.to;
		t.next();
	}
#pragma unroll
	for (int j = 0; j < N; j++)
		write_shared4(to[j], four.of(loaded[j]));
}

// Stages a chunk, N pixels at a time.
template <int N, class Four> __device__ __forceinline__ void stage_inside(Trail t, const Four &four) {
#pragma unroll 1
	for (; t.count >= N; t.count -= N)
		stage_pixels<N>(t, four);
#pragma unroll 1
	for (; N > 1 && t.count > 0; t.count--)
		stage_pixels<1>(t, four);
}

// How a node is staged: 0 by stage_patch, and otherwise terms + 3·half + 6·affine.
__device__ __forceinline__ int way_of(const Node &n) {
	const int terms = (int)n.terms;
	int halves = 0, affines = 0;
	for (int t = 0; t < terms; t++) {
		halves += n.term[t].half != 0;
		affines += n.term[t].affine && !n.term[t].factor;
	}
	return terms == 0 || (halves > 0 && halves < terms) ? 0 : terms + (halves > 0 ? 3 : 0) + (affines == terms ? 6 : 0);
}

template <bool HALF, bool AFFINE> __device__ __forceinline__ void stage_terms(const Trail &t, const Node &n, int terms, int image, i64 first, int channel) {
	if (terms == 1)
		stage_inside<3>(t, NodeFour<1, HALF, AFFINE>(n, image, first, channel));
	else if (terms == 2)
		stage_inside<2>(t, NodeFour<2, HALF, AFFINE>(n, image, first, channel));
	else
		stage_inside<1>(t, NodeFour<3, HALF, AFFINE>(n, image, first, channel));
}

// Stages the thread's four channels of a node in one of the ways but 0. pixel: the image's first of the batch. channel: of the map.
__device__ __forceinline__ void stage_channels(float *patch, const Patch &p, const Inside &in, const Node &n, int way, int image, i64 pixel, const Quarter &q, int channel) {
	const int pitch = (int)n.pitch;
	const i64 at = pixel * pitch + channel;
	const bool affine = way > 6;
	way -= affine ? 6 : 0;
	const bool half = way > 3;
	way -= half ? 3 : 0;
	const Trail t(shared_address(patch), p, in, q, (int)n.width, pitch * (half ? 2 : 4));
	if (half && affine)
		stage_terms<true, true>(t, n, way, image, at, channel);
	else if (half)
		stage_terms<true, false>(t, n, way, image, at, channel);
	else if (affine)
		stage_terms<false, true>(t, n, way, image, at, channel);
	else
		stage_terms<false, false>(t, n, way, image, at, channel);
}

// Stages the channels [first, first + channels) of a node.
__device__ __forceinline__ void stage_node(float *patch, const Patch &p, const Inside &in, const Node &n, int way, int image, i64 pixel, int first, int channels) {
	if (way == 0)
		return stage_patch(patch, p, NodeSource{n}, image, first, channels);
	const Quarter q(channels);
	if (q.channel < channels && in.width > 0)
		stage_channels(patch, p, in, n, way, image, pixel, q, first + q.channel);
}

// The same of the gradients of a step's values. All channels are of value v.
__device__ __forceinline__ void stage_value(float *patch, const Patch &p, const Inside &in, const Backward &step, const Incoming &v, int image, i64 pixel, int first, int channels) {
	const Source *const source = v.source;
	if (v.sources != 1 || source->factor)
		return stage_patch(patch, p, IncomingSource{step}, image, first, channels);
	const Quarter q(channels);
	if (q.channel >= channels || in.width == 0)
		return;
	const int pitch = (int)v.pitch, channel = first + q.channel - (int)v.column;
	const i64 at = pixel * pitch + channel;
	const Trail t(shared_address(patch), p, in, q, (int)step.width, 4 * pitch);
	if (!source->slope)
		stage_inside<3>(t, GradientFour(*source, at));
	else if (v.half)
		stage_inside<2>(t, ValueFour<true>(v, *source, at, channel));
	else
		stage_inside<2>(t, ValueFour<false>(v, *source, at, channel));
}
