// Winograd's convolution F(4×4, 3×3) (Lavin and Gray, arXiv:1509.09308): a tile of 4×4 outputs from 6×6 inputs d,
//
//	Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A
//
// where ⊙ over all channels is 36 matrix products, one for each element e of a tile, with 36 multiplications in place
// of 144. Tiles are numbered through all images of a call and computed in chunks that stay in the second-level cache.

// The interpolation points are 0, ±P, ±Q and infinity. The rounding error in float32 is half of that of the usual points 1
// and 2: relative to the outputs, r.m.s. over 64 channels, 6.4e-7 against 1.4e-6; a plain sum has 3.1e-7. Every constant in
// the transform of the images is exact.

#define WINO 36 // elements of a transformed tile
#define P .75
#define Q 1.5
#define P2 (P * P)
#define Q2 (Q * Q)

static int winograd_down(const struct conv_shape *s) { return (s->h + 3) / 4; } // tiles
static int winograd_across(const struct conv_shape *s) { return (s->w + 3) / 4; }

// A tile costs 36 multiplications a channel pair, and its transforms about half as much again at 16 channels; a pixel
// of the direct convolution costs 9. An input of a few channels is cheaper to multiply than to transform.
static int winograd_fits(const struct conv_shape *s) {
	return s->kernel == 3 && s->stride == 1 && s->dilation == 1 && !s->depthwise &&
	       winograd_down(s) * winograd_across(s) * 54 < 9 * s->h * s->w && !(s->cb == 1 && s->tail && s->tail <= 8);
}

static void winograd_widen(struct conv_shape *s) {
	s->ph = 4 * winograd_down(s) + 2;
	s->pw = 4 * winograd_across(s) + 2;
}

// Number of tiles of a chunk. Many tiles read each weight seldom; few keep the transformed input and a panel of products in
// the second-level cache. If the weights do not fit there, a chunk has more tiles.
static int winograd_chunk(const struct conv_shape *s) { return s->cb * s->kb > 20 ? 32 : 16; }

static int winograd_group(const struct conv_shape *s) {
	int tiles = winograd_down(s) * winograd_across(s);
	return (winograd_chunk(s) + tiles - 1) / tiles;
}

// packed: for each panel [e][c][nk·16]
static size_t winograd_pack_size(const struct conv_shape *s) {
	return (size_t)WINO * s->kb * LANES * s->cb * LANES;
}

// G g Gᵀ of LANES kernels, in doubles: kernel l is at g + l·next.
static void winograd_kernels(double u[WINO][LANES], const float *g, size_t next) {
	static const double a = 2 * P2 * (P2 - Q2), b = 2 * Q2 * (Q2 - P2);
	static const double G[6][3] = {{1 / (P2 * Q2), 0, 0}, {1 / a, P / a, P2 / a}, {1 / a, -P / a, P2 / a},
	                               {1 / b, Q / b, Q2 / b}, {1 / b, -Q / b, Q2 / b}, {0, 0, 1}};
	double w[9][LANES], t[6][3][LANES];
	for (int l = 0; l < LANES; l++)
		for (int i = 0; i < 9; i++)
			w[i][l] = g[l * next + i];
	for (int i = 0; i < 6; i++)
		for (int j = 0; j < 3; j++)
			for (int l = 0; l < LANES; l++)
				t[i][j][l] = G[i][0] * w[j][l] + G[i][1] * w[3 + j][l] + G[i][2] * w[6 + j][l];
	for (int i = 0; i < 6; i++)
		for (int j = 0; j < 6; j++)
			for (int l = 0; l < LANES; l++)
				u[i * 6 + j][l] = t[i][0][l] * G[j][0] + t[i][1][l] * G[j][1] + t[i][2][l] * G[j][2];
}

static void winograd_pack(const struct conv_shape *s, float *dst, const float *w) {
	size_t in = (size_t)s->cb * LANES;
	for (int k = 0, nk; k < s->kb; k += nk) {
		nk = panel_width(s->kb - k);
		float *panel = dst + WINO * in * LANES * k;
		for (size_t c = 0; c < in; c++)
			for (int b = 0; b < nk; b++) {
				double u[WINO][LANES];
				winograd_kernels(u, w + ((size_t)(k + b) * LANES * in + c) * 9, in * 9);
				for (int e = 0; e < WINO; e++)
					for (int l = 0; l < LANES; l++)
						panel[((e * in + c) * nk + b) * LANES + l] = u[e][l];
			}
	}
}

