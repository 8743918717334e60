// F(8×8, 3×3): 100 multiplications in place of 576; F(4×4, 3×3) takes 144 for the same pixels. It is less exact, and for
// --numerics fast alone: relative to the outputs, r.m.s. over 64 channels, the rounding error in float32 is 1.9e-5.

// The interpolation points are 0, ±A, ±B, ±C, ±D and infinity.
#define A .4375
#define B .875
#define C 1.25
#define D 2.
#define A2 (A * A)
#define B2 (B * B)
#define C2 (C * C)
#define D2 (D * D)

static const double winograd8_G[10][3] = {
#define FACTOR(x, y, z, w) (2 * (x) * (x) * ((x) * (x) - y) * ((x) * (x) - z) * ((x) * (x) - w))
#define ROW(x, y, z, w) {1 / FACTOR(x, y, z, w), (x) / FACTOR(x, y, z, w), (x) * (x) / FACTOR(x, y, z, w)}
	{1 / (A2 * B2 * C2 * D2), 0, 0},
	ROW(A, B2, C2, D2), ROW(-A, B2, C2, D2), ROW(B, A2, C2, D2), ROW(-B, A2, C2, D2),
	ROW(C, A2, B2, D2), ROW(-C, A2, B2, D2), ROW(D, A2, B2, C2), ROW(-D, A2, B2, C2), {0, 0, 1},
#undef ROW
#undef FACTOR
};

static int winograd8_chunk(const struct conv_shape *s) { return s->cb == 1 || s->cb * s->kb > 12 ? 16 : 8; }

// Rows of Bᵀ come in pairs, even ± X·odd with even = d8 + s1·d6 + s2·d4 + s3·d2 and odd the same one back. si are the
// coefficients of (t − Y²)(t − Z²)(t − W²) for the other points. Rows 0 and 9 are those of all four points, and one further.
INLINE vf winograd8_three(double y, double z, double w, vf d2, vf d4, vf d6, vf d8) {
	return vf_fma(vf_set1(-y * z * w), d2, vf_fma(vf_set1(y * z + y * w + z * w), d4, vf_fma(vf_set1(-y - z - w), d6, d8)));
}
INLINE vf winograd8_four(vf d0, vf d2, vf d4, vf d6, vf d8) {
	const double s1 = -A2 - B2 - C2 - D2, s4 = A2 * B2 * C2 * D2;
	const double s2 = A2 * B2 + A2 * C2 + A2 * D2 + B2 * C2 + B2 * D2 + C2 * D2;
	const double s3 = -A2 * B2 * C2 - A2 * B2 * D2 - A2 * C2 * D2 - B2 * C2 * D2;
	return vf_fma(vf_set1(s4), d0, vf_fma(vf_set1(s3), d2, vf_fma(vf_set1(s2), d4, vf_fma(vf_set1(s1), d6, d8))));
}
INLINE void winograd8_pair(float *v, size_t to, const vf d[10], double x, double y, double z, double w) {
	vf even = winograd8_three(y, z, w, d[2], d[4], d[6], d[8]), odd = winograd8_three(y, z, w, d[1], d[3], d[5], d[7]);
	vf_store(v, vf_fma(vf_set1(x), odd, even));
	vf_store(v + to, vf_fma(vf_set1(-x), odd, even));
}

// One line of Bᵀ d or d B: ten values to ten.
INLINE void winograd8_line(float *v, size_t to, const vf d[10]) {
	vf_store(v, winograd8_four(d[0], d[2], d[4], d[6], d[8]));
	winograd8_pair(v + to, to, d, A, B2, C2, D2);
	winograd8_pair(v + 3 * to, to, d, B, A2, C2, D2);
	winograd8_pair(v + 5 * to, to, d, C, A2, B2, D2);
	winograd8_pair(v + 7 * to, to, d, D, A2, B2, C2);
	vf_store(v + 9 * to, winograd8_four(d[1], d[3], d[5], d[7], d[9]));
}

