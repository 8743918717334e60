// Operands of the tensor cores in shared memory: their types, and weights as fragments.
//
// An mma takes 32 bytes along K, whatever the type: T::K is 8 tf32 or 16 halves, of T::BYTES each.
//
// Weights are [K][ld], neighbouring columns side by side. ld/8 is odd: rows begin in different groups of banks.
//   tf32: lane (g, t) reads K t and t + 4 of column g, at bank t·ld + g. With ld = 8 or 24 modulo 32 the 32 banks differ.
//   halves: a transposed ldmatrix reads 8 rows along K. They are 2·ld bytes apart, an odd multiple of 16: 8 different
//   16-byte groups.
#pragma once
#include "intrinsics.cuh"

#ifdef BNAS_TENSOR_CORES

struct Tf32 {
	enum { BYTES = 4, K = 8, LOG_K = 3 };
	typedef uint4 Four; // numbers
	static __device__ __forceinline__ Four rounded(float4 v) { return make_uint4(to_tf32(v.x), to_tf32(v.y), to_tf32(v.z), to_tf32(v.w)); }
	static __device__ __forceinline__ Four rounded_relu(float4 v) { return rounded(make_float4(rectified(v.x), rectified(v.y), rectified(v.z), rectified(v.w))); }
	static __device__ __forceinline__ Four only(bool some, Four v) { return make_uint4(some ? v.x : 0, some ? v.y : 0, some ? v.z : 0, some ? v.w : 0); }
	static __device__ __forceinline__ void write_eight(SharedAddress to, Four low, Four high) {
		write_shared(to, low);
		write_shared(to + 16, high);
	}
	// Bytes to a lane's part of weights.
	static __device__ __forceinline__ int lane(int l, int ld) { return (l % 4 * ld + l / 4) * BYTES; }
	// Fragments of 16 columns AT bytes from a lane's part of weights: of the first 8, and of the others.
	template <int LD, int AT> static __device__ __forceinline__ void columns(unsigned b[4], SharedAddress weights) {
		b[0] = read_shared<AT>(weights);
		b[1] = read_shared<AT + 16 * LD>(weights);
		b[2] = read_shared<AT + 32>(weights);
		b[3] = read_shared<AT + 16 * LD + 32>(weights);
	}
	static __device__ __forceinline__ void multiply(float d[4], const unsigned a[4], const unsigned b[2]) { mma_m16n8k8_tf32(d, a, b); }
};

struct Halves {
	enum { BYTES = 2, K = 16, LOG_K = 4 };
	typedef uint2 Four;
	static __device__ __forceinline__ Four only(bool some, Four v) { return make_uint2(some ? v.x : 0, some ? v.y : 0); }
	static __device__ __forceinline__ void write_eight(SharedAddress to, Four low, Four high) { write_shared(to, make_uint4(low.x, low.y, high.x, high.y)); }
	static __device__ __forceinline__ int lane(int l, int ld) { return (l % 16 * ld + l / 16 * 8) * BYTES; }
	template <int, int AT> static __device__ __forceinline__ void columns(unsigned b[4], SharedAddress weights) { ldmatrix_x4_trans<AT>(b, weights); }
};

struct F16 : Halves {
	static __device__ __forceinline__ Four rounded(float4 v) { return make_uint2(two_f16(v.x, v.y), two_f16(v.z, v.w)); }
	static __device__ __forceinline__ Four rounded_relu(float4 v) { return make_uint2(two_rectified_f16(v.x, v.y), two_rectified_f16(v.z, v.w)); }
	static __device__ __forceinline__ void multiply(float d[4], const unsigned a[4], const unsigned b[2]) { mma_m16n8k16_f16(d, a, b); }
};

struct Bf16 : Halves {
	static __device__ __forceinline__ Four rounded(float4 v) { return make_uint2(two_bf16(v.x, v.y), two_bf16(v.z, v.w)); }
	static __device__ __forceinline__ Four rounded_relu(float4 v) { return make_uint2(two_rectified_bf16(v.x, v.y), two_rectified_bf16(v.z, v.w)); }
	static __device__ __forceinline__ void multiply(float d[4], const unsigned a[4], const unsigned b[2]) { mma_m16n8k16_bf16(d, a, b); }
};

#endif
