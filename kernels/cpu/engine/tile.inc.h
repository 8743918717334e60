// Register tiles: the inner loop that the dense cores share.
//
// A tile is nt pixels by nk channel blocks of the output. It stays in registers during the sum over the input:
//
//	out[k][t][·] = Σ over blocks c, taps (ky, kx), lanes j of in[c][t·step + tap][j] · w[c][ky][kx][j][k][·]
//
// There is one fused multiply-add for each term, in this order, for any nt and nk. A value therefore does not depend on its
// tile, and the last tile of a row may compute some pixels a second time.

// The input of the sum. pitch and hop are the floats from one tap to the next, down and across.
struct reach {
	int cb, tail, kernel;
	size_t pitch, hop;
};

#if VW == 16 // 32 registers
#define PANEL_MAX 3
#define TILE_MAX 16
#elif VW == 8 // 16 registers
#define PANEL_MAX 1
#define TILE_MAX 6
#else // 16 registers of a quarter block
#define PANEL_MAX 1
#define TILE_MAX 2
#endif

// panel_width returns the nk of the next panel's tiles, if left blocks of outputs remain.
INLINE int panel_width(int left) {
	if (PANEL_MAX == 1)
		return 1;
	return left == 1 || left == 3 ? left : 2;
}

// panels returns the number of panels of all outputs.
static int panels(const struct conv_shape *s) {
	int n = 0;
	for (int k = 0; k < s->kb; k += panel_width(s->kb - k))
		n++;
	return n;
}

// tile_width returns the number of pixels of the next tile, if left of n pixels remain.
INLINE int tile_width(int left, int n, int nk) {
#if VW == 8
	int nt = left > 8 || left == 5 || left == 6 ? 6 : left > 2 ? 4 : left;
	return nt <= n ? nt : nt == 6 ? 4 : 2;
#else
	int nt = VW == 4 ? 2 : nk == 1 ? 16 : 8;
	while (nt > n || nt / 2 >= left)
		nt /= 2;
	return nt;
#endif
}

INLINE void tile(const int nt, const int nk, const int step, const struct reach *r, const float *const *in, size_t at,
                 const float *w, float *const *out, size_t to) {
	vf a[TILE_MAX][PANEL_MAX * NV];
#pragma GCC unroll 16
	for (int t = 0; t < nt; t++)
#pragma GCC unroll 4
		for (int v = 0; v < nk * NV; v++)
			a[t][v] = vf_set1(0);
	for (int c = 0; c < r->cb; c++) {
		int lanes = c + 1 < r->cb ? LANES : r->tail;
		for (int ky = 0; ky < r->kernel; ky++)
			for (int kx = 0; kx < r->kernel; kx++) {
				const float *x = in[c] + at + ky * r->pitch + kx * r->hop;
#pragma GCC unroll 2
				for (int j = 0; j < lanes; j++, x++, w += nk * LANES) {
					vf b[PANEL_MAX * NV];
#pragma GCC unroll 4
					for (int v = 0; v < nk * NV; v++)
						b[v] = vf_load(w + v * VW);
#pragma GCC unroll 16
					for (int t = 0; t < nt; t++) {
						vf s = vf_set1(x[t * step]);
#pragma GCC unroll 4
						for (int v = 0; v < nk * NV; v++)
							a[t][v] = vf_fma(s, b[v], a[t][v]);
					}
				}
			}
	}
#pragma GCC unroll 16
	for (int t = 0; t < nt; t++)
#pragma GCC unroll 4
		for (int v = 0; v < nk * NV; v++)
			vf_store(out[v / NV] + to + t * LANES + v % NV * VW, a[t][v]);
}

