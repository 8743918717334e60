// The direct convolution: any window, stride and dilation, rows of register tiles straight from the padded input.

static int direct_fits(const struct conv_shape *s) { return !s->depthwise; }
static int direct_group(const struct conv_shape *s) { return 1; }
static size_t direct_pack_size(const struct conv_shape *s) { return s->kb * panel_floats(s); }
static size_t direct_scratch_size(const struct conv_shape *s, int nimg) { return 0; }

static void direct_run(const struct conv_shape *s, int nimg, float *const *out, const float *const *in,
                       const float *packed, float *scratch, struct ahead *ahead, struct watch *watch) {
	struct reach r = reach_of(s);
	size_t weights = panel_floats(s); // of one block of outputs
	watch_flops(watch, 2. * nimg * s->h * s->w * s->kernel * s->kernel * s->cb * LANES * s->kb * LANES);
	ahead_share(ahead, nimg * s->h * panels(s));
	for (int i = 0; i < nimg; i++)
		for (int k = 0, nk; k < s->kb; k += nk) {
			nk = panel_width(s->kb - k);
			for (int y = 0; y < s->h; y++) {
				ahead_some(ahead);
				panel_row(nk, (size_t)s->stride * LANES, s->w, &r, in + (size_t)i * s->cb,
				          (size_t)y * s->stride * s->pw * LANES, packed + k * weights,
				          out + (size_t)i * s->kb + k, (size_t)y * s->w * LANES);
			}
		}
}

static const struct core direct_core = {
	"direct", direct_fits, NULL, direct_group, direct_pack_size, pack_panel, direct_scratch_size, direct_run,
};
