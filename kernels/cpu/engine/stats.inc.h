// The statistics of a stored value: mean and sum of squared deviations of each image and channel. A value in 16 bits is rounded in
// the same pass, and the statistics are those of what is stored.

// Deviations are from one pixel in the middle: a mean that is large against the deviation then causes no cancellation.
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

// The range of a block.
struct range { v16 low, high; };

// halve_one stores 16 channels of a pixel in 16 bits, times by if they are in other units, and returns what it stored.
INLINE v16 halve_one(int units, v16 by, struct range *r, uint16_t *dst, const float *src) {
	v16 x = v16_load(src);
	if (units)
		return v16_halve(dst, v16_mul(x, by));
	r->low = v16_min(x, r->low);
	r->high = v16_max(x, r->high);
	return v16_halve(dst, x);
}

// halve_all stores a block in 16 bits. If mean is not NULL, it computes the statistics of what is stored.
INLINE void halve_all(int units, v16 by, struct range *r, uint16_t *dst, const float *x, int pixels, double *mean, double *m2) {
	size_t len = (size_t)pixels * LANES, p = 0, middle = (size_t)(pixels / 2) * LANES;
	if (!mean) {
		for (; p < len; p += LANES)
			halve_one(units, by, r, dst + p, x + p);
		return;
	}
	struct deviations a = deviations_from(halve_one(units, by, r, dst + middle, x + middle));
	for (; p + WAYS * LANES <= len; p += WAYS * LANES)
		for (int k = 0; k < WAYS; k++)
			deviations_add(&a, k, halve_one(units, by, r, dst + p + k * LANES, x + p + k * LANES));
	for (; p < len; p += LANES)
		deviations_add(&a, 0, halve_one(units, by, r, dst + p, x + p));
	deviations_end(&a, pixels, mean, m2);
}

// range_unit returns the power of two in which a block of this range is stored. It is 1 where numbers of 16 bits hold the block as
// it is: the largest does not become infinite, and is far above subnormal numbers. Otherwise the largest has the magnitude 2¹⁴ … 2¹⁵.
// An infinite number stays so.
static inline float range_unit(const struct range *r) {
	const v16 most = v16_set1(0x1.ffdffep15f), least = v16_set1(0x1p-8f); // 65520, the first that becomes infinite, is next to most
	v16 size = v16_max(r->high, v16_sub(v16_zero(), r->low));
	if (!v16_positive(v16_sub(size, most)) && v16_positive(v16_sub(size, least)))
		return 1;
	float lanes[LANES], unit;
	uint32_t largest = 0;
	v16_store(lanes, size);
	for (int l = 0; l < LANES; l++) {
		uint32_t bits; // of numbers that are not negative, in their order
		memcpy(&bits, lanes + l, sizeof bits);
		largest = bits > largest ? bits : largest;
	}
	uint32_t exponent = largest >> 23;
	if (largest == 0 || exponent == 255)
		return 1;
	exponent = (exponent > 15 ? exponent - 14 : 1) << 23;
	memcpy(&unit, &exponent, sizeof unit);
	return unit;
}

// block_halve stores a block in 16 bits and returns its unit. If mean is not NULL, it computes the statistics. The range is known
// only behind the first pass; the few blocks that need a unit take a second one.
static float block_halve(uint16_t *dst, const float *x, int pixels, double *mean, double *m2) {
	struct range r = {v16_zero(), v16_zero()};
	halve_all(0, r.low, &r, dst, x, pixels, mean, m2);
	float unit = range_unit(&r);
	if (unit == 1)
		return 1;
	halve_all(1, v16_set1(1 / unit), &r, dst, x, pixels, mean, m2);
	for (int l = 0; mean && l < LANES; l++) {
		mean[l] *= unit;
		m2[l] *= (double)unit * unit;
	}
	return unit;
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
	size_t at = (size_t)image * o->cb + b;
	if (o->half)
		o->unit[at] = block_halve((uint16_t *)o->data + at * pixels * LANES, x, pixels, mean, m2);
	else if (mean)
		block_stats(x, pixels, mean, m2);
}
