// Winograd's convolution F(m×m, 3×3) (Lavin and Gray, arXiv:1509.09308): a tile of m×m outputs from (m+2)×(m+2) inputs d,
//
//	Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A
//
// where ⊙ over all channels is (m+2)² matrix products, one for each element e of a tile. Tiles are numbered through all images
// of a call and computed in chunks that stay in the second-level cache. Each size has a file with its transforms.

struct winograd {
	int side;              // m
	const double (*G)[3];  // of m+2 rows
	int (*chunk)(const struct conv_shape *s); // tiles of a chunk, a multiple of 8
	// input writes the (m+2)² elements of Bᵀ d B of one tile and block, element floats apart; x is the tile's first pixel.
	void (*input)(float *v, size_t element, const float *x, size_t pitch);
	// output writes the pixels of Aᵀ m A that are inside the image: h rows and w columns are left of it.
	void (*output)(float *y, size_t pitch, const float *m, size_t element, int h, int w);
};

enum { WINOGRAD_SIDE = 8 }; // the largest

INLINE int winograd_elements(const struct winograd *z) { return (z->side + 2) * (z->side + 2); }
INLINE int winograd_down(const struct winograd *z, const struct conv_shape *s) { return (s->h + z->side - 1) / z->side; }
INLINE int winograd_across(const struct winograd *z, const struct conv_shape *s) { return (s->w + z->side - 1) / z->side; }
INLINE int winograd_tiles(const struct winograd *z, const struct conv_shape *s) {
	return winograd_down(z, s) * winograd_across(z, s);
}

// winograd_window reports whether the window is Winograd's. An input of a few channels is cheaper to multiply than to transform.
static int winograd_window(const struct conv_shape *s) {
	return s->kernel == 3 && s->stride == 1 && s->dilation == 1 && !s->depthwise && !(s->cb == 1 && s->tail && s->tail <= 8);
}

INLINE void winograd_widen(const struct winograd *z, struct conv_shape *s) {
	s->ph = z->side * winograd_down(z, s) + 2;
	s->pw = z->side * winograd_across(z, s) + 2;
}

INLINE int winograd_group(const struct winograd *z, const struct conv_shape *s) {
	return (z->chunk(s) + winograd_tiles(z, s) - 1) / winograd_tiles(z, s);
}

// packed: for each panel [e][c][nk·16]
INLINE size_t winograd_block_size(const struct winograd *z, int cb) { return (size_t)winograd_elements(z) * cb * LANES * LANES; }

// G g Gᵀ in doubles.
INLINE void winograd_pack(const struct winograd *z, int kb, int cb, float *dst, const struct dense *w, int k, int c) {
	enum { MOST = WINOGRAD_SIDE + 2 };
	const double (*G)[3] = z->G;
	int n = z->side + 2;
	struct panel p = panel_of(PANEL_MAX, kb, k);
	size_t lane = p.nk * LANES, element = cb * LANES * lane;
	dst += p.first * winograd_block_size(z, cb) + c * LANES * lane + (k - p.first) * LANES;
	for (int j = 0; j < LANES; j++, dst += lane) {
		double g[9][LANES], t[MOST][3][LANES];
		for (int l = 0; l < LANES; l++) {
			const float *window = dense_window(w, k * LANES + l, c * LANES + j);
			for (int i = 0; i < 9; i++)
				g[i][l] = dense_tap(w, window, i);
		}
		for (int y = 0; y < n; y++)
			for (int x = 0; x < 3; x++)
				for (int l = 0; l < LANES; l++)
					t[y][x][l] = G[y][0] * g[x][l] + G[y][1] * g[3 + x][l] + G[y][2] * g[6 + x][l];
		for (int y = 0; y < n; y++)
			for (int x = 0; x < n; x++)
				for (int l = 0; l < LANES; l++)
					dst[(y * n + x) * element + l] = t[y][0][l] * G[x][0] + t[y][1][l] * G[x][1] + t[y][2][l] * G[x][2];
	}
}

// Scratch: the transformed tiles v[c][e][chunk][16], a panel of products m[k][e][chunk][16], and the starts
// of their blocks. The distance of the elements of a tile has one extra cache line, so that they are in different sets of
// the first-level cache.
struct winograd_scratch {
	size_t element, block; // floats from one element to the next, and from one block to the next
	float *v, *m, **vb, *mb[PANEL_MAX];
};