static void winograd8_input(float *v, size_t element, const float *x, size_t pitch) {
	for (int i = 0; i < LANES; i += VW, v += VW, x += VW) {
		float t[100 * VW];
		vf d[10];
		for (int j = 0; j < 10; j++) {
			UNROLL(10)
			for (int r = 0; r < 10; r++)
				d[r] = vf_load(x + r * pitch + j * LANES);
			winograd8_line(t + j * VW, 10 * VW, d);
		}
		for (int r = 0; r < 10; r++) {
			UNROLL(10)
			for (int j = 0; j < 10; j++)
				d[j] = vf_load(t + (r * 10 + j) * VW);
			winograd8_line(v + r * 10 * element, element, d);
		}
	}
}

// Rows of Aᵀ: pixel i is Σ (m₊ ± m₋)·Xⁱ over the points, + for even i, and with m0 in the first and m9 in the last.
INLINE vf winograd8_powers(double a, double b, double c, double d, const vf x[4]) {
	return vf_fma(vf_set1(a), x[0], vf_fma(vf_set1(b), x[1], vf_fma(vf_set1(c), x[2], vf_set1(d) * x[3])));
}

// One line of Aᵀ m A: ten values to eight.
INLINE void winograd8_line_out(float *y, size_t to, const vf m[10]) {
	vf s[4], d[4];
	UNROLL(4)
	for (int k = 0; k < 4; k++)
		s[k] = m[1 + 2 * k] + m[2 + 2 * k], d[k] = m[1 + 2 * k] - m[2 + 2 * k];
	vf_store(y, m[0] + ((s[0] + s[1]) + (s[2] + s[3])));
	vf_store(y + to, winograd8_powers(A, B, C, D, d));
	vf_store(y + 2 * to, winograd8_powers(A2, B2, C2, D2, s));
	vf_store(y + 3 * to, winograd8_powers(A2 * A, B2 * B, C2 * C, D2 * D, d));
	vf_store(y + 4 * to, winograd8_powers(A2 * A2, B2 * B2, C2 * C2, D2 * D2, s));
	vf_store(y + 5 * to, winograd8_powers(A2 * A2 * A, B2 * B2 * B, C2 * C2 * C, D2 * D2 * D, d));
	vf_store(y + 6 * to, winograd8_powers(A2 * A2 * A2, B2 * B2 * B2, C2 * C2 * C2, D2 * D2 * D2, s));
	vf_store(y + 7 * to, m[9] + winograd8_powers(A2 * A2 * A2 * A, B2 * B2 * B2 * B, C2 * C2 * C2 * C, D2 * D2 * D2 * D, d));
}

// All pixels are inside the image: see winograd8_fits.
static void winograd8_output(float *y, size_t pitch, const float *m, size_t element, int h, int w) {
	for (int i = 0; i < LANES; i += VW, m += VW, y += VW) {
		float t[80 * VW];
		vf d[10];
		for (int j = 0; j < 10; j++) {
			UNROLL(10)
			for (int r = 0; r < 10; r++)
				d[r] = vf_load(m + (r * 10 + j) * element);
			winograd8_line_out(t + j * VW, 10 * VW, d);
		}
		for (int r = 0; r < 8; r++) {
			UNROLL(10)
			for (int j = 0; j < 10; j++)
				d[j] = vf_load(t + (r * 10 + j) * VW);
			winograd8_line_out(y + r * pitch, LANES, d);
		}
	}
}

#undef A
#undef B
#undef C
#undef D
#undef A2
#undef B2
#undef C2
#undef D2

static const struct winograd winograd8 = {8, winograd8_G, winograd8_chunk, winograd8_input, winograd8_output};

// Maps in whole tiles. The transformed weights of many channels do not stay in any cache: F(4×4) has fewer.
static int winograd8_fits(const struct conv_shape *s) {
	return winograd_window(s) && s->h % 8 == 0 && s->w % 8 == 0 && s->cb * s->kb <= 48;
}

WINOGRAD_CORE(winograd8, "winograd8")
