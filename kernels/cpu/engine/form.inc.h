// The load of a step: u = act(Σ terms), one channel block of one image at a time.

// load_len returns the floats of an image.
static inline size_t load_len(const struct load *l) { return (size_t)l->cb * l->h * l->w * LANES; }

// The target of the pixels of a block: row stride, pixel stride and first pixel, in floats. The source is every step-th
// pixel of rows y0 … y1 and columns x0 … x1.
struct target {
	float *dst;
	size_t row, pixel;
	int y0, y1, x0, x1, step;
};

// The coefficients of a block, of cb, of a term in an image, for its numbers as they are stored: in units of w,
// (x·w − mu)·scale + shift = (x − mu/w)·(scale·w) + shift, without a rounding. It returns w.
INLINE float term_block(const struct term *t, int image, int block, int cb, v16 *mu, v16 *scale, v16 *shift) {
	int c = block * LANES;
	float unit = t->half ? t->unit[(size_t)image * cb + block] : 1;
	*mu = v16_load(t->mu + c);
	*scale = v16_load(t->scale + c);
	*shift = v16_load(t->shift + c);
	if (t->factor) {
		v16 f = v16_set1(t->factor[image]);
		*scale = v16_mul(f, *scale);
		*shift = v16_mul(f, *shift);
	}
	if (unit != 1) {
		*mu = v16_mul(*mu, v16_set1(1 / unit));
		*scale = v16_mul(*scale, v16_set1(unit));
	}
	return unit;
}

// term_at returns the address of element at of a term.
INLINE const void *term_at(const struct term *t, size_t at) { return (const char *)t->x + at * (t->half ? sizeof(uint16_t) : sizeof(float)); }

// halves returns which of nt terms are of 16-bit floats: bit k of term k.
static inline int halves(const struct term *t, int nt) {
	int half = 0;
	for (int k = 0; k < nt; k++)
		half |= t[k].half << k;
	return half;
}

// The sum of nt terms at one pixel; nt is a constant at each call.
INLINE v16 sum_terms(int nt, int half, const void *const *x, const v16 *mu, const v16 *scale, const v16 *shift, size_t p) {
	v16 u = v16_fma(v16_sub(v16_get(half & 1, x[0], p), mu[0]), scale[0], shift[0]);
	for (int k = 1; k < nt; k++)
		u = v16_add(u, v16_fma(v16_sub(v16_get(half >> k & 1, x[k], p), mu[k]), scale[k], shift[k]));
	return u;
}

INLINE void form_fixed(int nt, int half, const struct load *l, const struct term *t, size_t at, int image, int block, const struct target *g) {
	const void *x[3];
	v16 mu[3], scale[3], shift[3], lo = v16_set1(l->lo), hi = v16_set1(l->hi);
	for (int k = 0; k < nt; k++) {
		x[k] = term_at(t + k, at);
		term_block(t + k, image, block, l->cb, &mu[k], &scale[k], &shift[k]);
	}
	for (int y = g->y0; y < g->y1; y += g->step) {
		float *d = g->dst + (size_t)((y - g->y0) / g->step) * g->row;
		for (int xx = g->x0; xx < g->x1; xx += g->step, d += g->pixel) {
			v16 u = sum_terms(nt, half, x, mu, scale, shift, ((size_t)y * l->w + xx) * LANES);
			v16_store(d, v16_min(hi, v16_max(lo, u)));
		}
	}
}

static void form_any(const struct load *l, const struct term *t, size_t at, int image, int block, const struct target *g) {
	v16 lo = v16_set1(l->lo), hi = v16_set1(l->hi);
	for (int y = g->y0; y < g->y1; y += g->step) {
		float *d = g->dst + (size_t)((y - g->y0) / g->step) * g->row;
		for (int xx = g->x0; xx < g->x1; xx += g->step, d += g->pixel) {
			v16 u = v16_zero();
			for (int k = 0; k < l->count; k++) {
				v16 x = v16_get(t[k].half, t[k].x, at + ((size_t)y * l->w + xx) * LANES), mu, scale, shift;
				term_block(t + k, image, block, l->cb, &mu, &scale, &shift);
				u = v16_add(u, v16_fma(v16_sub(x, mu), scale, shift));
			}
			v16_store(d, v16_min(hi, v16_max(lo, u)));
		}
	}
}

static void form(const struct load *l, const struct term *terms, int image, int block, const struct target *g) {
	const struct term *t = terms + l->first;
	size_t at = ((size_t)image * l->cb + block) * l->h * l->w * LANES;
	if (l->count < 1 || l->count > 3) {
		form_any(l, t, at, image, block, g);
		return;
	}
	int half = halves(t, l->count);
	switch (l->count << 4 | half) {
	case 0x10: form_fixed(1, 0, l, t, at, image, block, g); break;
	case 0x11: form_fixed(1, 1, l, t, at, image, block, g); break;
	case 0x20: form_fixed(2, 0, l, t, at, image, block, g); break;
	case 0x22: form_fixed(2, 2, l, t, at, image, block, g); break; // a gradient
	case 0x23: form_fixed(2, 3, l, t, at, image, block, g); break;
	case 0x30: form_fixed(3, 0, l, t, at, image, block, g); break;
	case 0x37: form_fixed(3, 7, l, t, at, image, block, g); break;
	default: form_any(l, t, at, image, block, g);
	}
}

// form_block computes one block of an image without border: [h][w][LANES].
static void form_block(float *dst, const struct load *l, const struct term *terms, int image, int block) {
	struct target g = {dst, (size_t)l->w * LANES, LANES, 0, l->h, 0, l->w, 1};
	form(l, terms, image, block, &g);
}

// form_plain computes a whole image without border: [cb][h][w][LANES].
static void form_plain(float *dst, const struct load *l, const struct term *terms, int image) {
	for (int b = 0; b < l->cb; b++)
		form_block(dst + (size_t)b * l->h * l->w * LANES, l, terms, image, b);
}

// prefetch_rows fetches rows y0 … y1−1 of a block, as far as there are such, for a later form.
static void prefetch_rows(const struct load *l, const struct term *terms, int image, int block, int y0, int y1) {
	enum { LINE_FLOATS = 16 };
	size_t from = (((size_t)image * l->cb + block) * l->h + y0) * l->w * LANES, n = (size_t)((y1 < l->h ? y1 : l->h) - y0) * l->w * LANES;
	for (const struct term *t = terms + l->first; t < terms + l->first + l->count; t++)
		for (size_t i = 0; i < n; i += LINE_FLOATS << t->half)
			__builtin_prefetch(term_at(t, from + i), 0, 2);
}
