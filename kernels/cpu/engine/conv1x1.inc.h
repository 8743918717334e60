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
                        const float *packed, float *scratch, struct ahead *ahead, struct watch *watch) {
	struct reach r = reach_of(s);
	size_t weights = panel_floats(s); // of one block of outputs
	int pixels = s->h * s->w, span = conv1x1_span(s);
	watch_flops(watch, 2. * nimg * pixels * s->cb * LANES * s->kb * LANES);
	for (int i = 0; i < nimg; i++)
		for (int p = 0; p < pixels; p += span)
			for (int k = 0, nk; k < s->kb; k += nk) {
				nk = panel_width(s->kb - k);
				panel_row(nk, LANES, pixels - p < span ? pixels - p : span, &r, in + (size_t)i * s->cb,
				          (size_t)p * LANES, packed + k * weights, out + (size_t)i * s->kb + k, (size_t)p * LANES);
			}
}

static const struct core conv1x1_core = {
	"conv1x1", conv1x1_fits, NULL, conv1x1_group, direct_pack_size, pack_panel, conv1x1_scratch_size, conv1x1_run,
};
