// The statistics of a stored value: mean and sum of squared deviations of each image and channel. A value in 16 bits is rounded in
// the same pass, and the statistics are those of what is stored.

// Deviations are from one pixel in the middle: a mean that is large against the deviation then causes no cancellation.
enum { WAYS = 4 };
struct deviations { v16 shift, s[WAYS], q[WAYS]; };

INLINE struct deviations deviations_from(v16 shift) {
	struct deviations a = {.shift = shift};
	for (int k = 0; k < WAYS; k++)
		a.s[k] = a.q[k] = v16_zero();
	return a;
}

INLINE void deviations_add(struct deviations *a, int way, v16 x) {
	v16 d = v16_sub(x, a->shift);
	a->s[way] = v16_add(a->s[way], d);
	a->q[way] = v16_fma(d, d, a->q[way]);
}

INLINE void deviations_end(const struct deviations *a, int pixels, double *mean, double *m2) {
	float sum[WAYS][LANES], sq[WAYS][LANES], at[LANES];
	for (int k = 0; k < WAYS; k++) {
		v16_store(sum[k], a->s[k]);
		v16_store(sq[k], a->q[k]);
	}
	v16_store(at, a->shift);
	for (int l = 0; l < LANES; l++) {
		double S = ((double)sum[0][l] + sum[1][l]) + ((double)sum[2][l] + sum[3][l]);
		double Q = ((double)sq[0][l] + sq[1][l]) + ((double)sq[2][l] + sq[3][l]);
		mean[l] = at[l] + S / pixels;
		double m = Q - S * S / pixels;
		m2[l] = m < 0 ? 0 : m;
	}
}

static void block_stats(const float *x, int pixels, double *mean, double *m2) {
	struct deviations a = deviations_from(v16_load(x + (size_t)(pixels / 2) * LANES));
	int p = 0;
	for (; p + WAYS <= pixels; p += WAYS)
		for (int k = 0; k < WAYS; k++)
			deviations_add(&a, k, v16_load(x + (size_t)(p + k) * LANES));
	for (; p < pixels; p++)
		deviations_add(&a, 0, v16_load(x + (size_t)p * LANES));
	deviations_end(&a, pixels, mean, m2);
}

// The range of what is stored in 16 bits.
struct range { v16 low, high; };

INLINE v16 range_halve(struct range *r, uint16_t *dst, v16 x) {
	x = v16_halve(dst, x);
	r->low = v16_min(x, r->low);
	r->high = v16_max(x, r->high);
	return x;
}

static inline int range_overflows(const struct range *r) {
	const v16 most = v16_set1(65504);
	return v16_positive(v16_sub(r->high, most)) || v16_positive(v16_sub(v16_sub(v16_zero(), r->low), most));
}

// block_halve stores a block in 16 bits, and returns whether a number is too large for them. If mean is not NULL, it computes the
// statistics.
static int block_halve(uint16_t *dst, const float *x, int pixels, double *mean, double *m2) {
	struct range r = {v16_zero(), v16_zero()};
	size_t len = (size_t)pixels * LANES, p = 0;
	if (!mean) {
		for (; p < len; p += LANES)
			range_halve(&r, dst + p, v16_load(x + p));
		return range_overflows(&r);
	}
	size_t middle = (size_t)(pixels / 2) * LANES;
	struct deviations a = deviations_from(v16_halve(dst + middle, v16_load(x + middle)));
	for (; p + WAYS * LANES <= len; p += WAYS * LANES)
		for (int k = 0; k < WAYS; k++)
			deviations_add(&a, k, range_halve(&r, dst + p + k * LANES, v16_load(x + p + k * LANES)));
	for (; p < len; p += LANES)
		deviations_add(&a, 0, range_halve(&r, dst + p, v16_load(x + p)));
	deviations_end(&a, pixels, mean, m2);
	return range_overflows(&r);
}

// out_in_place returns where the floats of block b of an image are stored, or NULL if they are stored in 16 bits: they are then
// computed elsewhere.
static inline float *out_in_place(const struct out *o, int image, int b, int pixels) {
	return o->half ? NULL : (float *)o->data + ((size_t)image * o->cb + b) * pixels * LANES;
}

// finish_block completes block b of an image, which is computed at x: it stores it in 16 bits if the value is so, and computes the
// statistics of one of the first rows images.
static void finish_block(const struct out *o, int image, int b, const float *x, int pixels, int rows) {
	double *mean = NULL, *m2 = NULL;
	if (image < rows && o->partial) {
		mean = o->partial + ((size_t)image * 2 * o->cb + b) * LANES;
		m2 = mean + o->cb * LANES;
	}
	if (o->half) {
		if (block_halve((uint16_t *)o->data + ((size_t)image * o->cb + b) * pixels * LANES, x, pixels, mean, m2))
			__atomic_store_n(o->overflow, 1, __ATOMIC_RELAXED);
	} else if (mean)
		block_stats(x, pixels, mean, m2);
}
