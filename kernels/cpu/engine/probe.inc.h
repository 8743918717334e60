// The measurements of indicators on a feature map: means, covariances, and the states of rectifiers.

struct probe_args {
	const struct place *at;
	double *mean;
	const float *centre;
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
	struct probe_args a = {.at = at, .mean = dst, .load = l, .terms = terms};
	pool_run(at->pool, at->n, spatial_mean_body, &a);
}

// centre_pixels writes n pixels of x, in units of unit, less a centre, and adds these differences to ways: pixel p to way p % WAYS.
INLINE void centre_pixels(int half, float *dst, const void *x, float unit, int n, const float *centre, float *ways) {
	v16 by = v16_set1(unit), minus = v16_sub(v16_zero(), v16_load(centre)), s[WAYS];
	for (int k = 0; k < WAYS; k++)
		s[k] = v16_load(ways + k * LANES);
	for (int p = 0; p < n; p += WAYS)
		UNROLL(4)
		for (int k = 0; k < WAYS; k++)
			if (p + k < n) {
				size_t at = (size_t)(p + k) * LANES;
				v16 d = v16_fma(v16_get(half, x, at), by, minus); // the product is exact
				v16_store(dst + at, d);
				s[k] = v16_add(s[k], d);
			}
	for (int k = 0; k < WAYS; k++)
		v16_store(ways + k * LANES, s[k]);
}

// form_centred forms rows y0 … y1−1 of a block less a centre, and adds them to ways.
static void form_centred(float *dst, const struct load *l, const struct term *terms, int image, int block, int y0, int y1,
                         const float *centre, float *ways) {
	const struct term *t = terms + l->first;
	int n = (y1 - y0) * l->w, linear = l->lo == -__builtin_inff() && l->hi == __builtin_inff();
	if (l->count == 1 && t->bare && linear) {
		size_t b = (size_t)image * l->cb + block;
		const void *x = term_at(t, (b * l->h + y0) * l->w * LANES);
		if (t->half)
			centre_pixels(1, dst, x, t->unit[b], n, centre, ways);
		else
			centre_pixels(0, dst, x, 1, n, centre, ways);
		return;
	}
	struct target g = {dst, (size_t)l->w * LANES, LANES, y0, y1, 0, l->w, 1};
	form(l, terms, image, block, &g);
	centre_pixels(0, dst, dst, 1, n, centre, ways);
}

static void merge_stretches(double *sums, size_t len) {
	for (int s = 1; s < STRETCHES; s++)
		for (size_t i = 0; i < len; i++)
			sums[i] += sums[s * len + i];
}

// Pixels of a block: a window of rows and columns, down and right floats apart.
struct grid { const float *x; size_t down, right; };

// Products of the channels of two blocks of one image at h×w pixels, added to sum. ROWS sums fit the registers.
static void add_products(float *sum, struct grid x, struct grid y, int h, int w) {
	enum { ROWS = VW == 16 ? 16 : 4 };
	for (int i = 0; i < LANES; i += ROWS, sum += ROWS * LANES) {
		v16 s[ROWS];
		for (int k = 0; k < ROWS; k++)
			s[k] = v16_load(sum + k * LANES);
		for (int r = 0; r < h; r++)
			for (int c = 0; c < w; c++) {
				const float *a = x.x + r * x.down + c * x.right + i;
				v16 b = v16_load(y.x + r * y.down + c * y.right);
				UNROLL(16)
				for (int k = 0; k < ROWS; k++)
					s[k] = v16_fma(v16_set1(a[k]), b, s[k]);
			}
		UNROLL(16)
		for (int k = 0; k < ROWS; k++)
			v16_store(sum + k * LANES, s[k]);
	}
}

// The products of the channels of one block with each other, n pixels, are a square: pair (i, j) and pair (j, i) are the same number.
// square_at returns where its sum is.
#if VW == 16
// Row k has the products of channel i and channel (i + k) % LANES, k up to LANES/2: of the 256 products, 144.
static inline int square_at(int i, int j) {
	int k = (j - i) & (LANES - 1);
	return k <= LANES / 2 ? k * LANES + i : (LANES - k) * LANES + j;
}

