//go:build cgo

#include "batchnorm.h"
#include <math.h>
#include <string.h>

void value_statistics(double *mean, double *var, const double *partial, int rows, int pixels, int cp) {
	memset(mean, 0, cp * sizeof *mean);
	memset(var, 0, cp * sizeof *var);
	for (int i = 0; i < rows; i++)
		for (int c = 0; c < cp; c++)
			mean[c] += partial[(long)i * 2 * cp + c];
	for (int c = 0; c < cp; c++)
		mean[c] /= rows;
	for (int i = 0; i < rows; i++)
		for (int c = 0; c < cp; c++) {
			double d = partial[(long)i * 2 * cp + c] - mean[c];
			var[c] += partial[((long)i * 2 + 1) * cp + c] + pixels * d * d;
		}
	for (int c = 0; c < cp; c++)
		var[c] /= (double)rows * pixels;
}

void batchnorm_forward(const struct batchnorm *b) {
	memset(b->mu, 0, b->cp * sizeof(float));
	memset(b->scale, 0, b->cp * sizeof(float));
	memset(b->shift, 0, b->cp * sizeof(float));
	for (int c = 0; c < b->c; c++) {
		double scale = b->gamma[c] / sqrt(b->var[c] + b->eps);
		b->mu[c] = b->mean[c];
		b->scale[c] = scale;
		b->shift[c] = b->beta[c] - (b->mean[c] - b->mu[c]) * scale;
	}
}

static double factor_of(const struct batchnorm *b, int image) { return b->factor ? b->factor[image] : 1; }

void batchnorm_backward(const struct batchnorm *b, const float *sum, const float *dot, int n, int pixels) {
	double m = (double)n * pixels;
	memset(b->slope, 0, b->cp * sizeof(float));
	memset(b->offset, 0, b->cp * sizeof(float));
	for (int c = 0; c < b->c; c++) {
		double s = 0, t = 0, r = 1 / sqrt(b->var[c] + b->eps), low = b->mean[c] - b->mu[c];
		for (int i = 0; i < n; i++) {
			s += factor_of(b, i) * sum[(long)i * b->cp + c];
			t += factor_of(b, i) * dot[(long)i * b->cp + c];
		}
		double dgamma = r * (t - low * s), slope = -b->gamma[c] * r * r * dgamma / m;
		b->dgamma[c] = dgamma;
		b->dbeta[c] = s;
		b->slope[c] = slope;
		b->offset[c] = -b->gamma[c] * r * s / m - slope * low;
	}
}

void batchnorm_samples(const struct batchnorm *b, float *dst, int stride, const float *sum, const float *dot, int n) {
	for (int i = 0; i < n; i++, dst += stride)
		for (int c = 0; c < b->c; c++) {
			double f = factor_of(b, i), s = f * sum[(long)i * b->cp + c], r = 1 / sqrt(b->var[c] + b->eps);
			dst[c] = r * (f * dot[(long)i * b->cp + c] - (b->mean[c] - b->mu[c]) * s);
			dst[b->c + c] = s;
		}
}

void linear_weight_grad(float *dw, const float *dy, const float *u, int n, int out, int dy_stride, int in, int u_stride) {
	for (int o = 0; o < out; o++)
		for (int c = 0; c < in; c++) {
			double s = 0;
			for (int i = 0; i < n; i++)
				s += (double)dy[(long)i * dy_stride + o] * u[(long)i * u_stride + c];
			dw[(long)o * in + c] = s;
		}
}
