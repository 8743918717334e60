// Register tiles: the inner loop that the dense cores share.
//
// A tile is nt pixels by nk channel blocks of the output. It stays in registers during the sum over the input:
//
//	out[k][t][·] = Σ over blocks c, taps (ky, kx), lanes j of in[c][t·step + tap][j] · w[c][ky][kx][j][k][·]
//
// where w is w[k][c][ky][kx][j][·] for blocks that are apart.
//
// There is one fused multiply-add for each term, in this order, for any nt and nk. A value therefore does not depend on its
// tile, and the last tile of a row may compute some pixels a second time.

// The input of the sum. pitch and hop are the floats from one tap to the next, down and across. The weights are those of an element, if
// those of a panel and a part are [element][c].
struct reach {
	int cb, tail, kernel;
	size_t pitch, hop;
	int element;
};

#if VW == 16 // 32 registers
#define PANEL_MAX 3
#define TILE_MAX 16
#elif VW == 8 // 16 registers
#define PANEL_MAX 1
#define TILE_MAX 6
#elif defined(__aarch64__) // 32 registers of a quarter block: GCC keeps not all sums of 6 pixels in them
#define PANEL_MAX 1
#define TILE_MAX 4
#else // 16 registers of a quarter block
#define PANEL_MAX 1
#define TILE_MAX 2
#endif

// panel_width returns the nk of the next panel's tiles, if left blocks of outputs remain.
INLINE int panel_width(int left) { return next_panel(PANEL_MAX, left); }

// tile_width returns the number of pixels of the next tile, if left of n pixels remain.
INLINE int tile_width(int left, int n, int nk) {
#if TILE_MAX == 6
	int nt = left > 8 || left == 5 || left == 6 ? 6 : left > 2 ? 4 : left;
	return nt <= n ? nt : nt == 6 ? 4 : 2;
#else
	int nt = TILE_MAX < 16 ? TILE_MAX : nk == 1 ? 16 : 8;
	while (nt > n || nt / 2 >= left)
		nt /= 2;
	return nt;
#endif
}

// The weights of a panel: those of each block, or all from at[0] on.
struct panel_weights { const float *at[PANEL_MAX]; };

// panel_weights returns those of an element, from the input blocks of a part to the output blocks from first on.
INLINE struct panel_weights panel_weights(const int nk, const int apart, const struct packed *p, int part, int first, int element) {
	struct panel_weights w = {{NULL}};
	const int n = apart ? nk : 1;
	size_t skip = (size_t)element * p->cb[part] * LANES * LANES * (nk / n);
	UNROLL(4)
	for (int k = 0; k < n; k++)
		w.at[k] = p->at[part * p->kb + first + k] + skip;
	return w;
}

// panel_lane returns the weights of vector v of a panel's outputs, from lane j on.
INLINE vf panel_lane(const int nk, const int apart, const struct panel_weights *w, int j, int v) {
	return vf_load(apart ? w->at[v / NV] + j * LANES + v % NV * VW : w->at[0] + j * nk * LANES + v * VW);
}

// panel_next passes over the weights of the lanes of an input block and a tap.
INLINE void panel_next(const int nk, const int apart, struct panel_weights *w) {
	const int n = apart ? nk : 1;
	UNROLL(4)
	for (int k = 0; k < n; k++)
		w->at[k] += LANES * LANES * (nk / n);
}

// w are the weights of the first part.
INLINE void tile(const int nt, const int nk, const int apart, const int step, const struct reach *r, const float *const *in, size_t at,
                 const struct packed *p, int first, struct panel_weights w, float *const *out, size_t to) {
	vf a[TILE_MAX][PANEL_MAX * NV];
	UNROLL(16)
	for (int t = 0; t < nt; t++)
		UNROLL(4)
		for (int v = 0; v < nk * NV; v++)
			a[t][v] = vf_set1(0);
	for (int c = 0, part = 0, end = p->cb[0]; c < r->cb; c++) {
		int lanes = c + 1 < r->cb ? LANES : r->tail;
		if (c == end) {
			w = panel_weights(nk, apart, p, ++part, first, r->element);
			end += p->cb[part];
		}
		for (int ky = 0; ky < r->kernel; ky++)
			for (int kx = 0; kx < r->kernel; kx++) {
				const float *x = in[c] + at + ky * r->pitch + kx * r->hop;
				UNROLL_BY(2)
				for (int j = 0; j < lanes; j++, x++) {
					vf b[PANEL_MAX * NV];
					UNROLL(4)
					for (int v = 0; v < nk * NV; v++)
						b[v] = panel_lane(nk, apart, &w, j, v);
					UNROLL(16)
					for (int t = 0; t < nt; t++) {
						vf s = vf_set1(x[t * step]);
						UNROLL(4)
						for (int v = 0; v < nk * NV; v++)
							a[t][v] = vf_fma(s, b[v], a[t][v]);
					}
				}
				panel_next(nk, apart, &w);
			}
	}
	UNROLL(16)
	for (int t = 0; t < nt; t++)
		UNROLL(4)
		for (int v = 0; v < nk * NV; v++)
			vf_store(out[v / NV] + to + t * LANES + v % NV * VW, a[t][v]);
}

