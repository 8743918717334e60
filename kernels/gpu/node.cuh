// Loads: a node's sum and its activation, and the gradient of a stored value. A node is not materialised: each step
// that reads it recomputes the sum.
#pragma once
#include "abi.cuh"
#include "intrinsics.cuh"

__device__ __forceinline__ float4 operator+(float4 a, float4 b) { return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w); }

__device__ __forceinline__ float4 operator*(float4 a, float s) { return make_float4(a.x * s, a.y * s, a.z * s, a.w * s); }

__device__ __forceinline__ float normalise(float x, Affine a) { return fmaf(x - a.mean, a.scale, a.beta); }

// The compiler does not know the space of a pointer that was read from memory. This says that it is global: its loads and
// stores can then be moved past those to shared memory.
#ifdef BNAS_EMULATED
template <class T> inline T *global(T *p) { return p; }
#else
template <class T> __device__ __forceinline__ T *global(T *p) {
	size_t address;
	asm("cvta.to.global.u64 %0, %1;" : "=l"(address) : "l"(p));
	return (T *)__cvta_global_to_generic(address);
}
#endif

__device__ __forceinline__ float4 widened(uint2 halves) {
	const float2 low = from_two_f16(halves.x), high = from_two_f16(halves.y);
	return make_float4(low.x, low.y, high.x, high.y);
}

// W channels of a pixel as they are stored, W 4 or 8.
template <bool HALF, int W> struct Stored {
	float4 x[W / 4];
	__device__ __forceinline__ void load(const char *from) {
#pragma unroll
		for (int k = 0; k < W / 4; k++)
			x[k] = *(const float4 *)(from + 16 * k);
	}
	__device__ __forceinline__ float4 value(int k) const { return x[k]; }
};
template <> struct Stored<true, 4> {
	uint2 x;
	__device__ __forceinline__ void load(const char *from) { x = *(const uint2 *)from; }
	__device__ __forceinline__ float4 value(int) const { return widened(x); }
};
template <> struct Stored<true, 8> {
	uint4 x;
	__device__ __forceinline__ void load(const char *from) { x = *(const uint4 *)from; }
	__device__ __forceinline__ float4 value(int k) const { return widened(k == 0 ? make_uint2(x.x, x.y) : make_uint2(x.z, x.w)); }
};

// Four channels as they are stored. The halves have a name: as an argument of a function the emulator would not see their load.
template <bool HALF> __device__ __forceinline__ float4 read_four(const char *from) {
	if (!HALF)
		return *(const float4 *)from;
	const uint2 halves = *(const uint2 *)from;
	return widened(halves);
}

// Four channels of a stored value at offset `at`, in elements, a multiple of 4.
__device__ __forceinline__ float4 read_value(const void *value, i64 half, i64 at) {
	if (!half)
		return read_four<false>((const char *)(global((const float *)value) + at));
	return read_four<true>((const char *)(global((const unsigned short *)value) + at));
}

// Four channels of N pixels of a stored value: those from `first` on, in elements, pixel[j] · pitch elements further.
template <int N> __device__ __forceinline__ void read_values(float4 (&x)[N], const void *value, i64 half, i64 first, const int (&pixel)[N], int pitch) {
	if (!half) {
		const float *const from = global((const float *)value) + first;
#pragma unroll
		for (int j = 0; j < N; j++)
			x[j] = *(const float4 *)(from + pixel[j] * pitch);
		return;
	}
	const unsigned short *const from = global((const unsigned short *)value) + first;
	uint2 packed[N];
#pragma unroll
	for (int j = 0; j < N; j++)
		packed[j] = *(const uint2 *)(from + pixel[j] * pitch);
#pragma unroll
	for (int j = 0; j < N; j++)
		x[j] = widened(packed[j]);
}

// The coefficients of one channel of a BatchNorm, from its statistics μ and σ².
__device__ __forceinline__ Affine affine_of(float gamma, float beta, double eps, double mean, double variance) {
	const double rstd = rsqrt(variance + eps);
	return Affine{(float)mean, (float)(gamma * rstd), beta, (float)rstd};
}

// The coefficients of four channels of a term. A term without BatchNorm is one with the mean 0 and the scale 1; its x̂ is 0,
// and enters no sum that is used.
struct Affine4 {
	Affine x, y, z, w;
};

__device__ __forceinline__ Affine4 coefficients_of(const Affine *a) {
	const Affine none = {0, 1, 0, 0};
	if (!a)
		return Affine4{none, none, none, none};
	a = global(a);
	return Affine4{a[0], a[1], a[2], a[3]};
}

// Four channels of Σ terms of an image at offset `at` (in elements, a multiple of 4) of the maps; c is the first of the
// channels.
__device__ __forceinline__ float4 node_sum(const Node &n, i64 image, i64 at, int c) {
	float4 sum = make_float4(0, 0, 0, 0);
#pragma unroll 1 // the compiler would unroll to four terms, for 50 registers more
	for (int t = 0; t < n.terms; t++) {
		float4 x = read_value(n.term[t].value, n.term[t].half, at);
		const Affine *a = n.term[t].affine;
		if (a) {
			a = global(a);
			x.x = normalise(x.x, a[c]);
			x.y = normalise(x.y, a[c + 1]);
			x.z = normalise(x.z, a[c + 2]);
			x.w = normalise(x.w, a[c + 3]);
		}
		if (const float *factor = n.term[t].factor)
			x = x * factor[image];
		sum = t == 0 ? x : sum + x;
	}
	return sum;
}

