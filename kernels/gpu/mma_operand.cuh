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
	static __device__ __forceinline__ Four only(bool some, Four v) { return make_uint4(some ? v.x : 0, some ? v.y : 0, some ? v.z : 0, some ? v.w : 0); }
	// Bytes to a lane's part of weights.
	static __device__ __forceinline__ int lane(int l, int ld) { return (l % 4 * ld + l / 4) * BYTES; }
	// Fragments of 16 columns: of the first 8, and of the others.
	static __device__ __forceinline__ void columns(unsigned b[4], SharedAddress at, int ld) {
		b[0] = read_shared(at);
		b[1] = read_shared(at + 16 * ld);
		b[2] = read_shared(at + 32);
		b[3] = read_shared(at + 16 * ld + 32);
	}
	static __device__ __forceinline__ void multiply(float d[4], const unsigned a[4], const unsigned b[2]) { mma_m16n8k8_tf32(d, a, b); }
};

struct Halves {
	enum { BYTES = 2, K = 16, LOG_K = 4 };
	typedef uint2 Four;
	static __device__ __forceinline__ Four only(bool some, Four v) { return make_uint2(some ? v.x : 0, some ? v.y : 0); }
	static __device__ __forceinline__ int lane(int l, int ld) { return (l % 16 * ld + l / 16 * 8) * BYTES; }
	static __device__ __forceinline__ void columns(unsigned b[4], SharedAddress at, int) { ldmatrix_x4_trans(b, at); }
};

struct F16 : Halves {
	static __device__ __forceinline__ Four rounded(float4 v) { return make_uint2(two_f16(v.x, v.y), two_f16(v.z, v.w)); }
	static __device__ __forceinline__ void multiply(float d[4], const unsigned a[4], const unsigned b[2]) { mma_m16n8k16_f16(d, a, b); }
};

struct Bf16 : Halves {
	static __device__ __forceinline__ Four rounded(float4 v) { return make_uint2(two_bf16(v.x, v.y), two_bf16(v.z, v.w)); }
	static __device__ __forceinline__ void multiply(float d[4], const unsigned a[4], const unsigned b[2]) { mma_m16n8k16_bf16(d, a, b); }
};

#endif