// Scratch: the transformed tiles v[c][e][chunk][16], a panel of products m[k][e][chunk][16], and the starts
// of their blocks. The distance of the elements of a tile has one extra cache line, so that they are in different sets of
// the first-level cache.
struct winograd_scratch {
	size_t element; // floats from one element to the next
	float *v, *m, **vb, *mb[PANEL_MAX];
};

static size_t winograd_element(const struct conv_shape *s) { return (size_t)(winograd_chunk(s) + 1) * LANES; }

static size_t winograd_scratch_size(const struct conv_shape *s, int nimg) {
	return (size_t)(s->cb + PANEL_MAX) * WINO * winograd_element(s) + s->cb * sizeof(float *) / sizeof(float);
}

static struct winograd_scratch winograd_lay(const struct conv_shape *s, float *scratch) {
	size_t element = winograd_element(s), block = WINO * element;
	struct winograd_scratch l = {
		element, scratch, scratch + s->cb * block, (float **)(scratch + (s->cb + PANEL_MAX) * block), {NULL}};
	for (int c = 0; c < s->cb; c++)
		l.vb[c] = l.v + c * block;
	for (int k = 0; k < PANEL_MAX; k++)
		l.mb[k] = l.m + k * block;
	return l;
}

// Rows 1 and 2 of Bᵀ are even ± P·odd with even = d4 − Q²d2, odd = d3 − Q²d1; rows 3 and 4 the same with P and Q in each
// other's place; rows 0 and 5 are P²Q²d0 − (P²+Q²)d2 + d4 and the same one further.
INLINE vf winograd_pair(float minus, vf low, vf high) { return vf_fma(vf_set1(minus), low, high); }
INLINE vf winograd_end(vf d0, vf d2, vf d4) {
	return vf_fma(vf_set1(P2 * Q2), d0, vf_fma(vf_set1(-(P2 + Q2)), d2, d4));
}

// One line of Bᵀ d or d B: six values to six, element places of v that are `to` apart.
INLINE void winograd_line(float *v, size_t to, const vf d[6]) {
	vf even = winograd_pair(-Q2, d[2], d[4]), odd = winograd_pair(-Q2, d[1], d[3]);
	vf_store(v, winograd_end(d[0], d[2], d[4]));
	vf_store(v + to, winograd_pair(P, odd, even));
	vf_store(v + 2 * to, winograd_pair(-P, odd, even));
	even = winograd_pair(-P2, d[2], d[4]), odd = winograd_pair(-P2, d[1], d[3]);
	vf_store(v + 3 * to, winograd_pair(Q, odd, even));
	vf_store(v + 4 * to, winograd_pair(-Q, odd, even));
	vf_store(v + 5 * to, winograd_end(d[1], d[3], d[5]));
}

// Bᵀ d B of one tile and block. Two rows that share terms are computed together; at most two rows are in registers.
INLINE void winograd_input(float *v, size_t element, const float *x, size_t pitch) {
	for (int i = 0; i < LANES; i += VW, v += VW, x += VW) {
#define D(r) vf_load(x + r * pitch + j * LANES)
		vf p[6], q[6];
#pragma GCC unroll 6
		for (int j = 0; j < 6; j++)
			p[j] = winograd_end(D(0), D(2), D(4));
		winograd_line(v, element, p);
#pragma GCC unroll 6
		for (int j = 0; j < 6; j++) {
			vf even = winograd_pair(-Q2, D(2), D(4)), odd = winograd_pair(-Q2, D(1), D(3));
			p[j] = winograd_pair(P, odd, even);
			q[j] = winograd_pair(-P, odd, even);
		}
		winograd_line(v + 6 * element, element, p);
		winograd_line(v + 12 * element, element, q);
#pragma GCC unroll 6
		for (int j = 0; j < 6; j++) {
			vf even = winograd_pair(-P2, D(2), D(4)), odd = winograd_pair(-P2, D(1), D(3));
			p[j] = winograd_pair(Q, odd, even);
			q[j] = winograd_pair(-Q, odd, even);
		}
		winograd_line(v + 18 * element, element, p);
		winograd_line(v + 24 * element, element, q);
#pragma GCC unroll 6
		for (int j = 0; j < 6; j++)
			p[j] = winograd_end(D(1), D(3), D(5));
		winograd_line(v + 30 * element, element, p);
#undef D
	}
}

