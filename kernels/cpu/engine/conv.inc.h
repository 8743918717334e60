// The convolution step and its input gradient: compute the padded input of a group of images, run the core, and process
// the outputs while they are in cache. The input of the input gradient, dy, is also that of the weight gradient.

struct conv_args {
	const struct place *at;
	const struct conv_job *job;
	const struct load *loads;
	int nloads;
	const struct term *terms;
	const struct out *outs;
	int nouts, rows;
	const struct grad *grad;
	const struct packed *packed;
	const struct weight_job *weight; // NULL: no weight gradient beside the input gradient
	const struct load *u;            // of the weight gradient
	float *sums;
};

// The memory of a thread. Block b of image i is in[i·cb + b].
struct conv_space {
	const float **in;
	float **out, *pad, *tmp, *scratch, *u;
};

static inline int ceil_div(int a, int b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }

// the first source coordinate, and one past the last, in units of step, whose target is in 0 … size−1
static void landing(int extent, int step, int spread, int offset, int size, int *from, int *to) {
	int count = (extent + step - 1) / step, lo = ceil_div(-offset, spread), hi = ceil_div(size - offset, spread);
	*from = lo < 0 ? 0 : lo;
	*to = hi > count ? count : hi;
}

static void form_padded(float *dst, const struct conv_job *j, const struct load *l, const struct term *terms, int image, int block) {
	const struct conv_shape *s = &j->shape;
	int y0, y1, x0, x1;
	landing(l->h, j->step, j->spread, j->y0, s->ph, &y0, &y1);
	landing(l->w, j->step, j->spread, j->x0, s->pw, &x0, &x1);
	if (y1 <= y0 || x1 <= x0)
		return;
	struct target g = {
		dst + ((size_t)(y0 * j->spread + j->y0) * s->pw + x0 * j->spread + j->x0) * LANES,
		(size_t)j->spread * s->pw * LANES, (size_t)j->spread * LANES,
		y0 * j->step, (y1 - 1) * j->step + 1, x0 * j->step, (x1 - 1) * j->step + 1, j->step,
	};
	form(l, terms, image, block, &g);
}

static struct conv_space conv_lay(const struct conv_args *a, int thread) {
	const struct conv_job *j = a->job;
	float *list = a->at->scratch + (size_t)thread * a->at->stride, *pad = list + j->list, *tmp = pad + j->pad, *scratch = tmp + j->out;
	return (struct conv_space){(const float **)list, (float **)list + j->group * j->shape.cb, pad, tmp, scratch, scratch + j->scratch};
}

// conv_outputs lists where the core writes the blocks of image number i of a group.
static void conv_outputs(const struct conv_args *a, const struct conv_space *m, int i, int image) {
	const struct conv_shape *s = &a->job->shape;
	size_t plane = (size_t)s->h * s->w * LANES;
	int k = i * s->kb;
	if (a->grad) {
		for (int c = 0; c < s->kb; c++)
			m->out[k + c] = a->grad->first ? a->grad->d + ((size_t)image * s->kb + c) * plane : m->tmp + (k + c) * plane;
		return;
	}
	for (const struct out *o = a->outs; o < a->outs + a->nouts; o++)
		for (int c = 0; c < o->cb; c++, k++)
			m->out[k] = o->half ? m->tmp + k * plane : out_in_place(o, image, c, s->h * s->w);
}

// conv_finish adds the computed gradients to the node's, or completes the outputs.
static void conv_finish(const struct conv_args *a, const struct conv_space *m, int i, int image) {
	const struct conv_shape *s = &a->job->shape;
	float *const *x = m->out + i * s->kb;
	if (a->grad)
		for (int c = 0; c < s->kb; c++)
			grad_block(a->grad, a->terms, x[c], image, c);
	else
		for (const struct out *o = a->outs; o < a->outs + a->nouts; x += o++->cb)
			for (int c = 0; c < o->cb; c++)
				finish_block(o, image, c, x[c], s->h * s->w, a->rows);
}

// ahead_load adds the terms of a load.
static void ahead_load(struct ahead *next, const struct load *l, const struct term *terms, int first, int n) {
	for (const struct term *t = terms + l->first; t < terms + l->first + l->count; t++)
		ahead_add(next, t->x, first * load_len(l), n * load_len(l), t->half, 0);
}