static void add_square(float *sum, const float *x, int n) {
	enum { ROWS = LANES / 2 + 1 };
	__m512 s[ROWS];
	for (int k = 0; k < ROWS; k++)
		s[k] = _mm512_loadu_ps(sum + k * LANES);
	for (; n > 0; n--, x += LANES) {
		__m512 a = _mm512_loadu_ps(x);
		s[0] = _mm512_fmadd_ps(a, a, s[0]);
#define TURNED(k) s[k] = _mm512_fmadd_ps(a, (__m512)_mm512_alignr_epi32((__m512i)a, (__m512i)a, k), s[k])
		TURNED(1); TURNED(2); TURNED(3); TURNED(4); TURNED(5); TURNED(6); TURNED(7); TURNED(8);
#undef TURNED
	}
	for (int k = 0; k < ROWS; k++)
		_mm512_storeu_ps(sum + k * LANES, s[k]);
}
#else
static inline int square_at(int i, int j) { return i * LANES + j; }

static void add_square(float *sum, const float *x, int n) {
	add_products(sum, (struct grid){x, 0, LANES}, (struct grid){x, 0, LANES}, 1, n);
}
#endif

// merge_image adds the sums of an image, n floats, to doubles.
static void merge_image(double *sum, const float *of_image, size_t n) {
	for (size_t i = 0; i < n; i += LANES)
		v16_accumulate(sum + i, v16_load(of_image + i));
}

// An item is a stretch of the images and a range of rows of channel blocks: all rows, or one where there are many. It forms each
// block of an image once. Its sums are of block pairs [r][c ≤ r][LANES][LANES], the last of a
// row a square, and of blocks [r][LANES].
static void covariance_body(void *arg, struct pool *pool, int thread) {
	const struct probe_args *a = arg;
	const struct load *l = a->load;
	int ranges = covariance_ranges(l->cb), rows = covariance_rows(l->h, l->w);
	size_t block = (size_t)rows * l->w * LANES;
	float *u = a->at->scratch + (size_t)thread * a->at->stride;
	for (int item; (item = pool_next(pool, thread)) >= 0;) {
		int stretch = item / ranges, r0 = item % ranges, r1 = ranges == 1 ? l->cb : r0 + 1;
		double *sums = a->mean + stretch * covariance_len(l->cb), *means = sums + covariance_pair(l->cb, 0);
		float *ways = u + (size_t)r1 * block, *pairs = ways + (size_t)r1 * WAYS * LANES;
		size_t sized = covariance_pair(r1, 0) - covariance_pair(r0, 0);
		int end = a->at->n * (stretch + 1) / STRETCHES;
		for (int i = a->at->n * stretch / STRETCHES; i < end; i++) {
			memset(ways, 0, ((size_t)r1 * WAYS * LANES + sized) * sizeof *ways);
			for (int y = 0; y < l->h; y += rows) {
				int down = l->h - y < rows ? l->h - y : rows, pixels = down * l->w;
				for (int b = 0; b < r1; b++)
					form_centred(u + b * block, l, a->terms, i, b, y, y + down, a->centre + b * LANES, ways + (size_t)b * WAYS * LANES);
				int last = y + down == l->h, after = last ? 0 : y + down;
				if (!last || i + 1 < end)
					for (int b = 0; b < r1; b++)
						prefetch_rows(l, a->terms, i + last, b, after, after + rows);
				float *sum = pairs;
				for (int r = r0; r < r1; r++, sum += LANES * LANES) {
					for (int c = 0; c < r; c++, sum += LANES * LANES)
						add_products(sum, (struct grid){u + r * block, 0, LANES}, (struct grid){u + c * block, 0, LANES}, 1, pixels);
					add_square(sum, u + r * block, pixels);
				}
			}
			merge_image(sums + covariance_pair(r0, 0), pairs, sized);
			for (int b = r0; b < r1; b++)
				for (int k = 0; k < LANES; k++) {
					const float *way = ways + (size_t)b * WAYS * LANES + k;
					means[b * LANES + k] += ((double)way[0] + way[LANES]) + ((double)way[2 * LANES] + way[3 * LANES]);
				}
		}
	}
}

