// The 1×1 convolution: a product of the pixels of an image and the weights, with no rows.

static int conv1x1_fits(const struct conv_shape *s) {
	return s->kernel == 1 && s->stride == 1 && !s->depthwise && s->ph == s->h && s->pw == s->w;
}
static int conv1x1_group(const struct conv_shape *s) { return 1; }
static size_t conv1x1_scratch_size(const struct conv_shape *s, int nimg) { return 0; }

// Number of pixels that go through all panels before the next ones. Their input stays in the first-level cache.
static int conv1x1_span(const struct conv_shape *s) {
	int n = 256 / s->cb / 16 * 16, pixels = s->h * s->w;
	n = n < 32 ? 32 : n;
	return n < pixels ? n : pixels;
}

static void conv1x1_run(const struct conv_shape *s, int nimg, float *const *out, const float *const *in,
                        const struct packed *packed, float *scratch, struct ahead *ahead, struct watch *watch) {
	struct reach r = reach_of(s);
	int pixels = s->h * s->w, span = conv1x1_span(s);
	watch_flops(watch, 2. * nimg * pixels * s->cb * LANES * s->kb * LANES);
	for (int i = 0; i < nimg; i++)
		for (int p = 0; p < pixels; p += span)
			for (const struct panel *q = packed->panels; q < packed->panels + packed->n; q++)
				panel_row(q, LANES, pixels - p < span ? pixels - p : span, &r, in + (size_t)i * s->cb,
				          (size_t)p * LANES, packed, out + (size_t)i * s->kb + q->first, (size_t)p * LANES);
}

static const struct core conv1x1_core = {
	"conv1x1", conv1x1_fits, NULL, conv1x1_group, PANEL_MAX, dense_block_size, dense_pack, conv1x1_scratch_size, conv1x1_run,
};