// conv_ahead lists the memory of the group of images from first on, which is likely the thread's next.
static struct ahead conv_ahead(const struct conv_args *a, int first) {
	struct ahead next = {.count = 0};
	int n = a->at->n - first < a->job->group ? a->at->n - first : a->job->group;
	if (n <= 0)
		return next;
	for (const struct out *o = a->outs; o < a->outs + a->nouts; o++) {
		size_t image = (size_t)o->cb * a->job->shape.h * a->job->shape.w * LANES;
		ahead_add(&next, o->data, first * image, n * image, o->half, 1);
	}
	if (a->grad) {
		ahead_add(&next, a->grad->d, first * load_len(&a->grad->node), n * load_len(&a->grad->node), 0, 1);
		ahead_load(&next, &a->grad->node, a->terms, first, n);
	}
	for (const struct load *l = a->loads; l < a->loads + a->nloads; l++)
		ahead_load(&next, l, a->terms, first, n);
	return next;
}

// conv_group computes n images, at most a group.
static void conv_group(const struct conv_args *a, const struct conv_space *m, int first, int n, struct watch *watch) {
	const struct conv_job *j = a->job;
	const struct conv_shape *s = &j->shape;
	size_t plane = (size_t)s->ph * s->pw * LANES;
	for (int i = 0; i < n; i++) {
		int b = i * s->cb;
		for (const struct load *l = a->loads; l < a->loads + a->nloads; l++)
			for (int c = 0; c < l->cb; c++, b++) {
				m->in[b] = m->pad + b * plane;
				form_padded(m->pad + b * plane, j, l, a->terms, first + i, c);
			}
		conv_outputs(a, m, i, first + i);
	}
	watch_lap(watch, PHASE_FORM);
	struct ahead ahead = conv_ahead(a, first + n);
	j->core->run(s, n, m->out, m->in, a->packed, m->scratch, &ahead, watch);
	watch_lap(watch, PHASE_PRODUCT);
	for (int i = 0; i < n; i++)
		conv_finish(a, m, i, first + i);
	watch_lap(watch, a->grad ? PHASE_GRADIENT : PHASE_STATISTICS);
}

// conv_spans reports whether an image is computed span by span: a 1×1 convolution from each pixel to the same one, whose input is
// nothing else's. An output of another size has pixels without a source.
static int conv_spans(const struct conv_args *a) {
	const struct conv_job *j = a->job;
	return j->core == &conv1x1_core && !a->weight && j->step == 1 && j->spread == 1 && j->y0 == 0 && j->x0 == 0 &&
	       a->loads->h == j->shape.h && a->loads->w == j->shape.w;
}

// prefetch_span fetches the pixels p … p+n−1 of blocks from … to−1 of the concatenated loads.
static void prefetch_span(const struct conv_args *a, int image, int from, int to, int p, int n) {
	int first = 0;
	for (const struct load *l = a->loads; l < a->loads + a->nloads; first += l++->cb)
		for (int b = from > first ? from : first; b < to && b < first + l->cb; b++)
			for (const struct term *t = a->terms + l->first; t < a->terms + l->first + l->count; t++) {
				const char *x = term_at(t, (((size_t)image * l->cb + b - first) * l->h * l->w + p) * LANES);
				for (int i = 0; i < n >> t->half; i++)
					__builtin_prefetch(x + i * LINE);
			}
}

