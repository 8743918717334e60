// The weight gradient of Winograd's convolution, the transpose of winograd4.inc.h: a tile of 4×4 output gradients y and
// 6×6 inputs d adds
//
//	dg = Gᵀ [(A y Aᵀ) ⊙ (Bᵀ d B)] G
//
// where ⊙ over all channels is 36 sums of outer products, with 36 multiplications in place of 144. The products are summed
// over all tiles of an item before Gᵀ and G.

static size_t weight_winograd_block(const struct conv_shape *s) { return (size_t)WINO * s->cb * LANES * LANES; }

// Number of tiles whose products are added at once. Each addition loads and stores all sums.
enum { WEIGHT_TILES = 32 };

static int weight_winograd_part(const struct conv_shape *s) { return weight_part(weight_winograd_block(s)); }

// Scratch: the sums [panel][e][cb][LANES][nk·LANES], then the transformed inputs v[c][e][tiles][LANES] and output gradients
// [k][e][tiles][LANES], spaced as in winograd.inc.h.
static const size_t weight_element = (WEIGHT_TILES + 1) * LANES;

static size_t weight_winograd_sums(const struct conv_shape *s) { return s->kb * weight_winograd_block(s); }
static float *weight_winograd_v(const struct weight_sum *m) { return m->scratch + weight_winograd_sums(&m->s); }
static float *weight_winograd_y(const struct weight_sum *m) { return weight_winograd_v(m) + m->s.cb * WINO * weight_element; }

static size_t weight_winograd_scratch_size(const struct conv_shape *s) {
	return weight_winograd_sums(s) + (size_t)(s->cb + s->kb) * WINO * weight_element;
}

static void weight_winograd_start(struct weight_sum *m) {
	memset(m->scratch, 0, weight_winograd_sums(&m->s) * sizeof *m->scratch);
	m->tiles = 0;
}

// One line of A y or y Aᵀ: four values to six. Row i of Aᵀ is in winograd4.inc.h.
INLINE void weight_winograd_line(float *v, size_t to, const vf y[4]) {
	vf even = winograd4_pair(P2, y[2], y[0]), odd = winograd4_pair(P2, y[3], y[1]);
	vf_store(v, y[0]);
	vf_store(v + to, winograd4_pair(P, odd, even));
	vf_store(v + 2 * to, winograd4_pair(-P, odd, even));
	even = winograd4_pair(Q2, y[2], y[0]), odd = winograd4_pair(Q2, y[3], y[1]);
	vf_store(v + 3 * to, winograd4_pair(Q, odd, even));
	vf_store(v + 4 * to, winograd4_pair(-Q, odd, even));
	vf_store(v + 5 * to, y[3]);
}

// A y Aᵀ of one tile and block: h×w of its 4×4 pixels are inside the image, the others are 0.
INLINE void weight_winograd_tile(float *v, const float *y, size_t pitch, int h, int w) {
	for (int i = 0; i < LANES; i += VW, v += VW, y += VW) {
#define D(r) (r < h && j < w ? vf_load(y + r * pitch + j * LANES) : vf_set1(0))
		vf p[4], q[4];
		UNROLL(4)
		for (int j = 0; j < 4; j++)
			p[j] = D(0);
		weight_winograd_line(v, weight_element, p);
		UNROLL(4)
		for (int j = 0; j < 4; j++) {
			vf even = winograd4_pair(P2, D(2), D(0)), odd = winograd4_pair(P2, D(3), D(1));
			p[j] = winograd4_pair(P, odd, even);
			q[j] = winograd4_pair(-P, odd, even);
		}
		weight_winograd_line(v + 6 * weight_element, weight_element, p);
		weight_winograd_line(v + 12 * weight_element, weight_element, q);
		UNROLL(4)
		for (int j = 0; j < 4; j++) {
			vf even = winograd4_pair(Q2, D(2), D(0)), odd = winograd4_pair(Q2, D(3), D(1));
			p[j] = winograd4_pair(Q, odd, even);
			q[j] = winograd4_pair(-Q, odd, even);
		}
		weight_winograd_line(v + 18 * weight_element, weight_element, p);
		weight_winograd_line(v + 24 * weight_element, weight_element, q);
		UNROLL(4)
		for (int j = 0; j < 4; j++)
			p[j] = D(3);
		weight_winograd_line(v + 30 * weight_element, weight_element, p);
#undef D
	}
}

