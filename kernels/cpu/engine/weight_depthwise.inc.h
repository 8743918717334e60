// The weight gradient of a depthwise convolution: lanes are channels, each tap is a vector.

static int weight_depthwise_fits(const struct conv_shape *s) { return s->depthwise; }
static int weight_depthwise_part(const struct conv_shape *s) { return s->kb; }
static size_t weight_depthwise_size(const struct conv_shape *s) { return (size_t)s->kb * s->kernel * s->kernel * LANES; }
static size_t weight_depthwise_scratch_size(const struct conv_shape *s) { return 0; }

static void weight_depthwise_start(struct weight_sum *m) { memset(m->dw, 0, weight_depthwise_size(&m->s) * sizeof *m->dw); }

// ny·nx taps, one native vector of the channels; `from` is the first tap.
INLINE void weight_depthwise_tile(const int ny, const int nx, const struct conv_shape *s, float *dw, const float *u, const float *dy, size_t across, int rows) {
	size_t row = (size_t)s->pw * LANES, step = (size_t)s->stride * LANES, hop = (size_t)s->dilation * LANES;
	vf a[9];
	UNROLL(9)
	for (int t = 0; t < ny * nx; t++)
		a[t] = vf_set1(0);
	for (int y = 0; y < rows; y++) {
		const float *x = u + y * s->stride * row;
		for (int p = 0; p < s->w; p++, x += step) {
			vf d = vf_load(dy + y * across + p * LANES);
			UNROLL(9)
			for (int t = 0; t < ny * nx; t++)
				a[t] = vf_fma(vf_load(x + t / nx * s->dilation * row + t % nx * hop), d, a[t]);
		}
	}
	UNROLL(9)
	for (int t = 0; t < ny * nx; t++)
		vf_store(dw + t * LANES, vf_load(dw + t * LANES) + a[t]);
}

// All taps of one native vector of a block's channels, over some rows.
static void weight_depthwise_rows(const struct conv_shape *s, float *dw, const float *u, const float *dy, size_t across, int rows) {
	if (s->kernel == 3) {
		weight_depthwise_tile(3, 3, s, dw, u, dy, across, rows);
		return;
	}
	for (int ky = 0; ky < s->kernel; ky++, u += (size_t)s->dilation * s->pw * LANES)
		for (int kx = 0, nx; kx < s->kernel; kx += nx, dw += nx * LANES) {
			const float *x = u + (size_t)kx * s->dilation * LANES;
			nx = s->kernel == 5 || s->kernel == 7 ? s->kernel : 1;
			switch (nx) {
			case 5: weight_depthwise_tile(1, 5, s, dw, x, dy, across, rows); break;
			case 7: weight_depthwise_tile(1, 7, s, dw, x, dy, across, rows); break;
			default: weight_depthwise_tile(1, 1, s, dw, x, dy, across, rows);
			}
		}
}

static void weight_depthwise_add(struct weight_sum *m, const float *u, const struct output_gradient *dy) {
	const struct conv_shape *s = &m->s;
	for (int k = 0; k < s->kb; k++)
		for (int y = 0, rows = weight_rows(s); y < s->h; y += rows)
			for (int v = 0; v < LANES; v += VW)
				weight_depthwise_rows(s, m->dw + (size_t)k * s->kernel * s->kernel * LANES + v,
				                      u + ((size_t)k * s->ph + y * s->stride) * s->pw * LANES + v,
				                      dy->at + k * dy->block + y * dy->row + v, dy->row, s->h - y < rows ? s->h - y : rows);
}

static void weight_depthwise_finish(struct weight_sum *m) {}

static const struct weight_core weight_depthwise_core = {
	"depthwise", weight_depthwise_fits, weight_depthwise_part, weight_depthwise_size, weight_depthwise_scratch_size,
	weight_depthwise_start, weight_depthwise_add, weight_depthwise_finish,
};
