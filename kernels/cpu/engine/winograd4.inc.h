// F(4×4, 3×3): 36 multiplications in place of 144.

// The interpolation points are 0, ±P, ±Q and infinity. The rounding error in float32 is half of that of the usual points 1
// and 2: relative to the outputs, r.m.s. over 64 channels, 6.4e-7 against 1.4e-6; a plain sum has 3.1e-7. Every constant in
// the transform of the images is exact.

#define WINO 36 // elements of a transformed tile
#define P .75
#define Q 1.5
#define P2 (P * P)
#define Q2 (Q * Q)

static const double winograd4_G[6][3] = {
#define ROW(x, f) {1 / (f), (x) / (f), (x) * (x) / (f)}
	{1 / (P2 * Q2), 0, 0}, ROW(P, 2 * P2 * (P2 - Q2)), ROW(-P, 2 * P2 * (P2 - Q2)), ROW(Q, 2 * Q2 * (Q2 - P2)),
	ROW(-Q, 2 * Q2 * (Q2 - P2)), {0, 0, 1},
#undef ROW
};

// Many tiles read each weight seldom; few keep the transformed input and a panel of products in the second-level cache. If the
// weights do not fit there, a chunk has more tiles.
static int winograd4_chunk(const struct conv_shape *s) { return s->cb * s->kb > 20 ? 32 : 16; }

// Rows 1 and 2 of Bᵀ are even ± P·odd with even = d4 − Q²d2, odd = d3 − Q²d1; rows 3 and 4 the same with P and Q in each
// other's place; rows 0 and 5 are P²Q²d0 − (P²+Q²)d2 + d4 and the same one further.
INLINE vf winograd4_pair(float minus, vf low, vf high) { return vf_fma(vf_set1(minus), low, high); }
INLINE vf winograd4_end(vf d0, vf d2, vf d4) {
	return vf_fma(vf_set1(P2 * Q2), d0, vf_fma(vf_set1(-(P2 + Q2)), d2, d4));
}

// One line of Bᵀ d or d B: six values to six, element places of v that are `to` apart.
INLINE void winograd4_line(float *v, size_t to, const vf d[6]) {
	vf even = winograd4_pair(-Q2, d[2], d[4]), odd = winograd4_pair(-Q2, d[1], d[3]);
	vf_store(v, winograd4_end(d[0], d[2], d[4]));
	vf_store(v + to, winograd4_pair(P, odd, even));
	vf_store(v + 2 * to, winograd4_pair(-P, odd, even));
	even = winograd4_pair(-P2, d[2], d[4]), odd = winograd4_pair(-P2, d[1], d[3]);
	vf_store(v + 3 * to, winograd4_pair(Q, odd, even));
	vf_store(v + 4 * to, winograd4_pair(-Q, odd, even));
	vf_store(v + 5 * to, winograd4_end(d[1], d[3], d[5]));
}

// Bᵀ d B of one tile and block. Two rows that share terms are computed together; at most two rows are in registers.
static void winograd4_input(float *v, size_t element, const float *x, size_t pitch) {
	for (int i = 0; i < LANES; i += VW, v += VW, x += VW) {
#define D(r) vf_load(x + r * pitch + j * LANES)
		vf p[6], q[6];
		UNROLL(6)
		for (int j = 0; j < 6; j++)
			p[j] = winograd4_end(D(0), D(2), D(4));
		winograd4_line(v, element, p);
		UNROLL(6)
		for (int j = 0; j < 6; j++) {
			vf even = winograd4_pair(-Q2, D(2), D(4)), odd = winograd4_pair(-Q2, D(1), D(3));
			p[j] = winograd4_pair(P, odd, even);
			q[j] = winograd4_pair(-P, odd, even);
		}
		winograd4_line(v + 6 * element, element, p);
		winograd4_line(v + 12 * element, element, q);
		UNROLL(6)
		for (int j = 0; j < 6; j++) {
			vf even = winograd4_pair(-P2, D(2), D(4)), odd = winograd4_pair(-P2, D(1), D(3));
			p[j] = winograd4_pair(Q, odd, even);
			q[j] = winograd4_pair(-Q, odd, even);
		}
		winograd4_line(v + 18 * element, element, p);
		winograd4_line(v + 24 * element, element, q);
		UNROLL(6)
		for (int j = 0; j < 6; j++)
			p[j] = winograd4_end(D(1), D(3), D(5));
		winograd4_line(v + 30 * element, element, p);
#undef D
	}
}

// Rows of Aᵀ: pixel i is (m1 ± m2)·Pⁱ + (m3 ± m4)·Qⁱ, + for even i, and with m0 in the first and m5 in the last.
INLINE vf winograd4_powers(float a, vf x, float b, vf y) { return vf_fma(vf_set1(b), y, vf_set1(a) * x); }

// One line of Aᵀ m A: six values to four, of which the first n are written.
INLINE void winograd4_line_out(float *y, const vf m[6], int n) {
	vf s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4];
	vf_store(y, m[0] + s1 + s2);
	if (n > 1)
		vf_store(y + LANES, winograd4_powers(P, d1, Q, d2));
	if (n > 2)
		vf_store(y + 2 * LANES, winograd4_powers(P2, s1, Q2, s2));
	if (n > 3)
		vf_store(y + 3 * LANES, winograd4_powers(P * P2, d1, Q * Q2, d2) + m[5]);
}

// Aᵀ m A of one tile and block: h×w of its 4×4 pixels.
INLINE void winograd4_pixels(float *y, size_t pitch, const float *m, size_t element, int h, int w) {
	for (int i = 0; i < LANES; i += VW, m += VW, y += VW) {
#define M(r) vf_load(m + (r * 6 + j) * element)
		vf p[6], q[6];
		UNROLL(6)
		for (int j = 0; j < 6; j++) {
			vf s1 = M(1) + M(2), s2 = M(3) + M(4);
			p[j] = M(0) + s1 + s2;
			q[j] = winograd4_powers(P2, s1, Q2, s2);
		}
		winograd4_line_out(y, p, w);
		if (h > 2)
			winograd4_line_out(y + 2 * pitch, q, w);
		if (h < 2)
			continue;
		UNROLL(6)
		for (int j = 0; j < 6; j++) {
			vf d1 = M(1) - M(2), d2 = M(3) - M(4);
			p[j] = winograd4_powers(P, d1, Q, d2);
			q[j] = winograd4_powers(P * P2, d1, Q * Q2, d2) + M(5);
		}
		winograd4_line_out(y + pitch, p, w);
		if (h > 3)
			winograd4_line_out(y + 3 * pitch, q, w);
#undef M
	}
}

// At the edge of the image a tile has fewer pixels than all.
static void winograd4_output(float *y, size_t pitch, const float *m, size_t element, int h, int w) {
	if (h >= 4 && w >= 4)
		winograd4_pixels(y, pitch, m, element, 4, 4);
	else
		winograd4_pixels(y, pitch, m, element, h, w);
}

static const struct winograd winograd4 = {4, winograd4_G, winograd4_chunk, winograd4_input, winograd4_output};

// A tile costs 36 multiplications a channel pair, and its transforms about half as much again at 16 channels; a pixel
// of the direct convolution costs 9. An input of a few channels is cheaper to multiply than to transform.
static int winograd4_fits(const struct conv_shape *s) {
	return winograd_window(s) && winograd_tiles(&winograd4, s) * 54 < 9 * s->h * s->w;
}

WINOGRAD_CORE(winograd4, "winograd")