// Rows of Aᵀ: pixel i is (m1 ± m2)·Pⁱ + (m3 ± m4)·Qⁱ, + for even i, and with m0 in the first and m5 in the last.
INLINE vf winograd_powers(float a, vf x, float b, vf y) { return vf_fma(vf_set1(b), y, vf_set1(a) * x); }

// One line of Aᵀ m A: six values to four, of which the first n are written.
INLINE void winograd_pixels(float *y, const vf m[6], int n) {
	vf s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4];
	vf_store(y, m[0] + s1 + s2);
	if (n > 1)
		vf_store(y + LANES, winograd_powers(P, d1, Q, d2));
	if (n > 2)
		vf_store(y + 2 * LANES, winograd_powers(P2, s1, Q2, s2));
	if (n > 3)
		vf_store(y + 3 * LANES, winograd_powers(P * P2, d1, Q * Q2, d2) + m[5]);
}

// Aᵀ m A of one tile and block: h×w of its 4×4 pixels, at the edge of the image fewer than all.
INLINE void winograd_output(float *y, size_t pitch, const float *m, size_t element, int h, int w) {
	for (int i = 0; i < LANES; i += VW, m += VW, y += VW) {
#define M(r) vf_load(m + (r * 6 + j) * element)
		vf p[6], q[6];
#pragma GCC unroll 6
		for (int j = 0; j < 6; j++) {
			vf s1 = M(1) + M(2), s2 = M(3) + M(4);
			p[j] = M(0) + s1 + s2;
			q[j] = winograd_powers(P2, s1, Q2, s2);
		}
		winograd_pixels(y, p, w);
		if (h > 2)
			winograd_pixels(y + 2 * pitch, q, w);
		if (h < 2)
			continue;
#pragma GCC unroll 6
		for (int j = 0; j < 6; j++) {
			vf d1 = M(1) - M(2), d2 = M(3) - M(4);
			p[j] = winograd_powers(P, d1, Q, d2);
			q[j] = winograd_powers(P * P2, d1, Q * Q2, d2) + M(5);
		}
		winograd_pixels(y + pitch, p, w);
		if (h > 3)
			winograd_pixels(y + 3 * pitch, q, w);
#undef M
	}
}

// The position of tile t of a call.
struct winograd_place { int image, y, x; };

INLINE struct winograd_place winograd_find(const struct conv_shape *s, int t) {
	int across = winograd_across(s), tiles = winograd_down(s) * across;
	return (struct winograd_place){t / tiles, t % tiles / across * 4, t % across * 4};
}

static void winograd_gather(const struct conv_shape *s, const struct winograd_scratch *l, const float *const *in,
                            int t0, int n) {
	for (int c = 0; c < s->cb; c++)
		for (int t = 0; t < n; t++) {
			struct winograd_place p = winograd_find(s, t0 + t);
			winograd_input(l->vb[c] + t * LANES, l->element,
			               in[p.image * s->cb + c] + ((size_t)p.y * s->pw + p.x) * LANES, (size_t)s->pw * LANES);
		}
}

static void winograd_scatter(const struct conv_shape *s, const struct winograd_scratch *l, float *const *out, int t0,
                             int n, int k, int nk) {
	size_t pitch = (size_t)s->w * LANES;
	for (int b = 0; b < nk; b++)
		for (int t = 0; t < n; t++) {
			struct winograd_place p = winograd_find(s, t0 + t);
			float *y = out[p.image * s->kb + k + b] + p.y * pitch + p.x * LANES;
			const float *m = l->mb[b] + t * LANES;
			if (p.y + 4 <= s->h && p.x + 4 <= s->w)
				winograd_output(y, pitch, m, l->element, 4, 4);
			else
				winograd_output(y, pitch, m, l->element, s->h - p.y, s->w - p.x);
		}
}

