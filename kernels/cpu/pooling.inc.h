// Pooling of one channel block: windows are clipped to the image; padding is ignored.

struct span { int from, to; }; // input coordinates from + i·dilation < to

static struct span window(const struct op_job *j, int o, int size) {
	int from = o * j->stride - j->pad, to = from + (j->kernel - 1) * j->dilation + 1;
	if (from < 0)
		from += (-from + j->dilation - 1) / j->dilation * j->dilation;
	return (struct span){from, to < size ? to : size};
}

static int span_count(struct span s, int dilation) { return s.to > s.from ? (s.to - s.from + dilation - 1) / dilation : 0; }

static void pool_block(const struct op_job *j, float *out, const float *in, int h, int w) {
	for (int oy = 0; oy < j->h; oy++)
		for (int ox = 0; ox < j->w; ox++, out += LANES) {
			struct span sy = window(j, oy, h), sx = window(j, ox, w);
			int count = span_count(sy, j->dilation) * span_count(sx, j->dilation);
			v16 a = v16_set1(j->kind == OP_MAX_POOL && count ? -__builtin_inff() : 0);
			for (int y = sy.from; y < sy.to; y += j->dilation)
				for (int x = sx.from; x < sx.to; x += j->dilation) {
					v16 v = v16_load(in + ((size_t)y * w + x) * LANES);
					a = j->kind == OP_MAX_POOL ? v16_max(a, v) : v16_add(a, v);
				}
			if (j->kind == OP_AVG_POOL && count)
				a = v16_mul(a, v16_set1(1.0f / count));
			v16_store(out, a);
		}
}

static void avg_pool_grad_block(const struct op_job *j, float *g, const float *dy, int h, int w) {
	memset(g, 0, (size_t)h * w * LANES * sizeof *g);
	for (int oy = 0; oy < j->h; oy++)
		for (int ox = 0; ox < j->w; ox++, dy += LANES) {
			struct span sy = window(j, oy, h), sx = window(j, ox, w);
			int count = span_count(sy, j->dilation) * span_count(sx, j->dilation);
			if (!count)
				continue;
			v16 d = v16_mul(v16_load(dy), v16_set1(1.0f / count));
			for (int y = sy.from; y < sy.to; y += j->dilation)
				for (int x = sx.from; x < sx.to; x += j->dilation) {
					float *p = g + ((size_t)y * w + x) * LANES;
					v16_store(p, v16_add(v16_load(p), d));
				}
		}
}

// The gradient goes to the first maximum of each window, as in PyTorch.
static void max_pool_grad_block(const struct op_job *j, float *g, const float *dy, const float *in, int h, int w) {
	memset(g, 0, (size_t)h * w * LANES * sizeof *g);
	for (int oy = 0; oy < j->h; oy++)
		for (int ox = 0; ox < j->w; ox++, dy += LANES) {
			struct span sy = window(j, oy, h), sx = window(j, ox, w);
			float best[LANES];
			int at[LANES];
			for (int l = 0; l < LANES; l++)
				at[l] = -1;
			for (int y = sy.from; y < sy.to; y += j->dilation)
				for (int x = sx.from; x < sx.to; x += j->dilation)
					for (int l = 0; l < LANES; l++) {
						float v = in[((size_t)y * w + x) * LANES + l];
						if (at[l] < 0 || v > best[l]) {
							best[l] = v;
							at[l] = y * w + x;
						}
					}
			for (int l = 0; l < LANES; l++)
				if (at[l] >= 0)
					g[(size_t)at[l] * LANES + l] += dy[l];
		}
}
