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

static void block_body(void *arg, struct pool *pool, int thread) {
	const struct edge_args *a = arg;
	const struct out *o = a->out;
	size_t pixels = (size_t)a->h * a->w;
	for (int i; (i = pool_next(pool, thread)) >= 0;) {
		const float *src = a->src + (size_t)i * o->c * pixels;
		float *dst = o->data + (size_t)i * o->cb * pixels * LANES;
		memset(dst, 0, o->cb * pixels * LANES * sizeof *dst);
		for (int c = 0; c < o->c; c++)
			for (size_t p = 0; p < pixels; p++)
				dst[((size_t)(c / LANES) * pixels + p) * LANES + c % LANES] = src[c * pixels + p];
		if (i < a->rows && o->partial)
			image_stats(o, i, pixels);
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
