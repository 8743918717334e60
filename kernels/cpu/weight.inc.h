// The weight gradient of a convolution step: the sums of the items (weight.h), and their merging.

struct weight_args {
	const struct place *at;
	const struct weight_job *job;
	const struct load *loads; // u, then the gradients of the outputs
	int nloads;
	const struct term *terms;
	float *sums; // [chunks][size]
};

static int weight_chunks(const struct weight_job *j, int n) { return n < j->chunks ? n : j->chunks; }

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
	for (int item; (item = pool_next(pool, thread)) >= 0;) {
		if (!clean)
			memset(pad, 0, j->pad * sizeof *pad);
		clean = 1;
		int chunk = item % chunks, k0 = item / chunks * j->part;
		struct weight_sum m = {*s, a->sums + chunk * j->size + j->size / s->kb * k0, scratch, 0};
		m.s.kb = s->kb - k0 < j->part ? s->kb - k0 : j->part;
		j->core->start(&m);
		for (int i = (int)((int64_t)a->at->n * chunk / chunks); i < (int)((int64_t)a->at->n * (chunk + 1) / chunks); i++) {
			for (int c = 0; c < s->cb; c++)
				form_padded(pad + c * plane, &j->conv, a->loads, a->terms, i, c);
			weight_form(a, dy, i, k0, m.s.kb);
			j->core->add(&m, pad, dy);
		}
		j->core->finish(&m);
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

// weight_lanes returns the offset in a chunk's sums of the LANES outputs of block k for input i and tap t, input being a channel
// of whole blocks (0 if depthwise).
static size_t weight_lanes(const struct weight_job *j, int k, int i, int t) {
	const struct conv_shape *s = &j->conv.shape;
	int taps = s->kernel * s->kernel;
	if (s->depthwise)
		return ((size_t)k * taps + t) * LANES;
	int k0 = k / j->part * j->part, left = (s->kb - k0 < j->part ? s->kb - k0 : j->part), nk;
	while (nk = panel_width(left), k >= k0 + nk)
		k0 += nk, left -= nk;
	return ((size_t)k0 * s->cb * taps * LANES + (((size_t)i / LANES * taps + t) * LANES + i % LANES) * nk + k - k0) * LANES;
}

// merge_block adds the chunks of one block of outputs, in order, and places the weights of each output's own group.
static void merge_block(const struct merge_args *a, int block) {
	const struct weight_slice *w = a->to;
	int taps = a->job->conv.shape.kernel * a->job->conv.shape.kernel, chunks = weight_chunks(a->job, a->at->n);
	int ins = w->ins / w->groups, outs = w->outs / w->groups, first = block * LANES;
	int last = w->outs - first < LANES ? w->outs - 1 : first + LANES - 1;
	int from = first / outs * ins, to = (last / outs + 1) * ins; // the inputs of these outputs' groups
	if (a->job->conv.shape.depthwise)
		from = 0, to = 1;
	for (int i = from; i < to; i++)
		for (int t = 0; t < taps; t++) {
			const float *x = a->sums + weight_lanes(a->job, w->block + block, i, t);
			double sum[LANES] = {0};
			for (int c = 0; c < chunks; c++, x += a->job->size)
				for (int l = 0; l < LANES; l++)
					sum[l] += x[l];
			for (int o = first; o <= last; o++) {
				int c = a->job->conv.shape.depthwise ? 0 : i - o / outs * ins;
				if (c >= 0 && c < ins)
					a->dw[((size_t)o * ins + c) * taps + t] = sum[o - first];
			}
		}
}

static void merge_body(void *arg, struct pool *pool, int thread) {
	for (int block; (block = pool_next(pool, thread)) >= 0;)
		merge_block(arg, block);
}

static void weight_merge(const struct place *at, const struct weight_job *job, const struct weight_slice *to, float *dw, const float *sums) {
	struct merge_args a = {at, job, to, dw, sums};
	pool_run(at->pool, (to->outs + LANES - 1) / LANES, merge_body, &a);
}
