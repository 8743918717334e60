// The vector layer. A kernel source is compiled once per instruction set; kernels_<isa>.c defines ISA_SUFFIX and VW,
// the number of floats in a native vector (16, 8 or 4), before including this. A v16 is always LANES floats in LANES/VW
// native vectors. A channel block is thus one zmm, two ymm or four xmm registers.
#ifndef VW
#error "define VW and ISA_SUFFIX, then include simd.h"
#endif
#include "conv.h"

#define NV (LANES / VW)
#define INLINE static inline __attribute__((always_inline))
#define CAT_(a, b) a##_##b
#define CAT(a, b) CAT_(a, b)
#define ISA(name) CAT(name, ISA_SUFFIX) // the name of an exported symbol in this instruction set

typedef float vf __attribute__((vector_size(VW * 4)));
typedef int vi __attribute__((vector_size(VW * 4)));
typedef struct { vf v[NV]; } v16;

// A loop of at most n turns without branches, whose number is known where the function is inlined: only then are arrays of vectors registers.
// Clang makes them so only if all of the loop goes. UNROLL_BY leaves a loop, of n turns at a time.
#define PRAGMA(text) _Pragma(#text)
#ifdef __clang__
#define UNROLL(n) PRAGMA(clang loop unroll(full))
#define UNROLL_BY(n) PRAGMA(clang loop unroll_count(n))
#else
#define UNROLL(n) PRAGMA(GCC unroll n)
#define UNROLL_BY(n) PRAGMA(GCC unroll n)
#endif

#define EACH for (int i_ = 0; i_ < NV; i_++)

#if VW == 16
INLINE vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
INLINE void vf_store(float *p, vf a) { _mm512_storeu_ps(p, a); }
INLINE vf vf_set1(float a) { return _mm512_set1_ps(a); }
INLINE vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
INLINE vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
// x where lo < a < hi, else 0
INLINE vf vf_between(vf x, vf a, vf lo, vf hi) {
	__mmask16 m = _mm512_cmp_ps_mask(a, lo, _CMP_GT_OQ);
	return _mm512_maskz_mov_ps(_mm512_mask_cmp_ps_mask(m, a, hi, _CMP_LT_OQ), x);
}
// x where a > lo, else 0
INLINE vf vf_above(vf x, vf a, vf lo) { return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, lo, _CMP_GT_OQ), x); }
// where v > *best: *best = v and *at = tap
INLINE void vf_greater(vf *best, vi *at, vf v, int tap) {
	__mmask16 m = _mm512_cmp_ps_mask(v, *best, _CMP_GT_OQ);
	*best = _mm512_mask_mov_ps(*best, m, v);
	*at = (vi)_mm512_mask_set1_epi32((__m512i)*at, m, tap);
}
// x where at is tap, else 0
INLINE vf vf_at(vf x, vi at, int tap) {
	return _mm512_maskz_mov_ps(_mm512_cmpeq_epi32_mask((__m512i)at, _mm512_set1_epi32(tap)), x);
}
// p[i] += a[i]
INLINE void vf_accumulate(double *p, vf a) {
	__m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256(a));
	__m512d high = _mm512_cvtps_pd((__m256)_mm512_extractf64x4_pd((__m512d)a, 1));
	_mm512_storeu_pd(p, _mm512_add_pd(_mm512_loadu_pd(p), low));
	_mm512_storeu_pd(p + 8, _mm512_add_pd(_mm512_loadu_pd(p + 8), high));
}
// bit i is set where a[i] > 0
INLINE unsigned vf_positive(vf a) { return _mm512_cmp_ps_mask(a, _mm512_setzero_ps(), _CMP_GT_OQ); }
#elif VW == 8
INLINE vf vf_load(const float *p) { return _mm256_loadu_ps(p); }
INLINE void vf_store(float *p, vf a) { _mm256_storeu_ps(p, a); }
INLINE vf vf_set1(float a) { return _mm256_set1_ps(a); }
INLINE vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vf vf_max(vf a, vf b) { return _mm256_max_ps(a, b); }
INLINE vf vf_min(vf a, vf b) { return _mm256_min_ps(a, b); }
INLINE vf vf_between(vf x, vf a, vf lo, vf hi) {
	return _mm256_and_ps(x, _mm256_and_ps(_mm256_cmp_ps(a, lo, _CMP_GT_OQ), _mm256_cmp_ps(a, hi, _CMP_LT_OQ)));
}
INLINE vf vf_above(vf x, vf a, vf lo) { return _mm256_and_ps(x, _mm256_cmp_ps(a, lo, _CMP_GT_OQ)); }
INLINE void vf_greater(vf *best, vi *at, vf v, int tap) {
	vf m = _mm256_cmp_ps(v, *best, _CMP_GT_OQ);
	*best = _mm256_blendv_ps(*best, v, m);
	*at = (vi)_mm256_blendv_ps((vf)*at, (vf)_mm256_set1_epi32(tap), m);
}
INLINE vf vf_at(vf x, vi at, int tap) {
	return _mm256_and_ps(x, (vf)_mm256_cmpeq_epi32((__m256i)at, _mm256_set1_epi32(tap)));
}
INLINE void vf_accumulate(double *p, vf a) {
	__m256d low = _mm256_cvtps_pd(_mm256_castps256_ps128(a)), high = _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1));
	_mm256_storeu_pd(p, _mm256_add_pd(_mm256_loadu_pd(p), low));
	_mm256_storeu_pd(p + 4, _mm256_add_pd(_mm256_loadu_pd(p + 4), high));
}
INLINE unsigned vf_positive(vf a) { return _mm256_movemask_ps(_mm256_cmp_ps(a, _mm256_setzero_ps(), _CMP_GT_OQ)); }
#else
INLINE vf vf_load(const float *p) { vf a; __builtin_memcpy(&a, p, sizeof a); return a; }
INLINE void vf_store(float *p, vf a) { __builtin_memcpy(p, &a, sizeof a); }
INLINE vf vf_set1(float a) { return (vf){a, a, a, a}; }
INLINE vf vf_fma(vf a, vf b, vf c) { return a * b + c; }
INLINE vf vf_where(vi m, vf a, vf b) { return (vf)((m & (vi)a) | (~m & (vi)b)); }
INLINE vf vf_max(vf a, vf b) { return vf_where(a > b, a, b); } // as x86: b where either is NaN
INLINE vf vf_min(vf a, vf b) { return vf_where(a < b, a, b); }
INLINE vf vf_between(vf x, vf a, vf lo, vf hi) { return (vf)((vi)x & (a > lo) & (a < hi)); }
INLINE vf vf_above(vf x, vf a, vf lo) { return (vf)((vi)x & (a > lo)); }
INLINE void vf_greater(vf *best, vi *at, vf v, int tap) {
	vi m = v > *best;
	*best = vf_where(m, v, *best);
	*at = (m & tap) | (~m & *at);
}
INLINE vf vf_at(vf x, vi at, int tap) { return (vf)((vi)x & (at == tap)); }
INLINE void vf_accumulate(double *p, vf a) {
	for (int i = 0; i < 4; i++)
		p[i] += a[i];
}
INLINE unsigned vf_positive(vf a) { return (a[0] > 0) | (a[1] > 0) << 1 | (a[2] > 0) << 2 | (a[3] > 0) << 3; }
#endif