#if VW == 16
// The product of an element for 8 tiles and nk blocks of outputs: what tile computes, in its order, without loops over taps.
INLINE void winograd_tiles(const int nk, int cb, const float *v, size_t block, const float *u, float *m) {
	vf a[8][PANEL_MAX];
#pragma GCC unroll 8
	for (int t = 0; t < 8; t++)
#pragma GCC unroll 4
		for (int k = 0; k < nk; k++)
			a[t][k] = vf_set1(0);
	for (int c = 0; c < cb; c++, v += block)
#pragma GCC unroll 4
		for (int j = 0; j < LANES; j++, u += nk * LANES) {
			vf b[PANEL_MAX];
#pragma GCC unroll 4
			for (int k = 0; k < nk; k++)
				b[k] = vf_load(u + k * LANES);
#pragma GCC unroll 8
			for (int t = 0; t < 8; t++) {
				vf s = vf_set1(v[t * LANES + j]);
#pragma GCC unroll 4
				for (int k = 0; k < nk; k++)
					a[t][k] = vf_fma(s, b[k], a[t][k]);
			}
		}
#pragma GCC unroll 8
	for (int t = 0; t < 8; t++)
#pragma GCC unroll 4
		for (int k = 0; k < nk; k++)
			vf_store(m + k * block + t * LANES, a[t][k]);
}

#define PRODUCT(nk) \
	static __attribute__((noinline)) void winograd_product_##nk(int n, int cb, const float *v, size_t block, const float *u, float *m) { \
		for (int t = 0; t < n; t += 8) \
			winograd_tiles(nk, cb, v + t * LANES, block, u, m + t * LANES); \
	}
PRODUCT(1)
PRODUCT(2)
PRODUCT(3)
#undef PRODUCT

// winograd_product computes element e of n tiles for one panel, and of more tiles up to a multiple of 8, which nothing reads.
static void winograd_product(const struct conv_shape *s, const struct winograd_scratch *l, int e, int n, int nk, const float *u) {
	size_t block = WINO * l->element;
	const float *v = l->v + e * l->element;
	float *m = l->m + e * l->element;
	switch (nk) {
	case 1: winograd_product_1(n, s->cb, v, block, u, m); break;
	case 2: winograd_product_2(n, s->cb, v, block, u, m); break;
	default: winograd_product_3(n, s->cb, v, block, u, m);
	}
}
#else
static void winograd_product(const struct conv_shape *s, const struct winograd_scratch *l, int e, int n, int nk, const float *u) {
	struct reach r = {s->cb, LANES, 1, 0, 0};
	panel_row(nk, LANES, n, &r, (const float *const *)l->vb, e * l->element, u, l->mb, e * l->element);
}
#endif

static void winograd_run(const struct conv_shape *s, int nimg, float *const *out, const float *const *in,
                         const float *packed, float *scratch, struct ahead *ahead) {
	struct winograd_scratch l = winograd_lay(s, scratch);
	int tiles = nimg * winograd_down(s) * winograd_across(s), chunk = winograd_chunk(s);
	ahead_share(ahead, (tiles + chunk - 1) / chunk * panels(s) * WINO);
	for (int t = 0; t < tiles; t += chunk) {
		int n = tiles - t < chunk ? tiles - t : chunk;
		winograd_gather(s, &l, in, t, n);
		for (int k = 0, nk; k < s->kb; k += nk) {
			nk = panel_width(s->kb - k);
			size_t weights = (size_t)s->cb * LANES * LANES; // of one element and block of outputs
			const float *u = packed + WINO * weights * k;
			for (int e = 0; e < WINO; e++) {
				ahead_some(ahead);
				winograd_product(s, &l, e, n, nk, u + e * weights * nk);
			}
			winograd_scatter(s, &l, out, t, n, k, nk);
		}
	}
}

static const struct core winograd_core = {
	"winograd", winograd_fits, winograd_widen, winograd_group, winograd_pack_size, winograd_pack,
	winograd_scratch_size, winograd_run,
};
