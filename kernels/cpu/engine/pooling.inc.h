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
		_Pragma("GCC unroll 9") \
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

static void pool_block(const struct op_job *j, float *out, const float *in, int h, int w) {
	for (int oy = 0; oy < j->h; oy++)
		for (int ox = 0; ox < j->w; ox++, out += LANES) {
			struct patch p = patch_of(j, oy, ox, h, w);
			v16 a = v16_set1(j->kind == OP_MAX_POOL && p.count ? -__builtin_inff() : 0);
			if (j->kind == OP_MAX_POOL) {
				PATCH(&p, a = v16_max(a, v16_load(in + at)))
			} else {
				PATCH(&p, a = v16_add(a, v16_load(in + at)))
				if (p.count)
					a = v16_mul(a, v16_set1(1.0f / p.count));
			}
			v16_store(out, a);
		}
}

static void avg_pool_grad_block(const struct op_job *j, float *g, const float *dy, int h, int w) {
	memset(g, 0, (size_t)h * w * LANES * sizeof *g);
	for (int oy = 0; oy < j->h; oy++)
		for (int ox = 0; ox < j->w; ox++, dy += LANES) {
			struct patch p = patch_of(j, oy, ox, h, w);
			if (!p.count)
				continue;
			v16 d = v16_mul(v16_load(dy), v16_set1(1.0f / p.count));
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