INLINE v16 v16_load(const float *p) { v16 r; EACH r.v[i_] = vf_load(p + i_ * VW); return r; }
INLINE void v16_store(float *p, v16 a) { EACH vf_store(p + i_ * VW, a.v[i_]); }
INLINE v16 v16_set1(float a) { v16 r; EACH r.v[i_] = vf_set1(a); return r; }
INLINE v16 v16_zero(void) { return v16_set1(0); }
INLINE v16 v16_add(v16 a, v16 b) { EACH a.v[i_] += b.v[i_]; return a; }
INLINE v16 v16_sub(v16 a, v16 b) { EACH a.v[i_] -= b.v[i_]; return a; }
INLINE v16 v16_mul(v16 a, v16 b) { EACH a.v[i_] *= b.v[i_]; return a; }
INLINE v16 v16_fma(v16 a, v16 b, v16 c) { EACH c.v[i_] = vf_fma(a.v[i_], b.v[i_], c.v[i_]); return c; }
INLINE v16 v16_max(v16 a, v16 b) { EACH a.v[i_] = vf_max(a.v[i_], b.v[i_]); return a; }
INLINE v16 v16_min(v16 a, v16 b) { EACH a.v[i_] = vf_min(a.v[i_], b.v[i_]); return a; }
INLINE v16 v16_between(v16 x, v16 a, v16 lo, v16 hi) { EACH x.v[i_] = vf_between(x.v[i_], a.v[i_], lo.v[i_], hi.v[i_]); return x; }
INLINE v16 v16_above(v16 x, v16 a, v16 lo) { EACH x.v[i_] = vf_above(x.v[i_], a.v[i_], lo.v[i_]); return x; }
INLINE void v16_accumulate(double *p, v16 a) { EACH vf_accumulate(p + i_ * VW, a.v[i_]); }
INLINE unsigned v16_positive(v16 a) { unsigned m = 0; EACH m |= vf_positive(a.v[i_]) << (i_ * VW); return m; }

// Numbers of positive elements, for each lane.
struct lane_counts { vi n[NV]; };
INLINE void v16_count(struct lane_counts *c, v16 a) { EACH c->n[i_] -= a.v[i_] > vf_set1(0); }
INLINE void lane_counts_store(int *p, const struct lane_counts *c) { __builtin_memcpy(p, c->n, sizeof c->n); }

// The first maximum of numbers that come one by one, and the position of it, for each lane. NaN is kept only in the first place.
struct first_max { v16 best; vi at[NV]; };

INLINE struct first_max first_max_of(v16 first) {
	struct first_max m = {first};
	EACH m.at[i_] = (vi){0};
	return m;
}
INLINE void first_max_next(struct first_max *m, v16 v, int tap) { EACH vf_greater(&m->best.v[i_], &m->at[i_], v.v[i_], tap); }
// x where the maximum is at tap, else 0
INLINE v16 first_max_at(const struct first_max *m, v16 x, int tap) { EACH x.v[i_] = vf_at(x.v[i_], m->at[i_], tap); return x; }

// transpose4 transposes 4×4 numbers: rows of src are from floats apart, those of dst to floats.
INLINE void transpose4(float *dst, size_t to, const float *src, size_t from) {
#if VW >= 8
	__m128 a = _mm_loadu_ps(src), b = _mm_loadu_ps(src + from), c = _mm_loadu_ps(src + 2 * from), d = _mm_loadu_ps(src + 3 * from);
	_MM_TRANSPOSE4_PS(a, b, c, d);
	_mm_storeu_ps(dst, a);
	_mm_storeu_ps(dst + to, b);
	_mm_storeu_ps(dst + 2 * to, c);
	_mm_storeu_ps(dst + 3 * to, d);
#else
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 4; k++)
			dst[i * to + k] = src[k * from + i];
#endif
}