INLINE size_t winograd_element(const struct winograd *z, const struct conv_shape *s) { return (size_t)(z->chunk(s) + 1) * LANES; }

INLINE size_t winograd_scratch_size(const struct winograd *z, const struct conv_shape *s) {
	return (size_t)(s->cb + PANEL_MAX) * winograd_elements(z) * winograd_element(z, s) + s->cb * sizeof(float *) / sizeof(float);
}

INLINE struct winograd_scratch winograd_lay(const struct winograd *z, const struct conv_shape *s, float *scratch) {
	size_t element = winograd_element(z, s), block = winograd_elements(z) * element;
	struct winograd_scratch l = {
		element, block, scratch, scratch + s->cb * block, (float **)(scratch + (s->cb + PANEL_MAX) * block), {NULL}};
	for (int c = 0; c < s->cb; c++)
		l.vb[c] = l.v + c * block;
	for (int k = 0; k < PANEL_MAX; k++)
		l.mb[k] = l.m + k * block;
	return l;
}

// The position of tile t of a call.
struct winograd_place { int image, y, x; };

INLINE struct winograd_place winograd_find(const struct winograd *z, const struct conv_shape *s, int t) {
	int across = winograd_across(z, s), tiles = winograd_tiles(z, s);
	return (struct winograd_place){t / tiles, t % tiles / across * z->side, t % across * z->side};
}

INLINE void winograd_gather(const struct winograd *z, const struct conv_shape *s, const struct winograd_scratch *l,
                            const float *const *in, int t0, int n) {
	for (int c = 0; c < s->cb; c++)
		for (int t = 0; t < n; t++) {
			struct winograd_place p = winograd_find(z, s, t0 + t);
			z->input(l->vb[c] + t * LANES, l->element, in[p.image * s->cb + c] + ((size_t)p.y * s->pw + p.x) * LANES,
			         (size_t)s->pw * LANES);
		}
}

INLINE void winograd_scatter(const struct winograd *z, const struct conv_shape *s, const struct winograd_scratch *l,
                             float *const *out, int t0, int n, int k, int nk) {
	size_t pitch = (size_t)s->w * LANES;
	for (int b = 0; b < nk; b++)
		for (int t = 0; t < n; t++) {
			struct winograd_place p = winograd_find(z, s, t0 + t);
			z->output(out[p.image * s->kb + k + b] + p.y * pitch + p.x * LANES, pitch, l->mb[b] + t * LANES, l->element,
			          s->h - p.y, s->w - p.x);
		}
}

#if VW == 16
// The product of element e for 8 tiles and a panel: what tile computes, in its order, without loops over taps. u are the weights of the
// first part.
INLINE void winograd_eight(const int nk, const int apart, int cb, const float *v, size_t block, const struct packed *p, int first, int e,
                           struct panel_weights u, float *m) {
	vf a[8][PANEL_MAX];
	UNROLL(8)
	for (int t = 0; t < 8; t++)
		UNROLL(4)
		for (int k = 0; k < nk; k++)
			a[t][k] = vf_set1(0);
	for (int c = 0, part = 0, end = p->cb[0]; c < cb; c++, v += block) {
		if (c == end) {
			u = panel_weights(nk, apart, p, ++part, first, e);
			end += p->cb[part];
		}
		UNROLL_BY(4)
		for (int j = 0; j < LANES; j++) {
			vf b[PANEL_MAX];
			UNROLL(4)
			for (int k = 0; k < nk; k++)
				b[k] = panel_lane(nk, apart, &u, j, k);
			UNROLL(8)
			for (int t = 0; t < 8; t++) {
				vf s = vf_set1(v[t * LANES + j]);
				UNROLL(4)
				for (int k = 0; k < nk; k++)
					a[t][k] = vf_fma(s, b[k], a[t][k]);
			}
		}
		panel_next(nk, apart, &u);
	}
	UNROLL(8)
	for (int t = 0; t < 8; t++)
		UNROLL(4)
		for (int k = 0; k < nk; k++)
			vf_store(m + k * block + t * LANES, a[t][k]);
}

