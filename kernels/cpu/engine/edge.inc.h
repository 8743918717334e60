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

// block_one converts c channels to a block; the other lanes are 0. It takes the pixels in groups that stay in the first cache.
static void block_one(float *dst, const float *src, int c, size_t pixels) {
	enum { GROUP = 32 };
	float line[GROUP * LANES] = {0};
	for (size_t p = 0; p < pixels; p += GROUP) {
		size_t n = pixels - p < GROUP ? pixels - p : GROUP;
		for (int k = 0; k < c; k++)
			for (size_t i = 0; i < n; i++)
				line[i * LANES + k] = src[k * pixels + p + i];
		memcpy(dst + p * LANES, line, n * LANES * sizeof *dst);
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
		form_plain(u, l, a->terms, i);
		float *dst = a->dst + (size_t)i * l->c * pixels;
		for (int c = 0; c < l->c; c++)
			for (size_t p = 0; p < pixels; p++)
				dst[c * pixels + p] = u[((size_t)(c / LANES) * pixels + p) * LANES + c % LANES];
	}
}

static void unblock(const struct place *at, float *dst, const struct load *l, const struct term *terms) {
	struct edge_args a = {at, NULL, dst, NULL, 0, 0, 0, l, terms};
	pool_run(at->pool, at->n, unblock_body, &a);
}
