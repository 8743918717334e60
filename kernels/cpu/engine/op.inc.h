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

// move_channels copies count channels between blocked images of the same size, from channel s of src to d of dst.
static void move_channels(float *dst, int d, const float *src, int s, int count, int pixels) {
	for (int n; count > 0; d += n, s += n, count -= n) {
		const float *from = src + (size_t)(s / LANES) * pixels * LANES + s % LANES;
		float *to = dst + (size_t)(d / LANES) * pixels * LANES + d % LANES;
		n = LANES - (s % LANES > d % LANES ? s % LANES : d % LANES); // within one block of both
		n = n < count ? n : count;
		for (size_t p = 0; p < (size_t)pixels * LANES; p += LANES)
			for (int c = 0; c < n; c++)
				to[p + c] = from[p + c];
	}
}

// In a concatenation from channel c on, the first channels of load l that the output has.
static inline int kept_channels(const struct load *l, int c, int outs) { return l->c < outs - c ? l->c : outs - c; }

// concat_block reports whether block b of load l, whose first channel is c in the concatenation, is a whole block of the
// concatenation's outs channels.
static inline int concat_block(const struct load *l, int c, int b, int outs) {
	return c % LANES == 0 && (b + 1) * LANES <= kept_channels(l, c, outs);
}

static void concat_image(const struct op_args *a, float *y, float *u, int image) {
	int pixels = a->job->h * a->job->w, c = 0;
	size_t plane = (size_t)pixels * LANES;
	if (a->out->c % LANES) // the padding
		memset(y + (a->out->cb - 1) * plane, 0, plane * sizeof *y);
	for (const struct load *l = a->loads; l < a->loads + a->nloads; c += l++->c)
		for (int b = 0; b * LANES < kept_channels(l, c, a->out->c); b++)
			if (concat_block(l, c, b, a->out->c))
				form_block(y + (c / LANES + b) * plane, l, a->terms, image, b);
			else {
				int left = kept_channels(l, c, a->out->c) - b * LANES;
				form_block(u, l, a->terms, image, b);
				move_channels(y, c + b * LANES, u, 0, left < LANES ? left : LANES, pixels);
			}
}