// row computes n pixels of one panel. Input pixels are step floats apart, output pixels LANES. A step without a register tile
// is computed pixel by pixel.
INLINE void row(const int nk, const int step, int n, const struct reach *r, const float *const *in, size_t at,
                const float *w, float *const *out, size_t to) {
	for (int t = 0, nt; t < n; t += nt) {
		nt = tile_width(n - t, n, nk);
		if (nt > n - t)
			t = n - nt;
		size_t a = at + (size_t)t * step, o = to + (size_t)t * LANES;
		switch (nt) {
#if TILE_MAX >= 16
		case 16: tile(nk == 1 ? 16 : 8, nk, step, r, in, a, w, out, o); break;
		case 8: tile(8, nk, step, r, in, a, w, out, o); break;
#endif
#if TILE_MAX == 6
		case 6: tile(6, nk, step, r, in, a, w, out, o); break;
#endif
#if TILE_MAX >= 4
		case 4: tile(4, nk, step, r, in, a, w, out, o); break;
#endif
		case 2: tile(2, nk, step, r, in, a, w, out, o); break;
		default: tile(1, nk, step, r, in, a, w, out, o);
		}
	}
}

#define ROW(nk, step) \
	static __attribute__((noinline)) void row_##nk##_##step(int n, const struct reach *r, const float *const *in, \
	        size_t at, const float *w, float *const *out, size_t to) { row(nk, step, n, r, in, at, w, out, to); }
ROW(1, 16)
ROW(1, 32)
#if PANEL_MAX == 3
ROW(2, 16)
ROW(2, 32)
ROW(3, 16)
ROW(3, 32)
#endif
#undef ROW

// panel_row computes n output pixels of one panel of nk blocks: out[0..nk-1] from `to` on.
static void panel_row(int nk, size_t step, int n, const struct reach *r, const float *const *in, size_t at,
                      const float *w, float *const *out, size_t to) {
	if (step > 2 * LANES) { // no register tile is made for it
		for (int t = 0; t < n; t++)
			panel_row(nk, LANES, 1, r, in, at + t * step, w, out, to + (size_t)t * LANES);
		return;
	}
	switch (nk) {
#if PANEL_MAX == 3
	case 2: (step == LANES ? row_2_16 : row_2_32)(n, r, in, at, w, out, to); break;
	case 3: (step == LANES ? row_3_16 : row_3_32)(n, r, in, at, w, out, to); break;
#endif
	default: (step == LANES ? row_1_16 : row_1_32)(n, r, in, at, w, out, to);
	}
}

// The panel that has output block k: it begins with block first.
struct panel { int first, nk; };

static struct panel panel_of(const struct conv_shape *s, int k) {
	struct panel p = {0, panel_width(s->kb)};
	while (k >= p.first + p.nk) {
		p.first += p.nk;
		p.nk = panel_width(s->kb - p.first);
	}
	return p;
}

// panel_floats returns the number of packed weights of one block of outputs: of the last input block, the channels in use.
static size_t panel_floats(const struct conv_shape *s) {
	return ((size_t)s->cb * LANES - (s->tail ? LANES - s->tail : 0)) * s->kernel * s->kernel * LANES;
}

// pack_panel writes the weights from input block c to output block k in the order of the tiles: panel after panel [c][ky][kx][j][nk·16].
static void pack_panel(const struct conv_shape *s, float *dst, const struct dense *w, int k, int c) {
	struct panel p = panel_of(s, k);
	int lane = p.nk * LANES, used = c + 1 == s->cb && s->tail ? s->tail : LANES;
	dst += p.first * panel_floats(s) + (size_t)c * w->taps * LANES * lane + (k - p.first) * LANES;
	for (int j = 0; j < used; j++)
		for (int l = 0; l < LANES; l++) {
			const float *window = dense_window(w, k * LANES + l, c * LANES + j);
			for (int t = 0; t < w->taps; t++)
				dst[((size_t)t * used + j) * lane + l] = dense_tap(w, window, t);
		}
}

static struct reach reach_of(const struct conv_shape *s) {
	return (struct reach){s->cb, s->tail ? s->tail : LANES, s->kernel, (size_t)s->dilation * s->pw * LANES,
	                      (size_t)s->dilation * LANES};
}
