// The weight gradient of a convolution step: the sums of the items (weight.h), and their merging.

struct weight_args {
	const struct place *at;
	const struct weight_job *job;
	const struct load *loads; // u, then the gradients of the outputs
	int nloads;
	const struct term *terms;
	float *sums; // [chunks][size]
};

// weight_form computes dy of one image and part: output blocks from k0 on.
static void weight_form(const struct weight_args *a, float *dy, int image, int k0, int kb) {
	size_t pixels = (size_t)a->job->conv.shape.h * a->job->conv.shape.w * LANES;
	int k = -k0;
	for (const struct load *l = a->loads + 1; l < a->loads + a->nloads; l++)
		for (int b = 0; b < l->cb; b++, k++)
			if (k >= 0 && k < kb)
				form_block(dy + k * pixels, l, a->terms, image, b);
}

static void weight_body(void *arg, struct pool *pool, int thread) {
	const struct weight_args *a = arg;
	const struct weight_job *j = a->job;
	const struct conv_shape *s = &j->conv.shape;
	float *pad = a->at->scratch + (size_t)thread * a->at->stride, *dy = pad + j->pad, *scratch = dy + j->dy;
	size_t plane = (size_t)s->ph * s->pw * LANES;
	int chunks = weight_chunks(j, a->at->n), clean = 0;
	struct watch watch = watch_start(a->at->profiles, thread);
	for (int item; (item = pool_next(pool, thread)) >= 0;) {
		if (!clean)
			memset(pad, 0, j->pad * sizeof *pad);
		clean = 1;
		int chunk = item % chunks, k0 = item / chunks * j->part;
		struct weight_sum m = {*s, a->sums + chunk * j->size + j->size / s->kb * k0, scratch, 0};
		m.s.kb = s->kb - k0 < j->part ? s->kb - k0 : j->part;
		struct output_gradient formed = {dy, (size_t)s->w * LANES, (size_t)s->h * s->w * LANES};
		j->core->start(&m);
		for (int i = chunk_start(a->at->n, chunk, chunks); i < chunk_start(a->at->n, chunk + 1, chunks); i++) {
			for (int c = 0; c < s->cb; c++)
				form_padded(pad + c * plane, &j->conv, a->loads, a->terms, i, c);
			weight_form(a, dy, i, k0, m.s.kb);
			j->core->add(&m, pad, &formed);
		}
		j->core->finish(&m);
		watch_lap(&watch, PHASE_WEIGHTS);
	}
}

static void weight_grad(const struct place *at, const struct weight_job *job, const struct load *loads, int nloads,
                        const struct term *terms, float *sums) {
	struct weight_args a = {at, job, loads, nloads, terms, sums};
	int parts = (job->conv.shape.kb + job->part - 1) / job->part;
	pool_run(at->pool, parts * weight_chunks(job, at->n), weight_body, &a);
}

struct merge_args {
	const struct place *at;
	const struct weight_job *job;
	const struct weight_slice *to;
	float *dw;
	const float *sums;
};

// merge_lanes adds the chunks of LANES sums, in order.
INLINE void merge_lanes(double sum[LANES], const float *x, size_t next, int chunks) {
	for (int l = 0; l < LANES; l++)
		sum[l] = x[l];
	for (int c = 1; c < chunks; c++) {
		x += next;
		for (int l = 0; l < LANES; l++)
			sum[l] += x[l];
	}
}

// merge_depthwise places the weights of one block of channels.
static void merge_depthwise(const struct merge_args *a, int block, int chunks) {
	int taps = a->job->conv.shape.kernel * a->job->conv.shape.kernel, first = block * LANES;
	for (int t = 0; t < taps; t++) {
		double sum[LANES];
		merge_lanes(sum, a->sums + ((size_t)block * taps + t) * LANES, a->job->size, chunks);
		for (int l = 0; l < LANES && first + l < a->to->outs; l++)
			a->dw[(size_t)(first + l) * taps + t] = sum[l];
	}
}

// panel_sums returns the sums of output block k, input 0 and tap 0 in those of a chunk, and the number nk of blocks of its panel.
static const float *panel_sums(const struct weight_job *j, const float *sums, int k, int *nk) {
	const struct conv_shape *s = &j->conv.shape;
	int k0 = k / j->part * j->part, end = s->kb - k0 < j->part ? s->kb : k0 + j->part;
	while (*nk = panel_width(end - k0), k >= k0 + *nk)
		k0 += *nk;
	return sums + ((size_t)k0 * s->cb * s->kernel * s->kernel * LANES + k - k0) * LANES;
}

// merge_dense places the weights of one block of outputs that are in the groups of their outputs.
static void merge_dense(const struct merge_args *a, int block, int chunks) {
	const struct weight_slice *w = a->to;
	int taps = a->job->conv.shape.kernel * a->job->conv.shape.kernel, ins = w->ins / w->groups, outs = w->outs / w->groups, nk;
	int first = block * LANES, last = w->outs - first < LANES ? w->outs - 1 : first + LANES - 1;
	int from = first / outs * ins, to = (last / outs + 1) * ins; // the inputs of these outputs' groups
	const float *x = panel_sums(a->job, a->sums, w->block + block, &nk);
	for (int c = from / LANES * LANES; c < to; c += LANES)
		for (int t = 0; t < taps; t++) {
			double sum[LANES][LANES];
			int low = c < from ? from : c, high = to < c + LANES ? to : c + LANES;
			for (int i = low; i < high; i++)
				merge_lanes(sum[i - c], x + ((size_t)c * taps + t * LANES + i - c) * nk * LANES, a->job->size, chunks);
			for (int o = first; o <= last; o++) {
				int own = o / outs * ins; // the first input of o's group
				float *dw = a->dw + ((size_t)o * ins) * taps + t;
				for (int i = low > own ? low : own; i < high && i < own + ins; i++)
					dw[(size_t)(i - own) * taps] = sum[i - c][o - first];
			}
		}
}

static void merge_body(void *arg, struct pool *pool, int thread) {
	const struct merge_args *a = arg;
	int chunks = weight_chunks(a->job, a->at->n);
	struct watch watch = watch_start(a->at->profiles, thread);
	for (int block; (block = pool_next(pool, thread)) >= 0;) {
		a->job->conv.shape.depthwise ? merge_depthwise(a, block, chunks) : merge_dense(a, block, chunks);
		watch_lap(&watch, PHASE_WEIGHTS);
	}
}

static void weight_merge(const struct place *at, const struct weight_job *job, const struct weight_slice *to, float *dw, const float *sums) {
	struct merge_args a = {at, job, to, dw, sums};
	pool_run(at->pool, (to->outs + LANES - 1) / LANES, merge_body, &a);
}
