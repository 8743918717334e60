// Tensor cores and asynchronous copies, from compute capability 8.0. BNAS_TENSOR_CORES is defined where there are some.
// The emulator declares the same functions in emulate.h.
//
//   mma_m16n8k8_tf32, mma_m16n8k16_f16, mma_m16n8k16_bf16    d[16][8] += a[16][K] · b[K][8], sums in fp32
//   ldmatrix_x2, _x4<AT>                2 or 4 matrices of 8 rows of 16 bytes, row r of matrix i AT bytes from lane 8i + r's address
//   cp_async16, _commit, _wait<N>       16 bytes to shared memory, zeros if not valid; all but the last N groups
//   SharedAddress, GlobalAddress        addresses in one space: a thread converts a pointer once, and then adds 32 bits in the
//                                       one, without conversions at each access
//   to_tf32, to_f16, to_bf16            nearest; tf32 ties away from zero, the others to even
//
// Fragments of lane l, with g = l / 4 and t = l % 4. An operand has 32 bits: one tf32, or two halves, the even one low.
//
//   d: rows g and g + 8, columns 2t and 2t + 1         a: rows g and g + 8, then the same 16 bytes further along K
//   b: K from t (halves: 2t, 2t + 1), then 16 bytes further, column g
//
// Therefore the registers of an ldmatrix of a's rows are a, whatever the type. Those of a transposed one of b's rows
// are b, for halves.
#pragma once

#ifndef BNAS_EMULATED
// Half precision is stored on every GPU.
__device__ __forceinline__ unsigned short to_f16(float x) {
	unsigned short r;
	asm("cvt.rn.f16.f32 %0, %1;" : "=h"(r) : "f"(x));
	return r;
}
__device__ __forceinline__ float from_f16(unsigned short h) {
	float r;
	asm("cvt.f32.f16 %0, %1;" : "=f"(r) : "h"(h));
	return r;
}