#define PRODUCT(name, nk, apart) \
	static __attribute__((noinline)) void winograd_product_##name(int n, int cb, const float *v, size_t block, const struct packed *p, \
	        int first, int e, float *m) { \
		struct panel_weights u = panel_weights(nk, apart, p, 0, first, e); \
		for (int t = 0; t < n; t += 8) \
			winograd_eight(nk, apart, cb, v + t * LANES, block, p, first, e, u, m + t * LANES); \
	}
PRODUCT(1, 1, 0)
PRODUCT(2, 2, 0)
PRODUCT(3, 3, 0)
PRODUCT(2_apart, 2, 1)
PRODUCT(3_apart, 3, 1)
#undef PRODUCT

// winograd_product computes element e of n tiles for one panel, and of more tiles up to a multiple of 8, which nothing reads.
static void winograd_product(const struct conv_shape *s, const struct winograd_scratch *l, int e, int n, const struct panel *q, const struct packed *p) {
	const float *v = l->v + e * l->element;
	float *m = l->m + e * l->element;
	switch (q->nk << 1 | q->apart) {
	case 1 << 1: winograd_product_1(n, s->cb, v, l->block, p, q->first, e, m); break;
	case 2 << 1: winograd_product_2(n, s->cb, v, l->block, p, q->first, e, m); break;
	case 3 << 1: winograd_product_3(n, s->cb, v, l->block, p, q->first, e, m); break;
	case 2 << 1 | 1: winograd_product_2_apart(n, s->cb, v, l->block, p, q->first, e, m); break;
	default: winograd_product_3_apart(n, s->cb, v, l->block, p, q->first, e, m);
	}
}
#else
static void winograd_product(const struct conv_shape *s, const struct winograd_scratch *l, int e, int n, const struct panel *q, const struct packed *p) {
	struct reach r = {s->cb, LANES, 1, 0, 0, e};
	panel_row(q, LANES, n, &r, (const float *const *)l->vb, e * l->element, p, l->mb, e * l->element);
}
#endif

INLINE void winograd_run(const struct winograd *z, const struct conv_shape *s, int nimg, float *const *out,
                         const float *const *in, const struct packed *packed, float *scratch, struct ahead *ahead, struct watch *watch) {
	struct winograd_scratch l = winograd_lay(z, s, scratch);
	int tiles = nimg * winograd_tiles(z, s), chunk = z->chunk(s), elements = winograd_elements(z);
	ahead_share(ahead, (tiles + chunk - 1) / chunk * packed->n * elements);
	watch_flops(watch, 2. * tiles * elements * s->cb * LANES * s->kb * LANES);
	for (int t = 0; t < tiles; t += chunk) {
		int n = tiles - t < chunk ? tiles - t : chunk;
		winograd_gather(z, s, &l, in, t, n);
		watch_lap(watch, PHASE_TRANSFORM);
		for (const struct panel *q = packed->panels; q < packed->panels + packed->n; q++) {
			for (int e = 0; e < elements; e++) {
				ahead_some(ahead);
				winograd_product(s, &l, e, n, q, packed);
			}
			watch_lap(watch, PHASE_PRODUCT);
			winograd_scatter(z, s, &l, out, t, n, q->first, q->nk);
			watch_lap(watch, PHASE_TRANSFORM);
		}
	}
}

// WINOGRAD_CORE defines the core of a size, which has a function size_fits.
#define WINOGRAD_CORE(size, name) \
	static void size##_widen(struct conv_shape *s) { winograd_widen(&size, s); } \
	static int size##_group(const struct conv_shape *s) { return winograd_group(&size, s); } \
	static size_t size##_block_size(const struct conv_shape *s, int cb) { return winograd_block_size(&size, cb); } \
	static void size##_pack(const struct conv_shape *s, int kb, int cb, float *dst, const struct dense *w, int k, int c) { \
		winograd_pack(&size, kb, cb, dst, w, k, c); \
	} \
	static size_t size##_scratch_size(const struct conv_shape *s, int nimg) { return winograd_scratch_size(&size, s); } \
	static void size##_run(const struct conv_shape *s, int nimg, float *const *out, const float *const *in, \
	                       const struct packed *packed, float *scratch, struct ahead *ahead, struct watch *watch) { \
		winograd_run(&size, s, nimg, out, in, packed, scratch, ahead, watch); \
	} \
	static const struct core size##_core = {name, size##_fits, size##_widen, size##_group, PANEL_MAX, size##_block_size, size##_pack, \
	                                        size##_scratch_size, size##_run};