// conv_span_image computes an image. The input of a span is formed in the first-level cache, and the sources of the next one
// are fetched meanwhile.
static void conv_span_image(const struct conv_args *a, const struct conv_space *m, int image, struct watch *watch) {
	const struct conv_shape *s = &a->job->shape;
	struct reach r = reach_of(s);
	int pixels = s->h * s->w, span = conv1x1_span(s);
	conv_outputs(a, m, 0, image);
	for (int p = 0, n; p < pixels; p += n) {
		n = pixels - p < span ? pixels - p : span;
		int next = pixels - p - n < span ? pixels - p - n : span, b = 0;
		for (const struct load *l = a->loads; l < a->loads + a->nloads; l++)
			for (int c = 0; c < l->cb; c++, b++) {
				struct target g = {m->pad + (size_t)b * span * LANES, 0, LANES, 0, 1, p, p + n, 1};
				m->in[b] = g.dst;
				form(l, a->terms, image, c, &g);
			}
		watch_lap(watch, PHASE_FORM);
		for (const struct panel *q = a->packed->panels; q < a->packed->panels + a->packed->n; q++) {
			prefetch_span(a, image, q->first * s->cb / s->kb, (q->first + q->nk) * s->cb / s->kb, p + n, next);
			panel_row(q, LANES, n, &r, m->in, 0, a->packed, m->out + q->first, (size_t)p * LANES);
		}
		watch_lap(watch, PHASE_PRODUCT);
	}
	watch_flops(watch, 2. * pixels * s->cb * LANES * s->kb * LANES);
	conv_finish(a, m, 0, image);
	watch_lap(watch, a->grad ? PHASE_GRADIENT : PHASE_STATISTICS);
}

// conv_chunk computes the images of one chunk of the weight gradient, and its sum.
static void conv_chunk(const struct conv_args *a, const struct conv_space *m, int chunk, struct watch *watch) {
	const struct conv_job *j = a->job;
	const struct weight_job *w = a->weight;
	const struct conv_shape *s = &w->conv.shape;
	size_t row = (size_t)j->shape.pw * LANES, plane = (size_t)s->ph * s->pw * LANES;
	struct output_gradient dy = {NULL, row, j->shape.ph * row};
	struct weight_sum sum = {*s, a->sums + chunk * w->size, m->u + w->pad, 0};
	int chunks = weight_chunks(w, a->at->n), end = chunk_start(a->at->n, chunk + 1, chunks);
	w->core->start(&sum);
	for (int first = chunk_start(a->at->n, chunk, chunks), n; first < end; first += n) {
		n = end - first < j->group ? end - first : j->group;
		conv_group(a, m, first, n, watch);
		for (int i = 0; i < n; i++) {
			for (int c = 0; c < s->cb; c++)
				form_padded(m->u + c * plane, &w->conv, a->u, a->terms, first + i, c);
			dy.at = m->in[i * j->shape.cb] + j->y0 * row + j->x0 * LANES;
			w->core->add(&sum, m->u, &dy);
		}
		watch_lap(watch, PHASE_WEIGHTS);
	}
	w->core->finish(&sum);
	watch_lap(watch, PHASE_WEIGHTS);
}

static void conv_body(void *arg, struct pool *pool, int thread) {
	const struct conv_args *a = arg;
	struct conv_space m = conv_lay(a, thread);
	int clean = 0, group = a->job->group, spans = conv_spans(a);
	struct watch watch = watch_start(a->at->profiles, thread);
	for (int item; (item = pool_next(pool, thread)) >= 0;) {
		if (!clean && !spans) {
			memset(m.pad, 0, a->job->pad * sizeof *m.pad);
			if (a->weight)
				memset(m.u, 0, a->weight->pad * sizeof *m.u);
		}
		clean = 1;
		if (a->weight)
			conv_chunk(a, &m, item, &watch);
		else if (spans)
			conv_span_image(a, &m, item, &watch);
		else
			conv_group(a, &m, item * group, a->at->n - item * group < group ? a->at->n - item * group : group, &watch);
	}
}

static void conv_items(struct conv_args *a) {
	int group = a->job->group;
	pool_run(a->at->pool, a->weight ? weight_chunks(a->weight, a->at->n) : (a->at->n + group - 1) / group, conv_body, a);
}

static void conv(const struct place *at, const struct conv_job *job, const struct load *loads, int nloads,
                 const struct term *terms, const struct out *outs, int nouts, int rows, const struct packed *packed) {
	struct conv_args a = {at, job, loads, nloads, terms, outs, nouts, rows, NULL, packed, NULL, NULL, NULL};
	conv_items(&a);
}

static void conv_grad(const struct place *at, const struct conv_job *job, const struct load *loads, int nloads,
                      const struct term *terms, const struct grad *grad, const struct packed *packed,
                      const struct weight_job *weight, const struct load *u, float *sums) {
	struct conv_args a = {at, job, loads, nloads, terms, NULL, 0, 0, grad, packed, weight, u, sums};
	conv_items(&a);
}
