// The weight gradient of any convolution that is not depthwise, tap by tap from the padded input.

enum { WEIGHT_SPAN = 256 }; // pixels of a sum in registers: their inputs stay in the first-level cache

static int weight_rows(const struct conv_shape *s) { return s->w < WEIGHT_SPAN ? WEIGHT_SPAN / s->w : 1; }

// weight_part returns the output blocks whose sums of the given size take at most two megabytes, in whole panels.
static int weight_part(size_t block) {
	int n = (1 << 19) / block / PANEL_MAX * PANEL_MAX;
	return n < PANEL_MAX ? PANEL_MAX : n;
}

static size_t weight_direct_block(const struct conv_shape *s) { return (size_t)s->cb * s->kernel * s->kernel * LANES * LANES; }

static int weight_direct_fits(const struct conv_shape *s) { return !s->depthwise; }
static int weight_direct_part(const struct conv_shape *s) { return weight_part(weight_direct_block(s)); }
static size_t weight_direct_size(const struct conv_shape *s) { return s->kb * weight_direct_block(s); }
static size_t weight_direct_scratch_size(const struct conv_shape *s) { return 0; }

static void weight_direct_start(struct weight_sum *m) { memset(m->dw, 0, weight_direct_size(&m->s) * sizeof *m->dw); }

static void weight_direct_add(struct weight_sum *m, const float *u, const struct output_gradient *dy) {
	const struct conv_shape *s = &m->s;
	size_t row = (size_t)s->pw * LANES, plane = s->ph * row;
	for (int y = 0, rows = weight_rows(s); y < s->h; y += rows) {
		struct outer o = {NULL, NULL, s->stride * row, (size_t)s->stride * LANES, dy->row, dy->block, s->h - y < rows ? s->h - y : rows, s->w};
		float *acc = m->dw;
		for (int k = 0, nk; k < s->kb; k += nk) {
			nk = panel_width(s->kb - k);
			o.d = dy->at + k * dy->block + y * dy->row;
			for (int c = 0; c < s->cb; c++)
				for (int t = 0; t < s->kernel * s->kernel; t++, acc += nk * LANES * LANES) {
					o.x = u + c * plane + (y * s->stride + t / s->kernel * s->dilation) * row + t % s->kernel * s->dilation * LANES;
					outer_panel(nk, &o, c + 1 == s->cb && s->tail ? s->tail : LANES, acc);
				}
		}
	}
}

static void weight_direct_finish(struct weight_sum *m) {}

static const struct weight_core weight_direct_core = {
	"direct", weight_direct_fits, weight_direct_part, weight_direct_size, weight_direct_scratch_size,
	weight_direct_start, weight_direct_add, weight_direct_finish,
};
