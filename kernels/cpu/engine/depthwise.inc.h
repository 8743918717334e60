// The depthwise convolution: lanes are channels, each weight is a vector.

static int depthwise_fits(const struct conv_shape *s) { return s->depthwise; }
static int depthwise_group(const struct conv_shape *s) { return 1; }

static size_t depthwise_block_size(const struct conv_shape *s, int cb) { return (size_t)LANES * s->kernel * s->kernel; }

// packed[k][ky][kx][16]
static void depthwise_pack(const struct conv_shape *s, int kb, int cb, float *dst, const struct dense *w, int k, int c) {
	dst += (size_t)k * w->taps * LANES;
	for (int l = 0; l < LANES; l++) {
		const float *window = dense_window(w, k * LANES + l, k * LANES + l);
		for (int t = 0; t < w->taps; t++)
			dst[t * LANES + l] = dense_tap(w, window, t);
	}
}

static size_t depthwise_scratch_size(const struct conv_shape *s, int nimg) { return 0; }

// nt output pixels of a row, one native vector of their channels.
INLINE void depthwise_tile(const int nt, const int kernel, const int step, size_t pitch, size_t hop, float *out,
                           const float *in, const float *w) {
	vf a[8];
	UNROLL(8)
	for (int t = 0; t < nt; t++)
		a[t] = vf_set1(0);
	for (int ky = 0; ky < kernel; ky++, in += pitch) {
		const float *x = in;
		UNROLL(7)
		for (int kx = 0; kx < kernel; kx++, x += hop, w += LANES) {
			vf b = vf_load(w);
			UNROLL(8)
			for (int t = 0; t < nt; t++)
				a[t] = vf_fma(vf_load(x + t * step), b, a[t]);
		}
	}
	UNROLL(8)
	for (int t = 0; t < nt; t++)
		vf_store(out + t * LANES, a[t]);
}

INLINE void depthwise_plane(const int kernel, const int step, const struct conv_shape *s, float *out, const float *in,
                            const float *w) {
	size_t pitch = (size_t)s->dilation * s->pw * LANES, hop = (size_t)s->dilation * LANES;
	for (int y = 0; y < s->h; y++, in += (size_t)s->stride * s->pw * LANES, out += (size_t)s->w * LANES)
		for (int x = 0, nt; x < s->w; x += nt) {
			nt = step == s->stride * LANES && s->w >= 8 ? 8 : step == s->stride * LANES && s->w >= 4 ? 4 : 1;
			if (nt > s->w - x)
				x = s->w - nt; // reach back over pixels that are done already
			for (int v = 0; v < LANES; v += VW) {
				const float *p = in + (size_t)x * s->stride * LANES + v;
				float *o = out + (size_t)x * LANES + v;
				switch (nt) {
				case 8: depthwise_tile(8, kernel, step, pitch, hop, o, p, w + v); break;
				case 4: depthwise_tile(4, kernel, step, pitch, hop, o, p, w + v); break;
				default: depthwise_tile(1, kernel, step, pitch, hop, o, p, w + v);
				}
			}
		}
}

#define PLANE(name, kernel, step) \
	static void depthwise_##name(const struct conv_shape *s, float *out, const float *in, const float *w) { \
		depthwise_plane(kernel, step, s, out, in, w); \
	}
PLANE(3, 3, LANES)
PLANE(5, 5, LANES)
PLANE(7, 7, LANES)
PLANE(3_2, 3, 2 * LANES)
PLANE(5_2, 5, 2 * LANES)
PLANE(7_2, 7, 2 * LANES)
PLANE(any, s->kernel, LANES)
#undef PLANE

static void depthwise_run(const struct conv_shape *s, int nimg, float *const *out, const float *const *in,
                          const struct packed *packed, float *scratch, struct ahead *ahead, struct watch *watch) {
	static void (*const planes[2][3])(const struct conv_shape *, float *, const float *, const float *) = {
		{depthwise_3, depthwise_5, depthwise_7}, {depthwise_3_2, depthwise_5_2, depthwise_7_2}};
	watch_flops(watch, 2. * nimg * s->h * s->w * s->kernel * s->kernel * s->kb * LANES);
	int made = s->stride <= 2 && s->kernel >= 3 && s->kernel <= 7 && s->kernel % 2;
	for (int i = 0; i < nimg; i++)
		for (int k = 0; k < s->kb; k++)
			(made ? planes[s->stride - 1][s->kernel / 2 - 1] : depthwise_any)(s, out[(size_t)i * s->kb + k],
			        in[(size_t)i * s->cb + k], packed->at[k]);
}

static const struct core depthwise_core = {
	"depthwise", depthwise_fits, NULL, depthwise_group, 1, depthwise_block_size, depthwise_pack, depthwise_scratch_size,
	depthwise_run,
};
