// Conversion between dense N×C×H×W and blocks.

struct edge_args {
	const struct place *at;
	const float *src;
	float *dst;
	const struct out *out;
	int h, w, rows;
	const struct load *load;
	const struct term *terms;
};

enum { GROUP = 16 }; // pixels that are converted at a time: a cache line of each channel

// block_one converts c channels to a block; the other lanes are 0.
static void block_one(float *dst, const float *src, int c, size_t pixels) {
	int fours = c / 4 * 4;
	for (size_t p = 0; p < pixels; p += GROUP) {
		size_t n = pixels - p < GROUP ? pixels - p : GROUP, i = 0;
		if (c < LANES)
			memset(dst + p * LANES, 0, n * LANES * sizeof *dst);
		for (int k = 0; k < fours; k += 4)
			for (i = 0; i + 4 <= n; i += 4)
				transpose4(dst + (p + i) * LANES + k, LANES, src + k * pixels + p + i, pixels);
		for (size_t q = 0; q < n; q++)
			for (int k = q < i ? fours : 0; k < c; k++)
				dst[(p + q) * LANES + k] = src[k * pixels + p + q];
	}
}

// unblock_one converts a block to its first c channels.
static void unblock_one(float *dst, const float *src, int c, size_t pixels) {
	int fours = c / 4 * 4;
	for (size_t p = 0; p < pixels; p += GROUP) {
		size_t n = pixels - p < GROUP ? pixels - p : GROUP, i = 0;
		for (int k = 0; k < fours; k += 4)
			for (i = 0; i + 4 <= n; i += 4)
				transpose4(dst + k * pixels + p + i, pixels, src + (p + i) * LANES + k, LANES);
		for (size_t q = 0; q < n; q++)
			for (int k = q < i ? fours : 0; k < c; k++)
				dst[k * pixels + p + q] = src[(p + q) * LANES + k];
	}
}

static void block_body(void *arg, struct pool *pool, int thread) {
	const struct edge_args *a = arg;
	const struct out *o = a->out;
	size_t pixels = (size_t)a->h * a->w;
	struct watch watch = watch_start(a->at->profiles, thread);
	for (int i; (i = pool_next(pool, thread)) >= 0;) {
		const float *src = a->src + (size_t)i * o->c * pixels;
		for (int b = 0; b < o->cb; b++) {
			int c = o->c - b * LANES < LANES ? o->c - b * LANES : LANES;
			float *dst = out_in_place(o, i, b, pixels);
			block_one(dst, src + (size_t)b * LANES * pixels, c, pixels);
			finish_block(o, i, b, dst, pixels, a->rows);
		}
		watch_lap(&watch, PHASE_OTHER);
	}
}

static void block(const struct place *at, const float *src, const struct out *out, int h, int w, int rows) {
	struct edge_args a = {at, src, NULL, out, h, w, rows, NULL, NULL};
	pool_run(at->pool, at->n, block_body, &a);
}

static void unblock_body(void *arg, struct pool *pool, int thread) {
	const struct edge_args *a = arg;
	const struct load *l = a->load;
	size_t pixels = (size_t)l->h * l->w;
	float *u = a->at->scratch + (size_t)thread * a->at->stride;
	for (int i; (i = pool_next(pool, thread)) >= 0;) {
		float *dst = a->dst + (size_t)i * l->c * pixels;
		for (int b = 0; b < l->cb; b++, dst += LANES * pixels) {
			form_block(u, l, a->terms, i, b);
			unblock_one(dst, u, l->c - b * LANES < LANES ? l->c - b * LANES : LANES, pixels);
		}
	}
}

static void unblock(const struct place *at, float *dst, const struct load *l, const struct term *terms) {
	struct edge_args a = {at, NULL, dst, NULL, 0, 0, 0, l, terms};
	pool_run(at->pool, at->n, unblock_body, &a);
}