__device__ __forceinline__ float activate(float z, i64 activation) {
	if (activation == LINEAR)
		return z;
	z = rectified(z);
	return activation == RELU6 && z > 6 ? 6 : z;
}

__device__ __forceinline__ float4 activate(float4 z, i64 activation) {
	return make_float4(activate(z.x, activation), activate(z.y, activation), activate(z.z, activation), activate(z.w, activation));
}

// act′(z): 1 where a gradient passes.
__device__ __forceinline__ bool passes(float z, i64 activation) {
	return activation == LINEAR || (z > 0 && (activation == RELU || z < 6));
}

// Four channels of u = act(Σ terms).
__device__ __forceinline__ float4 load_node(const Node &n, i64 image, i64 at, int c) {
	float4 u = node_sum(n, image, at, c);
	if (n.activation != LINEAR) {
		u.x = activate(u.x, n.activation);
		u.y = activate(u.y, n.activation);
		u.z = activate(u.z, n.activation);
		u.w = activate(u.w, n.activation);
	}
	return u;
}

__device__ __forceinline__ float4 normalise(float4 x, const Affine4 &a) {
	return make_float4(normalise(x.x, a.x), normalise(x.y, a.y), normalise(x.z, a.z), normalise(x.w, a.w));
}

// load_node of N pixels of an image, which share one read of the coefficients.
template <int N> __device__ __forceinline__ void load_nodes(float4 (&u)[N], const Node &n, int image, const int (&pixel)[N], int c) {
	const int pitch = (int)n.pitch;
	const i64 first = image * n.height * n.width * pitch + c;
#pragma unroll
	for (int j = 0; j < N; j++)
		u[j] = make_float4(0, 0, 0, 0);
#pragma unroll 1
	for (int t = 0; t < (int)n.terms; t++) {
		float4 x[N];
		read_values(x, n.term[t].value, n.term[t].half, first, pixel, pitch);
		if (const Affine *affine = n.term[t].affine) {
			affine = global(affine + c);
			const Affine4 a = {affine[0], affine[1], affine[2], affine[3]};
#pragma unroll
			for (int j = 0; j < N; j++)
				x[j] = normalise(x[j], a);
		}
		if (const float *factor = n.term[t].factor) {
			const float f = factor[image];
#pragma unroll
			for (int j = 0; j < N; j++)
				x[j] = x[j] * f;
		}
#pragma unroll
		for (int j = 0; j < N; j++)
			u[j] = u[j] + x[j];
	}
	if (n.activation == LINEAR)
		return;
#pragma unroll
	for (int j = 0; j < N; j++)
		u[j] = activate(u[j], RELU);
	if (n.activation == RELU)
		return;
#pragma unroll
	for (int j = 0; j < N; j++)
		u[j] = activate(u[j], RELU6);
}

__device__ __forceinline__ float through(float d, float x, Slope s) { return fmaf(s.slope, x - s.mean, fmaf(s.scale, d, s.offset)); }

// Four channels of ∂loss/∂value of an image at offset `at` of the map; c is the first of the channels. The value is read
// once.
__device__ __forceinline__ float4 load_incoming(const Incoming &v, i64 image, i64 at, int c) {
	float4 sum = make_float4(0, 0, 0, 0), x = sum;
	bool read = false;
	for (int k = 0; k < v.sources; k++) {
		float4 d = *(const float4 *)(global(v.source[k].gradient) + at);
		if (const float *factor = v.source[k].factor)
			d = d * factor[image];
		const Slope *s = v.source[k].slope;
		if (s) {
			s = global(s);
			if (!read)
				x = read_value(v.value, v.half, at);
			read = true;
			d = make_float4(through(d.x, x.x, s[c]), through(d.y, x.y, s[c + 1]), through(d.z, x.z, s[c + 2]), through(d.w, x.w, s[c + 3]));
		}
		sum = k == 0 ? d : sum + d;
	}
	return sum;
}

// load_incoming of N pixels of an image, as load_nodes. origin: the image's first pixel in the batch.
template <int N> __device__ __forceinline__ void load_incomings(float4 (&sum)[N], const Incoming &v, int image, i64 origin, const int (&pixel)[N], int c) {
	const int pitch = (int)v.pitch;
	const i64 first = origin * pitch + c;
	float4 x[N];
	bool read = false;
#pragma unroll
	for (int j = 0; j < N; j++)
		sum[j] = x[j] = make_float4(0, 0, 0, 0);
#pragma unroll 1
	for (int k = 0; k < (int)v.sources; k++) {
		float4 d[N];
		read_values(d, v.source[k].gradient, 0, first, pixel, pitch);
		if (const float *factor = v.source[k].factor) {
			const float f = factor[image];
#pragma unroll
			for (int j = 0; j < N; j++)
				d[j] = d[j] * f;
		}
		if (const Slope *slope = v.source[k].slope) {
			slope = global(slope + c);
			if (!read)
				read_values(x, v.value, v.half, first, pixel, pitch);
			read = true;
			const Slope p = slope[0], q = slope[1], r = slope[2], s = slope[3];
#pragma unroll
			for (int j = 0; j < N; j++)
				d[j] = make_float4(through(d[j].x, x[j].x, p), through(d[j].y, x[j].y, q), through(d[j].z, x[j].z, r), through(d[j].w, x[j].w, s));
		}
#pragma unroll
		for (int j = 0; j < N; j++)
			sum[j] = sum[j] + d[j];
	}
}
