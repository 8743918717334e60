// 16-bit floats, IEEE 754 binary16: 11 bits of precision, up to 65504. A number is rounded to the nearest, ties to even. One that is
// too large becomes infinite.

#if VW == 16
typedef __m256i vh;
INLINE vh vh_load(const uint16_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
INLINE void vh_store(uint16_t *p, vh a) { _mm256_storeu_si256((__m256i *)p, a); }
INLINE vf vh_widen(vh a) { return _mm512_cvtph_ps(a); }
INLINE vh vf_halve(vf a) { return _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
#elif VW == 8
typedef __m128i vh;
INLINE vh vh_load(const uint16_t *p) { return _mm_loadu_si128((const __m128i *)p); }
INLINE void vh_store(uint16_t *p, vh a) { _mm_storeu_si128((__m128i *)p, a); }
INLINE vf vh_widen(vh a) { return _mm256_cvtph_ps(a); }
INLINE vh vf_halve(vf a) { return _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
#elif defined(__aarch64__)
typedef uint16x4_t vh;
INLINE vh vh_load(const uint16_t *p) { return vld1_u16(p); }
INLINE void vh_store(uint16_t *p, vh a) { vst1_u16(p, a); }
INLINE vf vh_widen(vh a) { return (vf)vcvt_f32_f16(vreinterpret_f16_u16(a)); }
INLINE vh vf_halve(vf a) { return vreinterpret_u16_f16(vcvt_f16_f32((float32x4_t)a)); }
#else
typedef vi vh; // the bits, one number a lane
INLINE vh vh_load(const uint16_t *p) { return (vh){p[0], p[1], p[2], p[3]}; }
INLINE void vh_store(uint16_t *p, vh a) {
	for (int i = 0; i < VW; i++)
		p[i] = a[i];
}
INLINE vi vi_where(vi m, vi a, vi b) { return (m & a) | (~m & b); }
// The bits of the magnitude are those of a float that is 2⁻¹¹² of it, subnormal numbers too.
INLINE vf vh_widen(vh a) {
	vi size = a & 0x7fff;
	vi finite = (vi)((vf)(size << 13) * vf_set1(0x1p112f)), infinite = size << 13 | 0x7f800000;
	return (vf)(vi_where(size < 0x7c00, finite, infinite) | (a & 0x8000) << 16);
}
// In 0.5 + a the last bit is 2⁻²⁴, that of subnormal numbers. Of others, half of the last bit is added, less for a tie that is even.
INLINE vh vf_halve(vf a) {
	vi size = (vi)a & 0x7fffffff;
	vi subnormal = (vi)((vf)size + vf_set1(.5f)) - 0x3f000000;
	vi normal = (size + 0xfff + (size >> 13 & 1) - (112 << 23)) >> 13;
	vi large = 0x7c00 | ((size > 0x7f800000) & (0x200 | size >> 13));
	vi half = vi_where(size < 113 << 23, subnormal, vi_where(size < 0x47800000, normal, large));
	return half | ((vi)a >> 16 & 0x8000);
}
#endif

INLINE v16 v16_load_half(const uint16_t *p) { v16 r; EACH r.v[i_] = vh_widen(vh_load(p + i_ * VW)); return r; }

// v16_halve stores a in 16 bits and returns what it stored.
INLINE v16 v16_halve(uint16_t *p, v16 a) {
	EACH {
		vh h = vf_halve(a.v[i_]);
		vh_store(p + i_ * VW, h);
		a.v[i_] = vh_widen(h);
	}
	return a;
}

// v16_get loads elements at … of x, which is of floats, or of 16-bit floats with half.
INLINE v16 v16_get(int half, const void *x, size_t at) {
	return half ? v16_load_half((const uint16_t *)x + at) : v16_load((const float *)x + at);
}
