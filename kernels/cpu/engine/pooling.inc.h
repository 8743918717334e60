// Pooling of one channel block: windows are clipped to the image; padding is ignored.

struct span { int from, to; }; // input coordinates from + i·dilation < to

static inline struct span window(const struct op_job *j, int o, int size) {
	int from = o * j->stride - j->pad, to = from + (j->kernel - 1) * j->dilation + 1;
	if (from < 0)
		from += (-from + j->dilation - 1) / j->dilation * j->dilation;
	return (struct span){from, to < size ? to : size};
}

static inline int span_count(struct span s, int dilation) {
	int n = s.to > s.from ? s.to - s.from : 0;
	return dilation == 1 ? n : (n + dilation - 1) / dilation;
}

// A patch is one window: count pixels on rows y and columns x of an image of width w.
struct patch { struct span y, x; int step, w, count; };

// patch_of returns window (oy, ox). Most windows are 3×3 and whole: those get constant bounds below.
static inline struct patch patch_of(const struct op_job *j, int oy, int ox, int h, int w) {
	struct patch p = {window(j, oy, h), window(j, ox, w), j->dilation, w, 0};
	p.count = span_count(p.y, p.step) * span_count(p.x, p.step);
	return p;
}
static inline int patch_whole(const struct patch *p) { return p->count == 9 && p->step == 1 && p->y.to - p->y.from == 3; }

// PATCH runs do for each pixel of a patch, in order: at is its place in floats, tap its number.
#define PATCH(p, do) \
	if (patch_whole(p)) { \
		size_t corner_ = ((size_t)(p)->y.from * (p)->w + (p)->x.from) * LANES, down_ = (size_t)(p)->w * LANES; \
		UNROLL(9) \
		for (int tap = 0; tap < 9; tap++) { \
			size_t at = corner_ + tap / 3 * down_ + tap % 3 * LANES; \
			do; \
		} \
	} else \
		for (int y_ = (p)->y.from, tap = 0; y_ < (p)->y.to; y_ += (p)->step) \
			for (int x_ = (p)->x.from; x_ < (p)->x.to; x_ += (p)->step, tap++) { \
				size_t at = ((size_t)y_ * (p)->w + x_) * LANES; \
				do; \
			}

// A strip is a row of n windows that have as many rows and columns inside the image. in is the first pixel of the first window, down and
// right are the floats from one pixel of a window to the next, next those from one window to the next.
struct strip { const float *in; size_t down, right, next; int rows, columns, n; };

// strip_of returns the longest strip from window (oy, ox) on. No side clips the columns of whole.
static inline struct strip strip_of(const struct op_job *j, int oy, int ox, struct span whole, const float *in, int h, int w) {
	struct span y = window(j, oy, h), x = window(j, ox, w);
	size_t step = (size_t)j->dilation * LANES;
	return (struct strip){
		in + ((size_t)y.from * w + x.from) * LANES, step * w, step, (size_t)j->stride * LANES,
		span_count(y, j->dilation), span_count(x, j->dilation), ox >= whole.from && ox < whole.to ? whole.to - ox : 1,
	};
}

// strip_share returns the share of a pixel in the mean of a window.
static inline float strip_share(const struct strip *s) { return s->rows && s->columns ? 1.0f / (s->rows * s->columns) : 0; }

// strip_pool pools the windows of a strip, pixels in order, and multiplies the sums. rows and columns are those of the strip.
INLINE void strip_pool(int maximum, int rows, int columns, const struct strip *s, v16 by, float *out) {
	const float *in = s->in;
	for (int i = 0; i < s->n; i++, in += s->next, out += LANES) {
		v16 a = v16_set1(maximum && rows && columns ? -__builtin_inff() : 0);
		UNROLL(3)
		for (int y = 0; y < rows; y++)
			UNROLL(3)
			for (int x = 0; x < columns; x++) {
				v16 v = v16_load(in + y * s->down + x * s->right);
				a = maximum ? v16_max(a, v) : v16_add(a, v);
			}
		v16_store(out, maximum ? a : v16_mul(a, by));
	}
}

