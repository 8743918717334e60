// The emulator's CUDA: the .cu sources include this first when they are compiled by the host's C++ compiler
// (BNAS_EMULATED is defined), with a block's threads as fibers of package machine.
//
// For authors of kernels:
//   extern "C" __global__ void NAME(...), every parameter 8 bytes wide;
//   a new .cu file is #included in all.cu, a new kernel gets one line KERNEL(NAME) in the table there;
//   dynamic shared memory is SHARED(T, name); static __shared__ arrays are checked where they are indexed as arrays;
//   __device__ functions only (a lambda works, but slowly).
// What is allowed is what is declared here. Each warp collective takes its mask; the mma and ldmatrix of intrinsics.cuh
// are for all 32 lanes.
#pragma once
#include <cmath>
#include <cstring>
#include "runtime.h"

#define BNAS_EMULATED 1

// a·b + c is two roundings on every host and in both compilations; fmaf is one.
#ifdef __clang__
#pragma clang fp contract(off)
#else
#pragma GCC optimize("fp-contract=off")
#endif

// Without hooks: nothing to check here, or checked by the machine.
#define BNAS_UNHOOKED __attribute__((no_sanitize("thread"), no_sanitize("bounds"), no_sanitize("alignment")))

// BNAS_FAST is the second compilation of the same sources, without hooks.
#ifdef BNAS_FAST
#define __device__ BNAS_UNHOOKED
#define __global__ BNAS_UNHOOKED __attribute__((weak))
#else
#define __device__
#define __global__ __attribute__((weak))
#endif
#define __host__
#define __constant__ static
#define __shared__ static __thread
#define __forceinline__ inline // not always_inline: the kernels compile in a fifth of the time, and run about as fast
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define SHARED(T, name) T *name = (T *)bnas_dynamic_shared()

