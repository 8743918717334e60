// The statistics of a stored value: mean and sum of squared deviations of each image and channel.

// Deviations are from one pixel in the middle: a mean that is large against the deviation then causes no cancellation.
static void block_stats(const float *x, int pixels, double *mean, double *m2) {
	enum { WAYS = 4 };
	v16 shift = v16_load(x + (size_t)(pixels / 2) * LANES), s[WAYS], q[WAYS];
	for (int k = 0; k < WAYS; k++)
		s[k] = q[k] = v16_zero();
	int p = 0;
	for (; p + WAYS <= pixels; p += WAYS)
		for (int k = 0; k < WAYS; k++) {
			v16 d = v16_sub(v16_load(x + (size_t)(p + k) * LANES), shift);
			s[k] = v16_add(s[k], d);
			q[k] = v16_fma(d, d, q[k]);
		}
	for (; p < pixels; p++) {
		v16 d = v16_sub(v16_load(x + (size_t)p * LANES), shift);
		s[0] = v16_add(s[0], d);
		q[0] = v16_fma(d, d, q[0]);
	}
	float sum[WAYS][LANES], sq[WAYS][LANES], at[LANES];
	for (int k = 0; k < WAYS; k++) {
		v16_store(sum[k], s[k]);
		v16_store(sq[k], q[k]);
	}
	v16_store(at, shift);
	for (int l = 0; l < LANES; l++) {
		double S = ((double)sum[0][l] + sum[1][l]) + ((double)sum[2][l] + sum[3][l]);
		double Q = ((double)sq[0][l] + sq[1][l]) + ((double)sq[2][l] + sq[3][l]);
		mean[l] = at[l] + S / pixels;
		double m = Q - S * S / pixels;
		m2[l] = m < 0 ? 0 : m;
	}
}

static void image_block_stats(const struct out *o, int image, int b, int pixels) {
	double *p = o->partial + (size_t)image * 2 * o->cb * LANES;
	block_stats(o->data + ((size_t)image * o->cb + b) * pixels * LANES, pixels, p + b * LANES, p + (o->cb + b) * LANES);
}

static void image_stats(const struct out *o, int image, int pixels) {
	for (int b = 0; b < o->cb; b++)
		image_block_stats(o, image, b, pixels);
}