static void covariance(const struct place *at, double *sums, const float *centre, double *mean, double *cov, const struct load *l,
                       const struct term *terms) {
	size_t len = covariance_len(l->cb);
	int C = l->c;
	memset(sums, 0, STRETCHES * len * sizeof *sums);
	struct probe_args a = {.at = at, .mean = sums, .centre = centre, .load = l, .terms = terms};
	pool_run(at->pool, STRETCHES * covariance_ranges(l->cb), covariance_body, &a);
	merge_stretches(sums, len);
	double m = (double)at->n * l->h * l->w;
	const double *means = sums + covariance_pair(l->cb, 0);
	for (int p = 0; p < C; p++) {
		mean[p] = centre[p] + means[p] / m;
		for (int q = 0; q <= p; q++) {
			int at = p / LANES == q / LANES ? square_at(p % LANES, q % LANES) : p % LANES * LANES + q % LANES;
			double s = sums[covariance_pair(p / LANES, q / LANES) + at];
			cov[(size_t)p * C + q] = cov[(size_t)q * C + p] = s / m - means[p] / m * (means[q] / m);
		}
	}
}

struct products_args {
	const struct place *at;
	const struct products *j;
	double *sums;
};

// An item is a stretch of the images.
static void products_body(void *arg, struct pool *pool, int thread) {
	const struct products_args *a = arg;
	const struct products *j = a->j;
	int width = j->w * j->dw, n = a->at->n;
	size_t pixels = (size_t)j->h * j->w, block = pixels * LANES, wide = block * j->dh * j->dw;
	for (int item; (item = pool_next(pool, thread)) >= 0;)
		for (int i = n * item / STRETCHES; i < n * (item + 1) / STRETCHES; i++) {
			double *sum = a->sums + item * products_len(j);
			for (int r = 0; r < j->rb; r++)
				for (int d = 0; d < j->dh * j->dw; d++)
					for (int c = 0; c < j->cb; c++, sum += LANES * LANES) {
						size_t corner = ((size_t)(d / j->dw) * width + d % j->dw) * LANES;
						struct grid x = {j->g + ((size_t)i * j->rb + r) * wide + corner, (size_t)j->dh * width * LANES, (size_t)j->dw * LANES};
						struct grid y = {j->seed + ((size_t)i * j->cb + c) * block, (size_t)j->w * LANES, LANES};
						float of_image[LANES * LANES] = {0};
						add_products(of_image, x, y, j->h, j->w);
						merge_image(sum, of_image, LANES * LANES);
					}
		}
}

static void products(const struct place *at, const struct products *j, double *sums, double *dst) {
	struct products_args a = {at, j, sums};
	int window = j->dh * j->dw;
	memset(sums, 0, STRETCHES * products_len(j) * sizeof *sums);
	pool_run(at->pool, STRETCHES, products_body, &a);
	merge_stretches(sums, products_len(j));
	for (int r = 0; r < j->rows; r++)
		for (int d = 0; d < window; d++)
			for (int c = 0; c < j->columns; c++, dst++)
				*dst = sums[(((size_t)(r / LANES) * window + d) * j->cb + c / LANES) * LANES * LANES + r % LANES * LANES + c % LANES];
}

