// The direct convolution: any window, any stride, any dilation, dense or depthwise.

static int direct_fits(const struct conv_shape *s) { return 1; }
static int direct_group(const struct conv_shape *s) { return 1; }

static size_t direct_pack_size(const struct conv_shape *s) {
	return (size_t)s->kb * LANES * (s->depthwise ? 1 : s->cb * LANES) * s->kernel * s->kernel;
}

// packed[k][c·16+j][ky][kx][16 outputs]; depthwise [k][ky][kx][16]
static void direct_pack(const struct conv_shape *s, float *dst, const float *w) {
	int taps = s->kernel * s->kernel, in = s->depthwise ? 1 : s->cb * LANES;
	for (int k = 0; k < s->kb; k++)
		for (int c = 0; c < in; c++)
			for (int t = 0; t < taps; t++)
				for (int l = 0; l < LANES; l++)
					*dst++ = w[((size_t)(k * LANES + l) * in + c) * taps + t];
}

static size_t direct_scratch_size(const struct conv_shape *s, int nimg) { return 0; }

static void direct_run(const struct conv_shape *s, int nimg, float *const *out, const float *const *in,
                       const float *packed, float *scratch) {
	int K = s->kernel, taps = K * K;
	for (int i = 0; i < nimg; i++)
		for (int k = 0; k < s->kb; k++)
			for (int y = 0; y < s->h; y++)
				for (int x = 0; x < s->w; x++) {
					v16 a = v16_zero();
					int c0 = s->depthwise ? k : 0, c1 = s->depthwise ? k + 1 : s->cb;
					for (int c = c0; c < c1; c++) {
						const float *w = packed + (size_t)k * taps * LANES * (s->depthwise ? 1 : s->cb * LANES);
						for (int j = 0; j < (s->depthwise ? 1 : LANES); j++)
							for (int t = 0; t < taps; t++) {
								const float *p = in[i * s->cb + c] + ((size_t)(y * s->stride + t / K * s->dilation) * s->pw + x * s->stride + t % K * s->dilation) * LANES;
								v16 b = v16_load(w + ((size_t)(s->depthwise ? 0 : c * LANES + j) * taps + t) * LANES);
								a = v16_fma(s->depthwise ? v16_load(p) : v16_set1(p[j]), b, a);
							}
					}
					v16_store(out[i * s->kb + k] + ((size_t)y * s->w + x) * LANES, a);
				}
}

static const struct core direct_core = {
	"direct", direct_fits, NULL, direct_group, direct_pack_size, direct_pack, direct_scratch_size, direct_run,
};
