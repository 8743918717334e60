// The direct convolution: any window, stride and dilation, rows of register tiles straight from the padded input.

static int direct_fits(const struct conv_shape *s) { return !s->depthwise; }
static int direct_group(const struct conv_shape *s) { return 1; }
static size_t direct_scratch_size(const struct conv_shape *s, int nimg) { return 0; }

static void direct_run(const struct conv_shape *s, int nimg, float *const *out, const float *const *in,
                       const struct packed *packed, float *scratch, struct ahead *ahead, struct watch *watch) {
	struct reach r = reach_of(s);
	watch_flops(watch, 2. * nimg * s->h * s->w * s->kernel * s->kernel * s->cb * LANES * s->kb * LANES);
	ahead_share(ahead, nimg * s->h * packed->n);
	for (int i = 0; i < nimg; i++)
		for (const struct panel *q = packed->panels; q < packed->panels + packed->n; q++)
			for (int y = 0; y < s->h; y++) {
				ahead_some(ahead);
				panel_row(q, (size_t)s->stride * LANES, s->w, &r, in + (size_t)i * s->cb,
				          (size_t)y * s->stride * s->pw * LANES, packed, out + (size_t)i * s->kb + q->first,
				          (size_t)y * s->w * LANES);
			}
}

static const struct core direct_core = {
	"direct", direct_fits, NULL, direct_group, PANEL_MAX, dense_block_size, dense_pack, direct_scratch_size, direct_run,
};