// states computes, for each image, the codes of its rectifiers and the number of pixels at which each channel fires. Codes have
// LANES bits a pixel and block; the bits of padded channels are 0 in every image.
static void states_body(void *arg, struct pool *pool, int thread) {
	enum { SPAN = 64 }; // pixels that are formed at a time, about
	const struct probe_args *a = arg;
	const struct load *l = a->load;
	int rows = (SPAN + l->w - 1) / l->w;
	float *u = a->at->scratch + (size_t)thread * a->at->stride;
	for (int i; (i = pool_next(pool, thread)) >= 0;) {
		char *code = (char *)(a->codes + (size_t)i * a->words);
		for (int b = 0; b < l->cb; b++) {
			int count[LANES];
			struct lane_counts n = {0};
			for (int y = 0; y < l->h; y += rows) {
				struct target g = {u, (size_t)l->w * LANES, LANES, y, y + rows < l->h ? y + rows : l->h, 0, l->w, 1};
				form(l, a->terms, i, b, &g);
				int pixels = (g.y1 - y) * l->w;
				for (int p = 0; p < pixels; p++) {
					v16 x = v16_load(u + (size_t)p * LANES);
					uint16_t bits = v16_positive(x);
					memcpy(code, &bits, sizeof bits);
					code += sizeof bits;
					v16_count(&n, x);
				}
			}
			lane_counts_store(count, &n);
			for (int c = b * LANES; c < l->c && c < (b + 1) * LANES; c++)
				a->count[(size_t)i * l->c + c] = count[c % LANES];
		}
		memset(code, 0, (char *)(a->codes + (size_t)(i + 1) * a->words) - (char *)code);
	}
}

static void states(const struct place *at, uint64_t *dst, size_t words, int64_t *count, const struct load *l, const struct term *terms) {
	struct probe_args a = {.at = at, .count = count, .codes = dst, .words = words, .load = l, .terms = terms};
	pool_run(at->pool, at->n, states_body, &a);
}

struct agree_args {
	int n;
	int64_t *k, units, weight;
	const uint64_t *codes;
	size_t words;
};

// The number of bits in which two codes differ.
static int64_t bits_apart(const uint64_t *x, const uint64_t *y, size_t words) {
	int64_t n = 0;
	for (size_t w = 0; w < words; w++)
		n += __builtin_popcountll(x[w] ^ y[w]);
	return n;
}

#if VW == 16
// The same with the instruction that counts the bits of eight words; most processors with AVX-512 have it.
__attribute__((target("avx512vpopcntdq"))) static int64_t bits_apart_vector(const uint64_t *x, const uint64_t *y, size_t words) {
	__m512i n = _mm512_setzero_si512();
	for (size_t w = 0; w < words; w += 8) {
		__mmask8 m = words - w < 8 ? (1u << (words - w)) - 1 : 0xff;
		n = _mm512_add_epi64(n, _mm512_popcnt_epi64(_mm512_xor_si512(_mm512_maskz_loadu_epi64(m, x + w), _mm512_maskz_loadu_epi64(m, y + w))));
	}
	return _mm512_reduce_add_epi64(n);
}
#endif

// Row i and its mirror below the diagonal belong to item i alone.
static void agree_body(void *arg, struct pool *pool, int thread) {
	const struct agree_args *a = arg;
	int64_t (*apart)(const uint64_t *, const uint64_t *, size_t) = bits_apart;
#if VW == 16
	if (__builtin_cpu_supports("avx512vpopcntdq"))
		apart = bits_apart_vector;
#endif
	for (int i; (i = pool_next(pool, thread)) >= 0;)
		for (int j = i; j < a->n; j++) {
			const uint64_t *x = a->codes + (size_t)i * a->words, *y = a->codes + (size_t)j * a->words;
			int64_t same = a->weight * (a->units - apart(x, y, a->words));
			a->k[(size_t)i * a->n + j] += same;
			if (i != j)
				a->k[(size_t)j * a->n + i] += same;
		}
}

static void agree(const struct place *at, int64_t *k, const uint64_t *codes, size_t words, int64_t units, int64_t weight) {
	struct agree_args a = {at->n, k, units, weight, codes, words};
	pool_run(at->pool, at->n, agree_body, &a);
}
