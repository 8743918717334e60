// The measurements of indicators on a feature map: means, covariances, and the states of rectifiers.

struct probe_args {
	const struct place *at;
	double *mean;
	const float *centre;
	double *cov;
	int64_t *count;
	uint64_t *codes;
	size_t words;
	const struct load *load;
	const struct term *terms;
};

static void spatial_mean_body(void *arg, struct pool *pool, int thread) {
	const struct probe_args *a = arg;
	const struct load *l = a->load;
	int pixels = l->h * l->w;
	float *u = a->at->scratch + (size_t)thread * a->at->stride;
	for (int i; (i = pool_next(pool, thread)) >= 0;) {
		form_plain(u, l, a->terms, i);
		for (int b = 0; b < l->cb; b++) {
			double mean[LANES], m2[LANES];
			block_stats(u + (size_t)b * pixels * LANES, pixels, mean, m2);
			for (int c = b * LANES; c < l->c && c < (b + 1) * LANES; c++)
				a->mean[(size_t)i * l->c + c] = mean[c % LANES];
		}
	}
}

static void spatial_mean(const struct place *at, double *dst, const struct load *l, const struct term *terms) {
	struct probe_args a = {at, dst, NULL, NULL, NULL, NULL, 0, l, terms};
	pool_run(at->pool, at->n, spatial_mean_body, &a);
}

// Products of the centred channels of two blocks of one image, summed over pixels in floats and added to sum in doubles.
static void block_products(double *sum, const float *x, const float *y, const float *cx, const float *cy, int pixels) {
	for (int i = 0; i < LANES; i += 8) {
		v16 s[8], c = v16_load(cy);
		for (int k = 0; k < 8; k++)
			s[k] = v16_zero();
		for (size_t p = 0; p < (size_t)pixels * LANES; p += LANES) {
			v16 v = v16_sub(v16_load(y + p), c);
			for (int k = 0; k < 8; k++)
				s[k] = v16_fma(v16_set1(x[p + i + k] - cx[i + k]), v, s[k]);
		}
		for (int k = 0; k < 8; k++) {
			float row[LANES];
			v16_store(row, s[k]);
			for (int l = 0; l < LANES; l++)
				sum[(i + k) * LANES + l] += row[l];
		}
	}
}

// An item is a pair of channel blocks, all images in order.
static void covariance_body(void *arg, struct pool *pool, int thread) {
	const struct probe_args *a = arg;
	const struct load *l = a->load;
	int pixels = l->h * l->w, C = l->c;
	float *x = a->at->scratch + (size_t)thread * a->at->stride, *y = x + (size_t)pixels * LANES;
	for (int item; (item = pool_next(pool, thread)) >= 0;) {
		int r = item / l->cb, c = item % l->cb;
		if (c > r)
			continue;
		double sum[LANES * LANES] = {0};
		for (int i = 0; i < a->at->n; i++) {
			form_block(x, l, a->terms, i, r);
			form_block(y, l, a->terms, i, c);
			block_products(sum, x, y, a->centre + r * LANES, a->centre + c * LANES, pixels);
		}
		for (int i = 0; i < LANES && r * LANES + i < C; i++)
			for (int k = 0; k < LANES && c * LANES + k < C; k++) {
				size_t p = r * LANES + i, q = c * LANES + k;
				a->cov[p * C + q] = a->cov[q * C + p] = sum[i * LANES + k];
			}
	}
}

static void covariance(const struct place *at, const float *centre, double *cov, const struct load *l, const struct term *terms) {
	struct probe_args a = {at, NULL, centre, cov, NULL, NULL, 0, l, terms};
	pool_run(at->pool, l->cb * l->cb, covariance_body, &a);
}

static void fired_body(void *arg, struct pool *pool, int thread) {
	const struct probe_args *a = arg;
	const struct load *l = a->load;
	size_t pixels = (size_t)l->h * l->w;
	float *u = a->at->scratch + (size_t)thread * a->at->stride;
	for (int i; (i = pool_next(pool, thread)) >= 0;) {
		form_plain(u, l, a->terms, i);
		for (int c = 0; c < l->c; c++) {
			const float *x = u + (size_t)(c / LANES) * pixels * LANES + c % LANES;
			int64_t n = 0;
			for (size_t p = 0; p < pixels; p++)
				n += x[p * LANES] > 0;
			a->count[(size_t)i * l->c + c] = n;
		}
	}
}

static void fired(const struct place *at, int64_t *dst, const struct load *l, const struct term *terms) {
	struct probe_args a = {at, NULL, NULL, NULL, dst, NULL, 0, l, terms};
	pool_run(at->pool, at->n, fired_body, &a);
}

// Codes: LANES bits a pixel and block; the bits of padded channels are 0 in every image.
static void codes_body(void *arg, struct pool *pool, int thread) {
	const struct probe_args *a = arg;
	size_t groups = load_len(a->load) / LANES;
	float *u = a->at->scratch + (size_t)thread * a->at->stride;
	for (int i; (i = pool_next(pool, thread)) >= 0;) {
		form_plain(u, a->load, a->terms, i);
		uint64_t *code = a->codes + (size_t)i * a->words;
		for (size_t p = 0; p < groups; p += 4) {
			uint64_t w = 0;
			for (size_t k = p; k < p + 4 && k < groups; k++)
				w |= (uint64_t)v16_positive(v16_load(u + k * LANES)) << (k - p) * LANES;
			code[p / 4] = w;
		}
	}
}

static void codes(const struct place *at, uint64_t *dst, size_t words, const struct load *l, const struct term *terms) {
	struct probe_args a = {at, NULL, NULL, NULL, NULL, dst, words, l, terms};
	pool_run(at->pool, at->n, codes_body, &a);
}

struct agree_args {
	int n;
	int64_t *k, units, weight;
	const uint64_t *codes;
	size_t words;
};

// Row i and its mirror below the diagonal belong to item i alone.
static void agree_body(void *arg, struct pool *pool, int thread) {
	const struct agree_args *a = arg;
	for (int i; (i = pool_next(pool, thread)) >= 0;)
		for (int j = i; j < a->n; j++) {
			const uint64_t *x = a->codes + (size_t)i * a->words, *y = a->codes + (size_t)j * a->words;
			int64_t differ = 0;
			for (size_t w = 0; w < a->words; w++)
				differ += __builtin_popcountll(x[w] ^ y[w]);
			a->k[(size_t)i * a->n + j] += a->weight * (a->units - differ);
			if (i != j)
				a->k[(size_t)j * a->n + i] += a->weight * (a->units - differ);
		}
}

static void agree(const struct place *at, int64_t *k, const uint64_t *codes, size_t words, int64_t units, int64_t weight) {
	struct agree_args a = {at->n, k, units, weight, codes, words};
	pool_run(at->pool, at->n, agree_body, &a);
}
