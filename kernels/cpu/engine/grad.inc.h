// The addition of a step's input gradient to that of its node. When the node's gradient is complete, the sums for dγ and dβ.

INLINE void grad_fixed(int nt, int half, int first, int last, const struct grad *r, const struct term *t, const float *g,
                       int image, int block) {
	int pixels = r->node.h * r->node.w, c = block * LANES;
	size_t at = ((size_t)image * r->node.cb + block) * pixels * LANES;
	const void *x[3];
	float *d = r->d + at;
	float unit[3];
	v16 mu[3], scale[3], shift[3], dot[3], sum = v16_zero(), lo = v16_set1(r->node.lo), hi = v16_set1(r->node.hi);
	for (int k = 0; k < nt; k++) {
		x[k] = term_at(t + k, at);
		unit[k] = term_block(t + k, image, block, r->node.cb, &mu[k], &scale[k], &shift[k]);
		dot[k] = v16_zero();
	}
	for (size_t p = 0; p < (size_t)pixels * LANES; p += LANES) {
		v16 u = v16_zero(), e[3], v = v16_load(g + p);
		for (int k = 0; k < nt; k++) {
			e[k] = v16_sub(v16_get(half >> k & 1, x[k], p), mu[k]);
			v16 y = v16_fma(e[k], scale[k], shift[k]);
			u = k ? v16_add(u, y) : y;
		}
		v = v16_between(v, u, lo, hi);
		if (!first)
			v = v16_add(v, v16_load(d + p));
		v16_store(d + p, v);
		if (last) {
			sum = v16_add(sum, v);
			for (int k = 0; k < nt; k++)
				dot[k] = v16_fma(v, e[k], dot[k]);
		}
	}
	if (!last)
		return;
	size_t s = (size_t)image * r->node.cb * LANES + c;
	if (r->sum)
		v16_store(r->sum + s, sum);
	for (int k = 0; k < nt; k++)
		if (r->dot[k])
			v16_store(r->dot[k] + s, v16_mul(dot[k], v16_set1(unit[k])));
}

INLINE void grad_terms(int nt, int half, const struct grad *r, const struct term *t, const float *g, int image, int block) {
	if (r->first)
		r->last ? grad_fixed(nt, half, 1, 1, r, t, g, image, block) : grad_fixed(nt, half, 1, 0, r, t, g, image, block);
	else
		r->last ? grad_fixed(nt, half, 0, 1, r, t, g, image, block) : grad_fixed(nt, half, 0, 0, r, t, g, image, block);
}

// grad_block adds g, one block of one image's gradient at act(node); g may be the
// destination itself.
static void grad_block(const struct grad *r, const struct term *terms, const float *g, int image, int block) {
	const struct term *t = terms + r->node.first;
	int half = halves(t, r->node.count);
	switch (r->node.count << 4 | half) {
	case 0x00: grad_terms(0, 0, r, t, g, image, block); break;
	case 0x10: grad_terms(1, 0, r, t, g, image, block); break;
	case 0x11: grad_terms(1, 1, r, t, g, image, block); break;
	case 0x20: grad_terms(2, 0, r, t, g, image, block); break;
	case 0x21:
	case 0x22: grad_terms(2, half, r, t, g, image, block); break;
	case 0x23: grad_terms(2, 3, r, t, g, image, block); break;
	case 0x30: grad_terms(3, 0, r, t, g, image, block); break;
	case 0x37: grad_terms(3, 7, r, t, g, image, block); break;
	default: grad_terms(3, half, r, t, g, image, block);
	}
}

static void grad_image(const struct grad *r, const struct term *terms, const float *g, int image) {
	for (int b = 0; b < r->node.cb; b++)
		grad_block(r, terms, g + (size_t)b * r->node.h * r->node.w * LANES, image, b);
}