// weight_winograd_gather transforms tile t and the next n − 1 into the places from m->tiles on.
static void weight_winograd_gather(const struct weight_sum *m, const float *u, const struct output_gradient *dy, int t, int n) {
	const struct conv_shape *s = &m->s;
	size_t row = (size_t)s->pw * LANES;
	float *v = weight_winograd_v(m) + m->tiles * LANES, *y = weight_winograd_y(m) + m->tiles * LANES;
	for (int c = 0; c < s->cb; c++, v += WINO * weight_element)
		for (int i = 0; i < n; i++) {
			struct winograd_place p = winograd_find(&winograd4, s, t + i);
			winograd4_input(v + i * LANES, weight_element, u + (c * s->ph + p.y) * row + p.x * LANES, row);
		}
	for (int k = 0; k < s->kb; k++, y += WINO * weight_element)
		for (int i = 0; i < n; i++) {
			struct winograd_place p = winograd_find(&winograd4, s, t + i);
			const float *d = dy->at + k * dy->block + p.y * dy->row + p.x * LANES;
			if (p.y + 4 <= s->h && p.x + 4 <= s->w)
				weight_winograd_tile(y + i * LANES, d, dy->row, 4, 4);
			else
				weight_winograd_tile(y + i * LANES, d, dy->row, s->h - p.y, s->w - p.x);
		}
}

// weight_winograd_products adds the products of the tiles in scratch to the sums.
static void weight_winograd_products(struct weight_sum *m) {
	const struct conv_shape *s = &m->s;
	const float *v = weight_winograd_v(m), *y = weight_winograd_y(m);
	float *acc = m->scratch;
	struct outer o = {NULL, NULL, 0, LANES, 0, WINO * weight_element, 1, m->tiles};
	for (int k = 0, nk; k < s->kb; k += nk) {
		nk = panel_width(s->kb - k);
		for (int e = 0; e < WINO; e++)
			for (int c = 0; c < s->cb; c++, acc += nk * LANES * LANES) {
				o.x = v + (c * WINO + e) * weight_element;
				o.d = y + (k * WINO + e) * weight_element;
				outer_panel(nk, &o, LANES, acc);
			}
	}
	m->tiles = 0;
}

static void weight_winograd_add(struct weight_sum *m, const float *u, const struct output_gradient *dy) {
	int tiles = winograd_tiles(&winograd4, &m->s);
	for (int t = 0, n; t < tiles; t += n) {
		n = tiles - t < WEIGHT_TILES - m->tiles ? tiles - t : WEIGHT_TILES - m->tiles;
		weight_winograd_gather(m, u, dy, t, n);
		m->tiles += n;
		if (m->tiles == WEIGHT_TILES)
			weight_winograd_products(m);
	}
}

// One line of Gᵀ m or m G: six values to three.
INLINE void weight_winograd_taps(vf g[3], const vf m[6]) {
	const float a = 1 / (2 * P2 * (P2 - Q2)), b = 1 / (2 * Q2 * (Q2 - P2));
	vf s1 = m[1] + m[2], d1 = m[1] - m[2], s2 = m[3] + m[4], d2 = m[3] - m[4];
	g[0] = vf_fma(vf_set1(1 / (P2 * Q2)), m[0], winograd4_powers(a, s1, b, s2));
	g[1] = winograd4_powers(a * P, d1, b * Q, d2);
	g[2] = winograd4_powers(a * P2, s1, b * Q2, s2) + m[5];
}

static void weight_winograd_finish(struct weight_sum *m) {
	const struct conv_shape *s = &m->s;
	if (m->tiles > 0)
		weight_winograd_products(m);
	float *dw = m->dw;
	const float *sums = m->scratch;
	for (int k = 0, nk; k < s->kb; k += nk) {
		nk = panel_width(s->kb - k);
		size_t tile = nk * LANES * LANES, element = s->cb * tile;
		for (int c = 0; c < s->cb; c++, dw += 9 * tile)
			for (size_t v = 0; v < tile; v += VW) {
				vf t[3][6], in[6], g[3];
				for (int j = 0; j < 6; j++) {
					for (int i = 0; i < 6; i++)
						in[i] = vf_load(sums + (i * 6 + j) * element + c * tile + v);
					weight_winograd_taps(g, in);
					for (int i = 0; i < 3; i++)
						t[i][j] = g[i];
				}
				for (int i = 0; i < 3; i++) {
					weight_winograd_taps(g, t[i]);
					for (int j = 0; j < 3; j++)
						vf_store(dw + (i * 3 + j) * tile + v, g[j]);
				}
			}
		sums += WINO * element;
	}
}

#undef P
#undef Q
#undef P2
#undef Q2

static const struct weight_core weight_winograd_core = {
	"winograd", winograd4_fits, weight_winograd_part, weight_direct_size, weight_winograd_scratch_size,
	weight_winograd_start, weight_winograd_add, weight_winograd_finish,
};
