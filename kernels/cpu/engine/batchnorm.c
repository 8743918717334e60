//go:build cgo

#include "batchnorm.h"
#include <math.h>

// merge_partials computes the statistics of the channels of a block from c on.
static void merge_partials(const struct batchnorm *b, int rows, int c) {
	double mean[LANES] = {0}, var[LANES] = {0};
	const double *partial = b->partial + c;
	for (long i = 0; i < rows; i++)
		for (int l = 0; l < LANES; l++)
			mean[l] += partial[i * 2 * b->cp + l];
	for (int l = 0; l < LANES; l++)
		b->mean[c + l] = mean[l] /= rows;
	for (long i = 0; i < rows; i++)
		for (int l = 0; l < LANES; l++) {
			double d = partial[i * 2 * b->cp + l] - mean[l];
			var[l] += partial[(i * 2 + 1) * b->cp + l] + b->pixels * d * d;
		}
	for (int l = 0; l < LANES; l++)
		b->var[c + l] = var[l] / ((double)rows * b->pixels);
}

static void forward_block(const struct batchnorm *b, int rows, int c) {
	if (rows > 0)
		merge_partials(b, rows, c);
	for (int end = c + LANES; c < end; c++) {
		b->mu[c] = b->scale[c] = b->shift[c] = 0;
		if (c >= b->c)
			continue;
		double scale = b->gamma[c] / sqrt(b->var[c] + b->eps);
		b->mu[c] = b->mean[c];
		b->scale[c] = scale;
		b->shift[c] = b->beta[c] - (b->mean[c] - b->mu[c]) * scale;
	}
}

static double factor_of(const struct batchnorm *b, int image) { return b->factor ? b->factor[image] : 1; }

static void backward_block(const struct batchnorm *b, int n, int c) {
	double s[LANES] = {0}, t[LANES] = {0}, m = (double)n * b->pixels;
	for (long i = 0; i < n; i++) {
		double f = factor_of(b, i);
		for (int l = 0; l < LANES; l++) {
			s[l] += f * b->sum[i * b->cp + c + l];
			t[l] += f * b->dot[i * b->cp + c + l];
		}
	}
	for (int l = 0; l < LANES; l++, c++) {
		b->slope[c] = b->offset[c] = 0;
		if (c >= b->c)
			continue;
		double r = 1 / sqrt(b->var[c] + b->eps), low = b->mean[c] - b->mu[c];
		double dgamma = r * (t[l] - low * s[l]), slope = -b->gamma[c] * r * r * dgamma / m;
		b->dgamma[c] = dgamma;
		b->dbeta[c] = s[l];
		b->slope[c] = slope;
		b->offset[c] = -b->gamma[c] * r * s[l] / m - slope * low;
	}
}

// A loop over the channel blocks of BatchNorms.
struct block_loop {
	const struct place *at;
	const struct batchnorm *b;
	int count, n; // BatchNorms, images
	void (*block)(const struct batchnorm *b, int n, int c);
	enum phase phase;
};

static void block_loop_body(void *arg, struct pool *pool, int thread) {
	const struct block_loop *a = arg;
	struct watch watch = watch_start(a->at->profiles, thread);
	for (int i; (i = pool_next(pool, thread)) >= 0;) {
		const struct batchnorm *b = a->b;
		for (; i >= b->cp / LANES; b++)
			i -= b->cp / LANES;
		a->block(b, a->n, i * LANES);
	}
	watch_lap(&watch, a->phase);
}

// Few blocks of few images take one thread as long as waking the others.
static void block_loop(struct block_loop a) {
	enum { SMALL = 256 };
	int blocks = 0;
	for (int k = 0; k < a.count; k++)
		blocks += a.b[k].cp / LANES;
	if ((long)blocks * a.n >= SMALL) {
		pool_run(a.at->pool, blocks, block_loop_body, &a);
		return;
	}
	for (int k = 0; k < a.count; k++)
		for (int c = 0; c < a.b[k].cp; c += LANES)
			a.block(a.b + k, a.n, c);
}

void batchnorms_forward(const struct place *at, const struct batchnorm *b, int count, int rows) {
	block_loop((struct block_loop){at, b, count, rows, forward_block, PHASE_STATISTICS});
}

void batchnorms_backward(const struct place *at, const struct batchnorm *b, int count) {
	block_loop((struct block_loop){at, b, count, at->n, backward_block, PHASE_GRADIENT});
}

void batchnorm_samples(const struct batchnorm *b, float *dst, int stride, int n) {
	for (int i = 0; i < n; i++, dst += stride)
		for (int c = 0; c < b->c; c++) {
			double f = factor_of(b, i), s = f * b->sum[(long)i * b->cp + c], r = 1 / sqrt(b->var[c] + b->eps);
			dst[c] = r * (f * b->dot[(long)i * b->cp + c] - (b->mean[c] - b->mu[c]) * s);
			dst[b->c + c] = s;
		}
}

void linear_weight_grad(float *dw, const float *dy, const float *u, int n, int out, int dy_stride, int in, int u_stride) {
	for (int o = 0; o < out; o++)
		for (int c = 0; c < in; c += LANES) {
			double s[LANES] = {0};
			for (long i = 0; i < n; i++)
				for (int l = 0; l < LANES; l++)
					s[l] += (double)dy[i * dy_stride + o] * u[i * u_stride + c + l];
			for (int l = 0; l < LANES && c + l < in; l++)
				dw[(long)o * in + c + l] = s[l];
		}
}