// Most windows are 3×3: constant bounds for those, and for those with a row or column outside.
INLINE void strip_pool_fixed(int maximum, const struct strip *s, v16 by, float *out) {
	int fixed = s->rows <= 3 && s->columns <= 3 ? s->rows << 2 | s->columns : 0;
	switch (fixed) {
	case 3 << 2 | 3: strip_pool(maximum, 3, 3, s, by, out); break;
	case 3 << 2 | 2: strip_pool(maximum, 3, 2, s, by, out); break;
	case 2 << 2 | 3: strip_pool(maximum, 2, 3, s, by, out); break;
	case 2 << 2 | 2: strip_pool(maximum, 2, 2, s, by, out); break;
	default: strip_pool(maximum, s->rows, s->columns, s, by, out);
	}
}

enum pool_kind { POOL_MAX, POOL_MEAN, POOL_SUM };

// whole_columns returns the columns of the windows, one past the last, that no side of an image clips.
static inline struct span whole_columns(const struct op_job *j, int w) {
	int room = w + j->pad - (j->kernel - 1) * j->dilation - 1, end = room < 0 ? 0 : room / j->stride + 1;
	return (struct span){(j->pad + j->stride - 1) / j->stride, end < j->w ? end : j->w};
}

// pool_windows pools all windows in an image of h×w pixels.
INLINE void pool_windows(enum pool_kind kind, const struct op_job *j, float *out, const float *in, int h, int w) {
	struct span whole = whole_columns(j, w);
	for (int oy = 0; oy < j->h; oy++)
		for (int ox = 0, n; ox < j->w; ox += n, out += (size_t)n * LANES) {
			struct strip s = strip_of(j, oy, ox, whole, in, h, w);
			strip_pool_fixed(kind == POOL_MAX, &s, v16_set1(kind == POOL_MEAN ? strip_share(&s) : 1), out);
			n = s.n;
		}
}

static void pool_block(const struct op_job *j, float *out, const float *in, int h, int w) {
	if (j->kind == OP_MAX_POOL)
		pool_windows(POOL_MAX, j, out, in, h, w);
	else
		pool_windows(POOL_MEAN, j, out, in, h, w);
}

// share_windows divides the gradient of each window by the number of its pixels.
static void share_windows(const struct op_job *j, float *dy, int h, int w) {
	struct span whole = whole_columns(j, w);
	for (int oy = 0; oy < j->h; oy++)
		for (int ox = 0, n; ox < j->w; ox += n) {
			struct strip s = strip_of(j, oy, ox, whole, dy, h, w);
			v16 share = v16_set1(strip_share(&s));
			n = s.n;
			for (float *end = dy + (size_t)n * LANES; dy < end; dy += LANES)
				v16_store(dy, v16_mul(v16_load(dy), share));
		}
}

// avg_pool_grad_block writes the gradient g of the mean of each window. It divides dy in place. With a stride of 1 the windows that have
// a pixel are a window of dy.
static void avg_pool_grad_block(const struct op_job *j, float *g, float *dy, int h, int w) {
	share_windows(j, dy, h, w);
	if (j->stride == 1) {
		struct op_job back = *j;
		back.pad = (j->kernel - 1) * j->dilation - j->pad;
		back.h = h, back.w = w;
		pool_windows(POOL_SUM, &back, g, dy, j->h, j->w);
		return;
	}
	memset(g, 0, (size_t)h * w * LANES * sizeof *g);
	for (int oy = 0; oy < j->h; oy++)
		for (int ox = 0; ox < j->w; ox++, dy += LANES) {
			struct patch p = patch_of(j, oy, ox, h, w);
			v16 d = v16_load(dy);
			PATCH(&p, v16_store(g + at, v16_add(v16_load(g + at), d)))
		}
}

// The gradient goes to the first maximum of each window, as in PyTorch.
static void max_pool_grad_block(const struct op_job *j, float *g, const float *dy, const float *in, int h, int w) {
	memset(g, 0, (size_t)h * w * LANES * sizeof *g);
	for (int oy = 0; oy < j->h; oy++)
		for (int ox = 0; ox < j->w; ox++, dy += LANES) {
			struct patch p = patch_of(j, oy, ox, h, w);
			if (!p.count)
				continue;
			v16 d = v16_load(dy);
			struct first_max m = first_max_of(v16_load(in + ((size_t)p.y.from * w + p.x.from) * LANES));
			PATCH(&p, first_max_next(&m, v16_load(in + at), tap))
			PATCH(&p, v16_store(g + at, v16_add(v16_load(g + at), first_max_at(&m, d, tap))))
		}
}