typedef size_t GlobalAddress;
__device__ __forceinline__ GlobalAddress global_address(const void *p) { return __cvta_generic_to_global(p); }
typedef unsigned SharedAddress;
__device__ __forceinline__ SharedAddress shared_address(const void *p) { return (unsigned)__cvta_generic_to_shared(p); }
template <int AT> __device__ __forceinline__ unsigned read_shared(SharedAddress at) {
	unsigned x;
	asm volatile("ld.shared.u32 %0, [%1+%2];" : "=r"(x) : "r"(at), "n"(AT) : "memory");
	return x;
}
template <int AT> __device__ __forceinline__ float4 read_shared4(SharedAddress at) {
	float4 x;
	asm volatile("ld.shared.v4.f32 {%0, %1, %2, %3}, [%4+%5];" : "=f"(x.x), "=f"(x.y), "=f"(x.z), "=f"(x.w) : "r"(at), "n"(AT) : "memory");
	return x;
}
// at + bytes, without 64 bits for the bytes.
__device__ __forceinline__ GlobalAddress further(GlobalAddress at, int bytes) {
	GlobalAddress to;
	asm("mad.wide.s32 %0, %1, 1, %2;" : "=l"(to) : "r"(bytes), "l"(at));
	return to;
}
__device__ __forceinline__ float4 read_global4(GlobalAddress at) {
	float4 x;
	asm volatile("ld.global.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(x.x), "=f"(x.y), "=f"(x.z), "=f"(x.w) : "l"(at) : "memory");
	return x;
}
__device__ __forceinline__ void write_shared(SharedAddress to, int x) { asm volatile("st.shared.s32 [%0], %1;" :: "r"(to), "r"(x) : "memory"); }
__device__ __forceinline__ void write_shared4(SharedAddress to, float4 x) {
	asm volatile("st.shared.v4.f32 [%0], {%1, %2, %3, %4};" :: "r"(to), "f"(x.x), "f"(x.y), "f"(x.z), "f"(x.w) : "memory");
}
// at + bytes. The compiler does not see it: of a chain of additions it would make multiples, and keep them in registers.
__device__ __forceinline__ SharedAddress beyond(SharedAddress at, int bytes) {
	SharedAddress to;
	asm("add.s32 %0, %1, %2;" : "=r"(to) : "r"(at), "r"(bytes));
	return to;
}
#endif

// Two halves in 32 bits, the first in the low half.
__device__ __forceinline__ float2 from_two_f16(unsigned h) {
#ifdef BNAS_EMULATED
	return make_float2(from_f16(h & 0xffff), from_f16(h >> 16));
#else
	float2 x;
	asm("{\n\t.reg .b16 low, high;\n\tmov.b32 {low, high}, %2;\n\tcvt.f32.f16 %0, low;\n\tcvt.f32.f16 %1, high;\n\t}" : "=f"(x.x), "=f"(x.y) : "r"(h)); // a line each: tools/instructions counts lines
	return x;
#endif
}

#ifdef BNAS_EMULATED
#define BNAS_TENSOR_CORES
typedef char *SharedAddress;
typedef const char *GlobalAddress;
__device__ __forceinline__ SharedAddress shared_address(const void *p) { return (char *)p; }
__device__ __forceinline__ GlobalAddress global_address(const void *p) { return (const char *)p; }
__device__ __forceinline__ SharedAddress beyond(SharedAddress at, int bytes) { return at + bytes; }
__device__ __forceinline__ GlobalAddress further(GlobalAddress at, int bytes) { return at + bytes; }
template <int AT> __device__ __forceinline__ unsigned read_shared(SharedAddress at) { return *(const unsigned *)(at + AT); }
template <int AT> __device__ __forceinline__ float4 read_shared4(SharedAddress at) { return *(const float4 *)(at + AT); }
__device__ __forceinline__ void write_shared4(SharedAddress to, float4 x) { *(float4 *)to = x; }
__device__ __forceinline__ void cp_async16(SharedAddress to, GlobalAddress from) { cp_async16(to, from, true); }
template <int AT> __device__ __forceinline__ void ldmatrix_x4(unsigned r[4], SharedAddress row) { ldmatrix_x4(r, row + AT); }
template <int AT> __device__ __forceinline__ void ldmatrix_x4_trans(unsigned r[4], SharedAddress row) { ldmatrix_x4_trans(r, row + AT); }
__device__ __forceinline__ float4 read_global4(GlobalAddress at) {
	float4 x;
	asm volatile("ld.global.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(x.x), "=f"(x.y), "=f"(x.z), "=f"(x.w) : "l"(at) : "memory");
	return x;
}
__device__ __forceinline__ void write_shared(SharedAddress to, int x) { *(int *)to = x; }
__device__ __forceinline__ void write_shared(SharedAddress to, uint2 x) { *(uint2 *)to = x; }
__device__ __forceinline__ void write_shared(SharedAddress to, uint4 x) { *(uint4 *)to = x; }
#elif __CUDA_ARCH__ >= 800
#define BNAS_TENSOR_CORES

#define BNAS_MMA(name, shape, type)                                                                            \
	__device__ __forceinline__ void name(float d[4], const unsigned a[4], const unsigned b[2]) {               \
		asm volatile("mma.sync.aligned." shape ".row.col.f32." type "." type ".f32 "                           \
			"{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"                                  \
			: "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                                   \
			: "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                               \
	}
BNAS_MMA(mma_m16n8k8_tf32, "m16n8k8", "tf32")
BNAS_MMA(mma_m16n8k16_f16, "m16n8k16", "f16")
BNAS_MMA(mma_m16n8k16_bf16, "m16n8k16", "bf16")
#undef BNAS_MMA

__device__ __forceinline__ void write_shared(SharedAddress to, uint2 x) {
	asm volatile("st.shared.v2.u32 [%0], {%1, %2};" :: "r"(to), "r"(x.x), "r"(x.y) : "memory");
}
__device__ __forceinline__ void write_shared(SharedAddress to, uint4 x) {
	asm volatile("st.shared.v4.u32 [%0], {%1, %2, %3, %4};" :: "r"(to), "r"(x.x), "r"(x.y), "r"(x.z), "r"(x.w) : "memory");
}

#define BNAS_LDMATRIX(suffix, form)                                                                            \
	template <int AT> __device__ __forceinline__ void ldmatrix_x4##suffix(unsigned r[4], SharedAddress row) {     \
		asm volatile("ldmatrix.sync.aligned.m8n8.x4" form ".shared.b16 {%0, %1, %2, %3}, [%4+%5];"             \
			: "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(row), "n"(AT) : "memory");                   \
	}                                                                                                          \
	__device__ __forceinline__ void ldmatrix_x2##suffix(unsigned r[2], SharedAddress row) {                       \
		asm volatile("ldmatrix.sync.aligned.m8n8.x2" form ".shared.b16 {%0, %1}, [%2];"                        \
			: "=r"(r[0]), "=r"(r[1]) : "r"(row) : "memory");                                                    \
	}
BNAS_LDMATRIX(, "")
BNAS_LDMATRIX(_trans, ".trans")
#undef BNAS_LDMATRIX

// Past the first-level cache: what is copied is read once.
__device__ __forceinline__ void cp_async16(SharedAddress to, GlobalAddress from, bool valid) {
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
		:: "r"(to), "l"(from), "r"(valid ? 16 : 0) : "memory");
}
__device__ __forceinline__ void cp_async16(SharedAddress to, GlobalAddress from) {
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" :: "r"(to), "l"(from) : "memory");
}
__device__ __forceinline__ void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N> __device__ __forceinline__ void cp_async_wait() { asm volatile("cp.async.wait_group %0;" :: "n"(N) : "memory"); }

__device__ __forceinline__ unsigned to_tf32(float x) {
	unsigned r;
	asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(x));
	return r;
}
__device__ __forceinline__ unsigned short to_bf16(float x) {
	unsigned short r;
	asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(r) : "f"(x));
	return r;
}
__device__ __forceinline__ float from_bf16(unsigned short h) { return __uint_as_float((unsigned)h << 16); }
#endif

// max(x, 0), in one instruction where the GPU has it; a NaN stays one.
__device__ __forceinline__ float rectified(float x) {
#if !defined(BNAS_EMULATED) && __CUDA_ARCH__ >= 800
	float r;
	asm("max.NaN.f32 %0, %1, 0f00000000;" : "=f"(r) : "f"(x));
	return r;
#else
	return x < 0 ? 0 : x;
#endif
}

// Two numbers in 32 bits, the first in the low half; two_rectified: max(x, 0) of them, rectified and rounded by one instruction.
#ifdef BNAS_EMULATED
#define BNAS_TWO(name, one, value, instruction)                                                                \
	__device__ __forceinline__ unsigned name(float low, float high) { return one(value(low)) | (unsigned)one(value(high)) << 16; }
#else
#define BNAS_TWO(name, one, value, instruction)                                                                \
	__device__ __forceinline__ unsigned name(float low, float high) {                                          \
		unsigned r;                                                                                            \
		asm(instruction " %0, %1, %2;" : "=r"(r) : "f"(high), "f"(low));                                       \
		return r;                                                                                              \
	}
#endif
#ifdef BNAS_TENSOR_CORES
BNAS_TWO(two_f16, to_f16, , "cvt.rn.f16x2.f32")
BNAS_TWO(two_bf16, to_bf16, , "cvt.rn.bf16x2.f32")
BNAS_TWO(two_rectified_f16, to_f16, rectified, "cvt.rn.relu.f16x2.f32")
BNAS_TWO(two_rectified_bf16, to_bf16, rectified, "cvt.rn.relu.bf16x2.f32")
#else
__device__ __forceinline__ unsigned two_f16(float low, float high) { return to_f16(low) | (unsigned)to_f16(high) << 16; }
#endif
#undef BNAS_TWO