static void global_avg(float *y, const float *u, int pixels) {
	v16 s = v16_zero();
	for (int p = 0; p < pixels; p++)
		s = v16_add(s, v16_load(u + (size_t)p * LANES));
	v16_store(y, v16_mul(s, v16_set1(1.0f / pixels)));
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

static void linear(const struct op_args *a, float *y, float *u, int image) {
	const struct op_job *j = a->job;
	int cb = a->loads->cb;
	form_plain(u, a->loads, a->terms, image);
	for (int o = 0; o < a->out->cb * LANES; o++)
		y[o] = o < a->out->c ? j->bias[o] + dot_blocks(u, j->weight + (size_t)o * cb * LANES, cb) : 0;
}

// op_block computes block b of a step whose channels do not mix, in the scratch u of a block.
static void op_block(const struct op_args *a, float *y, float *u, int image, int b) {
	const struct op_job *j = a->job;
	const struct load *l = a->loads;
	form_block(j->kind == OP_SUM ? y : u, l, a->terms, image, b);
	switch (j->kind) {
	case OP_MAX_POOL:
	case OP_AVG_POOL: pool_block(j, y, u, l->h, l->w); break;
	case OP_GLOBAL_AVG: global_avg(y, u, l->h * l->w); break;
	default: break;
	}
}

// op_image computes an image. A block goes through all of a step while it is in cache. A value in 16 bits, which is not that of a
// linear step, is first computed in floats, behind a block of the input.
static void op_image(const struct op_args *a, float *u, int image) {
	const struct op_job *j = a->job;
	const struct out *o = a->out;
	int pixels = j->h * j->w, mixes = j->kind == OP_CONCAT || j->kind == OP_LINEAR;
	float *y = o->half ? u + (size_t)a->loads->h * a->loads->w * LANES : out_in_place(o, image, 0, pixels);
	size_t next = o->half && !mixes ? 0 : (size_t)pixels * LANES;
	if (j->kind == OP_CONCAT)
		concat_image(a, y, u, image);
	if (j->kind == OP_LINEAR)
		linear(a, y, u, image);
	for (int b = 0; b < o->cb; b++, y += next) {
		if (!mixes)
			op_block(a, y, u, image, b);
		finish_block(o, image, b, y, pixels, a->rows);
	}
}

static void op_body(void *arg, struct pool *pool, int thread) {
	const struct op_args *a = arg;
	float *u = a->at->scratch + (size_t)thread * a->at->stride;
	struct watch watch = watch_start(a->at->profiles, thread);
	for (int i; (i = pool_next(pool, thread)) >= 0;) {
		op_image(a, u, i);
		watch_lap(&watch, PHASE_OTHER);
	}
}

static void op(const struct place *at, const struct op_job *job, const struct load *loads, int nloads,
               const struct term *terms, const struct out *out, int rows) {
	struct op_args a = {at, job, NULL, loads, nloads, terms, out, rows, NULL, 0};
	pool_run(at->pool, at->n, op_body, &a);
}

// Backward. Scratch: dy, then g, then u. Of a step whose channels do not mix, each is a block.

static void linear_grad(const struct op_args *a, float *g, float *dy, int image) {
	const struct op_job *j = a->job;
	int cb = a->loads->cb;
	form_plain(dy, a->dy, a->terms, image);
	form_plain(j->input + (size_t)image * cb * LANES, a->loads, a->terms, image);
	for (int b = 0; b < cb; b++) {
		v16 s = v16_zero();
		for (int o = 0; o < a->dy->c; o++)
			s = v16_fma(v16_set1(dy[o]), v16_load(j->weight + ((size_t)o * cb + b) * LANES), s);
		v16_store(g + b * LANES, s);
	}
}

// concat_grad computes the gradient at block b of the load whose first channel in the concatenation is c, and returns where it
// is: in dy or g. dy has room for two blocks.
static const float *concat_grad(const struct op_args *a, const struct load *l, int c, int b, float *g, float *dy, int image) {
	int pixels = l->h * l->w, from = c + b * LANES, left = kept_channels(l, c, a->dy->c) - b * LANES;
	size_t plane = (size_t)pixels * LANES;
	if (left > LANES)
		left = LANES;
	for (int k = from / LANES; left > 0 && k <= (from + left - 1) / LANES; k++)
		form_block(dy + (k - from / LANES) * plane, a->dy, a->terms, image, k);
	if (concat_block(l, c, b, a->dy->c))
		return dy;
	memset(g, 0, plane * sizeof *g);
	move_channels(g, 0, dy, from % LANES, left, pixels);
	return g;
}

// block_grad computes the gradient at block b of the loaded input of a step whose channels do not mix, and returns where it is.
static const float *block_grad(const struct op_args *a, int b, float *g, float *u, float *dy, int image) {
	const struct op_job *j = a->job;
	const struct load *l = a->loads;
	int pixels = l->h * l->w;
	form_block(dy, a->dy, a->terms, image, b);
	switch (j->kind) {
	case OP_MAX_POOL:
		form_block(u, l, a->terms, image, b);
		max_pool_grad_block(j, g, dy, u, l->h, l->w);
		return g;
	case OP_AVG_POOL:
		avg_pool_grad_block(j, g, dy, l->h, l->w);
		return g;
	case OP_GLOBAL_AVG: {
		v16 d = v16_mul(v16_load(dy), v16_set1(1.0f / pixels));
		for (int p = 0; p < pixels; p++)
			v16_store(g + (size_t)p * LANES, d);
		return g;
	}
	default:
		return dy;
	}
}

static void op_grad_image(const struct op_args *a, float *g, float *u, float *dy, int image) {
	const struct op_job *j = a->job;
	if (j->kind == OP_LINEAR) {
		linear_grad(a, g, dy, image); // wanted for the weights even if there is no target
		if (a->grads->d)
			grad_image(a->grads, a->terms, g, image);
		return;
	}
	for (int k = 0, c = 0; k < a->nloads; c += a->loads[k++].c)
		for (int b = 0; a->grads[k].d && b < a->loads[k].cb; b++) {
			const float *du = j->kind == OP_CONCAT ? concat_grad(a, &a->loads[k], c, b, g, dy, image)
			                                       : block_grad(a, b, g, u, dy, image);
			grad_block(&a->grads[k], a->terms, du, image, b);
		}
}

// op_grad_len returns the floats of dy, g and u each.
static size_t op_grad_len(const struct op_args *a) {
	const struct op_job *j = a->job;
	size_t in = (size_t)a->loads->h * a->loads->w * LANES, out = (size_t)j->h * j->w * LANES;
	if (j->kind == OP_LINEAR)
		in = load_len(a->loads), out = load_len(a->dy);
	if (j->kind == OP_CONCAT && a->dy->cb > 1)
		out *= 2;
	return in > out ? in : out;
}

static void op_grad_body(void *arg, struct pool *pool, int thread) {
	const struct op_args *a = arg;
	size_t len = op_grad_len(a);
	float *dy = a->at->scratch + (size_t)thread * a->at->stride, *g = dy + len, *u = g + len;
	struct watch watch = watch_start(a->at->profiles, thread);
	for (int i; (i = pool_next(pool, thread)) >= 0;) {
		op_grad_image(a, g, u, dy, i);
		watch_lap(&watch, PHASE_OTHER);
	}
}

static void op_grad(const struct place *at, const struct op_job *job, const struct load *dy, const struct load *loads,
                    const struct term *terms, const struct grad *grads, int ngrads) {
	struct op_args a = {at, job, dy, loads, ngrads, terms, NULL, 0, grads, ngrads};
	pool_run(at->pool, at->n, op_grad_body, &a);
}
