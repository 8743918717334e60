// The steps that are not convolutions, one image an item.

struct op_args {
	const struct place *at;
	const struct op_job *job;
	const struct load *dy, *loads;
	int nloads;
	const struct term *terms;
	const struct out *out;
	int rows;
	const struct grad *grads;
	int ngrads;
};

static inline size_t load_len(const struct load *l) { return (size_t)l->cb * l->h * l->w * LANES; }

static float *out_image(const struct op_args *a, int image) {
	return a->out->data + (size_t)image * a->out->cb * a->job->h * a->job->w * LANES;
}

// move_channels copies count channels between blocked images of the same size, from channel s of src to d of dst.
static void move_channels(float *dst, int d, const float *src, int s, int count, int pixels) {
	for (int c = 0; c < count; c++) {
		const float *from = src + (size_t)((s + c) / LANES) * pixels * LANES + (s + c) % LANES;
		float *to = dst + (size_t)((d + c) / LANES) * pixels * LANES + (d + c) % LANES;
		for (int p = 0; p < pixels; p++)
			to[(size_t)p * LANES] = from[(size_t)p * LANES];
	}
}

// In a concatenation from channel c on, the first channels of load l that the output has.
static inline int kept_channels(const struct load *l, int c, int outs) { return l->c < outs - c ? l->c : outs - c; }

static void concat_image(const struct op_args *a, float *u, int image) {
	int pixels = a->job->h * a->job->w, c = 0;
	float *y = out_image(a, image);
	memset(y, 0, (size_t)a->out->cb * pixels * LANES * sizeof *y);
	for (int i = 0; i < a->nloads; c += a->loads[i++].c)
		if (c % LANES == 0 && c + a->loads[i].c <= a->out->c)
			form_plain(y + (size_t)c * pixels, &a->loads[i], a->terms, image);
		else {
			form_plain(u, &a->loads[i], a->terms, image);
			move_channels(y, c, u, 0, kept_channels(&a->loads[i], c, a->out->c), pixels);
		}
}

static void global_avg(float *y, const float *u, int cb, int pixels) {
	for (int b = 0; b < cb; b++) {
		v16 s = v16_zero();
		for (int p = 0; p < pixels; p++)
			s = v16_add(s, v16_load(u + ((size_t)b * pixels + p) * LANES));
		v16_store(y + b * LANES, v16_mul(s, v16_set1(1.0f / pixels)));
	}
}

static float dot_blocks(const float *a, const float *b, int cb) {
	v16 s = v16_zero();
	for (int c = 0; c < cb * LANES; c += LANES)
		s = v16_fma(v16_load(a + c), v16_load(b + c), s);
	float lanes[LANES], sum = 0;
	v16_store(lanes, s);
	for (int l = 0; l < LANES; l++)
		sum += lanes[l];
	return sum;
}

static void op_image(const struct op_args *a, float *u, int image) {
	const struct op_job *j = a->job;
	const struct load *l = a->loads;
	float *y = out_image(a, image);
	switch (j->kind) {
	case OP_SUM:
		form_plain(y, l, a->terms, image);
		break;
	case OP_CONCAT:
		concat_image(a, u, image);
		break;
	case OP_MAX_POOL:
	case OP_AVG_POOL:
		form_plain(u, l, a->terms, image);
		for (int b = 0; b < l->cb; b++)
			pool_block(j, y + (size_t)b * j->h * j->w * LANES, u + (size_t)b * l->h * l->w * LANES, l->h, l->w);
		break;
	case OP_GLOBAL_AVG:
		form_plain(u, l, a->terms, image);
		global_avg(y, u, l->cb, l->h * l->w);
		break;
	case OP_LINEAR:
		form_plain(u, l, a->terms, image);
		for (int o = 0; o < a->out->cb * LANES; o++)
			y[o] = o < a->out->c ? j->bias[o] + dot_blocks(u, j->weight + (size_t)o * l->cb * LANES, l->cb) : 0;
	}
	if (image < a->rows && a->out->partial)
		image_stats(a->out, image, j->h * j->w);
}

