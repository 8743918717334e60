// The convolution step and its input gradient: compute the padded input of a group of images, run the core, and process
// the outputs while they are in cache.

struct conv_args {
	const struct place *at;
	const struct conv_job *job;
	const struct load *loads;
	int nloads;
	const struct term *terms;
	const struct out *outs;
	int nouts, rows;
	const struct grad *grad;
	const float *packed;
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

static void conv_body(void *arg, struct pool *pool, int thread) {
	const struct conv_args *a = arg;
	const struct conv_job *j = a->job;
	const struct conv_shape *s = &j->shape;
	float *list = a->at->scratch + (size_t)thread * a->at->stride, *pad = list + j->list, *tmp = pad + j->pad, *scratch = tmp + j->out;
	const float **in = (const float **)list;
	float **out = (float **)list + j->group * s->cb;
	size_t plane = (size_t)s->ph * s->pw * LANES, pixels = (size_t)s->h * s->w;
	int clean = 0;
	for (int item; (item = pool_next(pool, thread)) >= 0;) {
		if (!clean)
			memset(pad, 0, j->pad * sizeof *pad);
		clean = 1;
		int first = item * j->group, n = a->at->n - first < j->group ? a->at->n - first : j->group;
		for (int i = 0; i < n; i++) {
			int b = i * s->cb;
			for (const struct load *l = a->loads; l < a->loads + a->nloads; l++)
				for (int c = 0; c < l->cb; c++, b++) {
					in[b] = pad + b * plane;
					form_padded(pad + b * plane, j, l, a->terms, first + i, c);
				}
			int k = i * s->kb;
			if (a->grad) {
				for (int c = 0; c < s->kb; c++)
					out[k + c] = a->grad->first ? a->grad->d + ((size_t)(first + i) * s->kb + c) * pixels * LANES
					                            : tmp + (size_t)(k + c) * pixels * LANES;
			} else
				for (const struct out *o = a->outs; o < a->outs + a->nouts; o++)
					for (int c = 0; c < o->cb; c++)
						out[k++] = o->data + ((size_t)(first + i) * o->cb + c) * pixels * LANES;
		}
		j->core->run(s, n, out, in, a->packed, scratch);
		for (int i = 0; i < n; i++)
			if (a->grad)
				for (int c = 0; c < s->kb; c++)
					grad_block(a->grad, a->terms, out[i * s->kb + c], first + i, c);
			else if (first + i < a->rows)
				for (const struct out *o = a->outs; o < a->outs + a->nouts; o++)
					if (o->partial)
						image_stats(o, first + i, pixels);
	}
}

static void conv_items(struct conv_args *a) {
	pool_run(a->at->pool, (a->at->n + a->job->group - 1) / a->job->group, conv_body, a);
}

static void conv(const struct place *at, const struct conv_job *job, const struct load *loads, int nloads,
                 const struct term *terms, const struct out *outs, int nouts, int rows, const float *packed) {
	struct conv_args a = {at, job, loads, nloads, terms, outs, nouts, rows, NULL, packed};
	conv_items(&a);
}

static void conv_grad(const struct place *at, const struct conv_job *job, const struct load *loads, int nloads,
                      const struct term *terms, const struct grad *grad, const float *packed) {
	struct conv_args a = {at, job, loads, nloads, terms, NULL, 0, 0, grad, packed};
	conv_items(&a);
}