namespace {

struct alignas(8) float2 { float x, y; };
struct float3 { float x, y, z; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(16) double2 { double x, y; };
struct alignas(8) int2 { int x, y; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(16) longlong2 { long long x, y; };

#define BNAS_INLINE __device__ __forceinline__

BNAS_INLINE float2 make_float2(float x, float y) { return {x, y}; }
BNAS_INLINE float3 make_float3(float x, float y, float z) { return {x, y, z}; }
BNAS_INLINE float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
BNAS_INLINE double2 make_double2(double x, double y) { return {x, y}; }
BNAS_INLINE int2 make_int2(int x, int y) { return {x, y}; }
BNAS_INLINE int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
BNAS_INLINE uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
BNAS_INLINE uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
BNAS_INLINE longlong2 make_longlong2(long long x, long long y) { return {x, y}; }

#define threadIdx (bnas_thread_index())
#define blockIdx (bnas_block_index())
#define blockDim (bnas_block_size())
#define gridDim (bnas_grid_size())
const int warpSize = 32;

#define BNAS_EXTREMA(T, U, V)                                       \
	BNAS_INLINE V min(T a, U b) { return (V)a < (V)b ? (V)a : (V)b; } \
	BNAS_INLINE V max(T a, U b) { return (V)a > (V)b ? (V)a : (V)b; }
BNAS_EXTREMA(int, int, int)
BNAS_EXTREMA(unsigned, unsigned, unsigned)
BNAS_EXTREMA(int, unsigned, unsigned)
BNAS_EXTREMA(unsigned, int, unsigned)
BNAS_EXTREMA(long, long, long)
BNAS_EXTREMA(unsigned long, unsigned long, unsigned long)
BNAS_EXTREMA(long long, long long, long long)
BNAS_EXTREMA(unsigned long long, unsigned long long, unsigned long long)
#undef BNAS_EXTREMA
BNAS_INLINE float min(float a, float b) { return fminf(a, b); }
BNAS_INLINE float max(float a, float b) { return fmaxf(a, b); }
BNAS_INLINE double min(double a, double b) { return fmin(a, b); }
BNAS_INLINE double max(double a, double b) { return fmax(a, b); }

// The fast compilation has an instruction; elsewhere a call would cost ten times the multiplication.
#if defined(__x86_64__) && !defined(BNAS_FAST)
BNAS_INLINE float fmaf(float a, float b, float c) {
	if (!bnas_has_fma())
		return __builtin_fmaf(a, b, c);
	asm("vfmadd231ss %2, %1, %0" : "+x"(c) : "x"(a), "x"(b));
	return c;
}
#endif
BNAS_INLINE float rsqrtf(float x) { return 1 / sqrtf(x); }
BNAS_INLINE double rsqrt(double x) { return 1 / sqrt(x); }
BNAS_INLINE int __popc(unsigned x) { return __builtin_popcount(x); }
BNAS_INLINE int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
BNAS_INLINE int __clz(int x) { return x == 0 ? 32 : __builtin_clz((unsigned)x); }
BNAS_INLINE int __ffs(int x) { return __builtin_ffs(x); }

template <class To, class From> BNAS_INLINE To bnas_bits(From x) {
	static_assert(sizeof(To) == sizeof(From), "");
	return __builtin_bit_cast(To, x);
}
BNAS_INLINE unsigned __float_as_uint(float x) { return bnas_bits<unsigned>(x); }
BNAS_INLINE int __float_as_int(float x) { return bnas_bits<int>(x); }
BNAS_INLINE float __uint_as_float(unsigned x) { return bnas_bits<float>(x); }
BNAS_INLINE float __int_as_float(int x) { return bnas_bits<float>(x); }
BNAS_INLINE long long __double_as_longlong(double x) { return bnas_bits<long long>(x); }
BNAS_INLINE double __longlong_as_double(long long x) { return bnas_bits<double>(x); }

template <class T> BNAS_INLINE T __ldg(const T *p) { return *p; }
template <class T> BNAS_INLINE T __ldcg(const T *p) { return *p; }

#define BNAS_AT const char *file = __builtin_FILE(), int line = __builtin_LINE()
#define BNAS_CALL BNAS_UNHOOKED inline

BNAS_INLINE void __threadfence() { bnas_fence(); }
BNAS_CALL void __syncthreads(BNAS_AT) { bnas_barrier({file, line}); }
BNAS_CALL void __syncwarp(unsigned mask = 0xffffffffu, BNAS_AT) { bnas_warp(BNAS_SYNC, mask, nullptr, {file, line}); }
BNAS_CALL unsigned atomicAdd(unsigned *p, unsigned v, BNAS_AT) { return bnas_atomic_add(p, v, {file, line}); }
BNAS_CALL int atomicAdd(int *p, int v, BNAS_AT) { return (int)bnas_atomic_add((unsigned *)p, (unsigned)v, {file, line}); }

// The value of `lane`, or the own one if it is outside the segment of `width` lanes.
template <class T> BNAS_CALL T bnas_shuffle_from(unsigned mask, T v, int lane, bool inside, bnas_site at) {
	static_assert(sizeof(T) <= 8, "a shuffle moves up to 8 bytes");
	bnas_shuffle s = {0, inside ? lane : -1};
	memcpy(&s.value, &v, sizeof v);
	bnas_warp(BNAS_SHUFFLE, mask, &s, at);
	memcpy(&v, &s.value, sizeof v);
	return v;
}
BNAS_CALL int bnas_lane() {
	bnas_index t = bnas_thread_index(), n = bnas_block_size();
	return (int)((t.x + n.x * (t.y + n.y * t.z)) % 32);
}
template <class T> BNAS_CALL T __shfl_sync(unsigned mask, T v, int from, int width = 32, BNAS_AT) {
	int l = bnas_lane();
	return bnas_shuffle_from(mask, v, (l & ~(width - 1)) | (from & (width - 1)), true, {file, line});
}
template <class T> BNAS_CALL T __shfl_up_sync(unsigned mask, T v, int d, int width = 32, BNAS_AT) {
	int l = bnas_lane();
	return bnas_shuffle_from(mask, v, l - d, (l & (width - 1)) - d >= 0, {file, line});
}
template <class T> BNAS_CALL T __shfl_down_sync(unsigned mask, T v, int d, int width = 32, BNAS_AT) {
	int l = bnas_lane();
	return bnas_shuffle_from(mask, v, l + d, (l & (width - 1)) + d < width, {file, line});
}
template <class T> BNAS_CALL T __shfl_xor_sync(unsigned mask, T v, int d, int width = 32, BNAS_AT) {
	int l = bnas_lane();
	return bnas_shuffle_from(mask, v, l ^ d, ((l ^ d) & ~(width - 1)) == (l & ~(width - 1)), {file, line});
}

BNAS_CALL unsigned __ballot_sync(unsigned mask, int predicate, BNAS_AT) {
	bnas_ballot b = {predicate != 0, 0};
	bnas_warp(BNAS_BALLOT, mask, &b, {file, line});
	return b.result;
}
BNAS_CALL int __any_sync(unsigned mask, int predicate, BNAS_AT) {
	bnas_ballot b = {predicate != 0, 0};
	bnas_warp(BNAS_BALLOT, mask, &b, {file, line});
	return b.result != 0;
}
BNAS_CALL int __all_sync(unsigned mask, int predicate, BNAS_AT) {
	bnas_ballot b = {predicate == 0, 0};
	bnas_warp(BNAS_BALLOT, mask, &b, {file, line});
	return b.result == 0;
}

// The roundings are not those of kernels/gpu/pack.cu: here they stand for the hardware, there they are under test.
// cvt.rna.tf32.f32: to 10 bits of mantissa, ties away from zero.
BNAS_INLINE unsigned to_tf32(float x) {
	unsigned u = bnas_bits<unsigned>(x);
	return (u & 0x7f800000u) == 0x7f800000u ? u : (u + 0x1000u) & 0xffffe000u;
}

BNAS_INLINE unsigned short to_bf16(float x) {
	unsigned u = bnas_bits<unsigned>(x);
	return x != x ? 0x7fff : (unsigned short)((u + 0x7fffu + (u >> 16 & 1)) >> 16);
}
BNAS_INLINE float from_bf16(unsigned short h) { return bnas_bits<float>((unsigned)h << 16); }

// Round to nearest even: halves below 2⁻¹⁴ are multiples of 2⁻²⁴, which adding 0.5 leaves in the low bits.
BNAS_INLINE unsigned short to_f16(float x) {
	unsigned u = bnas_bits<unsigned>(x), sign = u >> 16 & 0x8000u, a = u & 0x7fffffffu;
	if (a > 0x7f800000u)
		return 0x7fff;
	if (a >= 0x477ff000u)
		return (unsigned short)(sign | 0x7c00u);
	if (a < 0x38800000u)
		return (unsigned short)(sign | (bnas_bits<unsigned>(bnas_bits<float>(a) + 0.5f) - 0x3f000000u));
	return (unsigned short)(sign | ((a - 0x38000000u + 0xfffu + (a >> 13 & 1)) >> 13));
}
BNAS_INLINE float from_f16(unsigned short h) {
	unsigned sign = (unsigned)(h & 0x8000) << 16, a = h & 0x7fffu;
	if (a >= 0x7c00u)
		return bnas_bits<float>(sign | 0x7f800000u | (a & 0x3ffu) << 13);
	if (a < 0x400u)
		return bnas_bits<float>(sign | bnas_bits<unsigned>((float)a * 0x1p-24f));
	return bnas_bits<float>(sign | ((a << 13) + 0x38000000u));
}

#define BNAS_MMA(name, op, A)                                                                 \
	BNAS_CALL void name(float d[4], const unsigned a[A], const unsigned b[2], BNAS_AT) {      \
		bnas_mma m = {d, a, b};                                                               \
		bnas_warp(op, 0xffffffffu, &m, {file, line});                                         \
	}
BNAS_MMA(mma_m16n8k8_tf32, BNAS_MMA_TF32, 4)
BNAS_MMA(mma_m16n8k16_f16, BNAS_MMA_F16, 4)
BNAS_MMA(mma_m16n8k16_bf16, BNAS_MMA_BF16, 4)
#undef BNAS_MMA

#define BNAS_LOAD(name, op, N)                                                                \
	BNAS_CALL void name(unsigned r[N], const void *shared_row, BNAS_AT) {                     \
		bnas_ldmatrix m = {r, shared_row, N};                                                 \
		bnas_warp(op, 0xffffffffu, &m, {file, line});                                         \
	}
BNAS_LOAD(ldmatrix_x4, BNAS_LDMATRIX, 4)
BNAS_LOAD(ldmatrix_x2, BNAS_LDMATRIX, 2)
BNAS_LOAD(ldmatrix_x4_trans, BNAS_LDMATRIX_TRANS, 4)
BNAS_LOAD(ldmatrix_x2_trans, BNAS_LDMATRIX_TRANS, 2)
#undef BNAS_LOAD

BNAS_CALL void cp_async16(void *shared, const void *global, bool valid, BNAS_AT) { bnas_copy_async(shared, global, valid, {file, line}); }
BNAS_INLINE void cp_async_commit() { bnas_copy_commit(); }
template <int N> BNAS_INLINE void cp_async_wait() { bnas_copy_wait(N); }

// The call of a kernel whose parameters are 8 bytes each.
template <class T> BNAS_CALL T bnas_argument(unsigned long long a) {
	static_assert(sizeof(T) == 8, "every parameter of a kernel is 8 bytes wide");
	return __builtin_bit_cast(T, a);
}
template <int... I> struct bnas_sequence {};
template <int N, int... I> struct bnas_count : bnas_count<N - 1, N - 1, I...> {};
template <int... I> struct bnas_count<0, I...> { typedef bnas_sequence<I...> type; };
template <class... P, int... I> BNAS_CALL void bnas_apply(void (*k)(P...), const unsigned long long *a, bnas_sequence<I...>) { k(bnas_argument<P>(a[I])...); }
template <class... P> BNAS_CALL void bnas_invoke(void (*k)(P...), const unsigned long long *a) { bnas_apply(k, a, typename bnas_count<sizeof...(P)>::type()); }
template <class... P> constexpr int bnas_parameters(void (*)(P...)) { return sizeof...(P); }

// The list of this compilation's kernels. The alias is the kernel of this compilation: of the two of a name, both weak,
// the linker keeps one.
const bnas_kernel *bnas_last_kernel;
struct bnas_registration {
	bnas_kernel kernel;
	BNAS_UNHOOKED bnas_registration(const char *name, int parameters, void (*call)(const unsigned long long *)) : kernel{name, parameters, call, bnas_last_kernel} { bnas_last_kernel = &kernel; }
};
#define KERNEL(name)                                                                                      \
	extern "C" {                                                                                          \
	static __typeof__(name) bnas_own_##name __attribute__((alias(#name)));                                \
	}                                                                                                     \
	BNAS_UNHOOKED void bnas_call_##name(const unsigned long long *a) { bnas_invoke(bnas_own_##name, a); } \
	bnas_registration bnas_register_##name(#name, bnas_parameters(name), bnas_call_##name);

} // namespace