static void op_body(void *arg, struct pool *pool, int thread) {
	const struct op_args *a = arg;
	float *u = a->at->scratch + (size_t)thread * a->at->stride;
	for (int i; (i = pool_next(pool, thread)) >= 0;)
		op_image(a, u, i);
}

static void op(const struct place *at, const struct op_job *job, const struct load *loads, int nloads,
               const struct term *terms, const struct out *out, int rows) {
	struct op_args a = {at, job, NULL, loads, nloads, terms, out, rows, NULL, 0};
	pool_run(at->pool, at->n, op_body, &a);
}

// Backward. Scratch: dy, then g, then u, each as large as the largest of the step's maps.

static void linear_grad(const struct op_args *a, float *g, const float *dy, int image) {
	const struct op_job *j = a->job;
	int cb = a->loads->cb;
	form_plain(j->input + (size_t)image * cb * LANES, a->loads, a->terms, image);
	for (int b = 0; b < cb; b++) {
		v16 s = v16_zero();
		for (int o = 0; o < a->dy->c; o++)
			s = v16_fma(v16_set1(dy[o]), v16_load(j->weight + ((size_t)o * cb + b) * LANES), s);
		v16_store(g + b * LANES, s);
	}
}

// step_grad computes in g the gradient at the k-th loaded input and returns g, or dy if they are equal. c is the first channel
// of the input in a concatenation.
static const float *step_grad(const struct op_args *a, int k, int c, float *g, float *u, const float *dy, int image) {
	const struct op_job *j = a->job;
	const struct load *l = &a->loads[k];
	int pixels = l->h * l->w;
	switch (j->kind) {
	case OP_SUM:
		return dy;
	case OP_CONCAT:
		memset(g, 0, load_len(l) * sizeof *g);
		move_channels(g, 0, dy, c, kept_channels(l, c, a->dy->c), pixels);
		break;
	case OP_MAX_POOL:
		form_plain(u, l, a->terms, image);
		for (int b = 0; b < l->cb; b++)
			max_pool_grad_block(j, g + (size_t)b * pixels * LANES, dy + (size_t)b * j->h * j->w * LANES, u + (size_t)b * pixels * LANES, l->h, l->w);
		break;
	case OP_AVG_POOL:
		for (int b = 0; b < l->cb; b++)
			avg_pool_grad_block(j, g + (size_t)b * pixels * LANES, dy + (size_t)b * j->h * j->w * LANES, l->h, l->w);
		break;
	case OP_GLOBAL_AVG:
		for (int b = 0; b < l->cb; b++) {
			v16 d = v16_mul(v16_load(dy + b * LANES), v16_set1(1.0f / pixels));
			for (int p = 0; p < pixels; p++)
				v16_store(g + ((size_t)b * pixels + p) * LANES, d);
		}
		break;
	case OP_LINEAR:
		linear_grad(a, g, dy, image);
	}
	return g;
}

static void op_grad_body(void *arg, struct pool *pool, int thread) {
	const struct op_args *a = arg;
	size_t len = load_len(a->dy);
	for (int k = 0; k < a->nloads; k++)
		if (load_len(&a->loads[k]) > len)
			len = load_len(&a->loads[k]);
	float *dy = a->at->scratch + (size_t)thread * a->at->stride, *g = dy + len, *u = g + len;
	for (int i; (i = pool_next(pool, thread)) >= 0;) {
		form_plain(dy, a->dy, a->terms, i);
		for (int k = 0, c = 0; k < a->nloads; c += a->loads[k++].c) {
			if (!a->grads[k].d && a->job->kind != OP_LINEAR) // whose input is wanted for its weights
				continue;
			const float *du = step_grad(a, k, c, g, u, dy, i);
			if (a->grads[k].d)
				grad_image(&a->grads[k], a->terms, du, i);
		}
	}
}

static void op_grad(const struct place *at, const struct op_job *job, const struct load *dy, const struct load *loads,
                    const struct term *terms, const struct grad *grads, int ngrads) {
	struct op_args a = {at, job, dy, loads, ngrads, terms, NULL, 0, grads, ngrads};
	pool_run(at->pool, at->n, op_grad_body, &a);
}