// row computes n pixels of one panel. Input pixels are step floats apart, output pixels LANES. A step without a register tile
// is computed pixel by pixel.
INLINE void row(const int nk, const int apart, const int step, int n, const struct reach *r, const float *const *in, size_t at,
                const struct packed *p, int first, float *const *out, size_t to) {
	struct panel_weights w = panel_weights(nk, apart, p, 0, first, r->element);
	for (int t = 0, nt; t < n; t += nt) {
		nt = tile_width(n - t, n, nk);
		if (nt > n - t)
			t = n - nt;
		size_t a = at + (size_t)t * step, o = to + (size_t)t * LANES;
		switch (nt) {
#if TILE_MAX >= 16
		case 16: tile(nk == 1 ? 16 : 8, nk, apart, step, r, in, a, p, first, w, out, o); break;
		case 8: tile(8, nk, apart, step, r, in, a, p, first, w, out, o); break;
#endif
#if TILE_MAX == 6
		case 6: tile(6, nk, apart, step, r, in, a, p, first, w, out, o); break;
#endif
#if TILE_MAX >= 4
		case 4: tile(4, nk, apart, step, r, in, a, p, first, w, out, o); break;
#endif
		case 2: tile(2, nk, apart, step, r, in, a, p, first, w, out, o); break;
		default: tile(1, nk, apart, step, r, in, a, p, first, w, out, o);
		}
	}
}

#define ROW(name, nk, apart, step) \
	static __attribute__((noinline)) void row_##name(int n, const struct reach *r, const float *const *in, size_t at, \
	        const struct packed *p, int first, float *const *out, size_t to) { \
		row(nk, apart, step, n, r, in, at, p, first, out, to); \
	}
ROW(1_16, 1, 0, 16)
ROW(1_32, 1, 0, 32)
#if PANEL_MAX == 3
ROW(2_16, 2, 0, 16)
ROW(2_32, 2, 0, 32)
ROW(3_16, 3, 0, 16)
ROW(3_32, 3, 0, 32)
ROW(2_16_apart, 2, 1, 16)
ROW(2_32_apart, 2, 1, 32)
ROW(3_16_apart, 3, 1, 16)
ROW(3_32_apart, 3, 1, 32)
#endif
#undef ROW

// panel_row computes n output pixels of one panel: out[0..nk-1] from `to` on.
static void panel_row(const struct panel *q, size_t step, int n, const struct reach *r, const float *const *in, size_t at,
                      const struct packed *p, float *const *out, size_t to) {
	if (step > 2 * LANES) { // no register tile is made for it
		for (int t = 0; t < n; t++)
			panel_row(q, LANES, 1, r, in, at + t * step, p, out, to + (size_t)t * LANES);
		return;
	}
	switch (q->nk << 1 | q->apart) {
#if PANEL_MAX == 3
	case 2 << 1: (step == LANES ? row_2_16 : row_2_32)(n, r, in, at, p, q->first, out, to); break;
	case 3 << 1: (step == LANES ? row_3_16 : row_3_32)(n, r, in, at, p, q->first, out, to); break;
	case 2 << 1 | 1: (step == LANES ? row_2_16_apart : row_2_32_apart)(n, r, in, at, p, q->first, out, to); break;
	case 3 << 1 | 1: (step == LANES ? row_3_16_apart : row_3_32_apart)(n, r, in, at, p, q->first, out, to); break;
#endif
	default: (step == LANES ? row_1_16 : row_1_32)(n, r, in, at, p, q->first, out, to);
	}
}

static size_t dense_block_size(const struct conv_shape *s, int cb) { return (size_t)cb * s->kernel * s->kernel * LANES * LANES; }

// dense_pack writes the weights from input block c to output block k in the order of the tiles: panel after panel [c][ky][kx][j][nk·16].
static void dense_pack(const struct conv_shape *s, int kb, int cb, float *dst, const struct dense *w, int k, int c) {
	struct panel p = panel_of(PANEL_MAX, kb, k);
	int lane = p.nk * LANES;
	dst += p.first * dense_block_size(s, cb) + (size_t)c * w->taps * LANES * lane + (k - p.first) * LANES;
	for (int j = 0; j < LANES; j++)
		for (int l = 0; l < LANES; l++) {
			const float *window = dense_window(w, k * LANES + l, c * LANES + j);
			for (int t = 0; t < w->taps; t++)
				dst[((size_t)t * LANES + j) * lane + l] = dense_tap(w, window, t);
		}
}

static struct reach reach_of(const struct conv_shape *s) {
	return (struct reach){s->cb, s->tail ? s->tail : LANES, s->kernel, (size_t)s->dilation * s->pw * LANES,
	                      (size_t)s->dilation * LANES, 0};
}
