// The numbers of a channel between the steps: statistics, BatchNorm coefficients, dγ and dβ. They are summed in doubles, in
// the order of the images. Threads divide the channels, not the images: the bits are the same for any number of threads.
#ifndef BNAS_BATCHNORM_H
#define BNAS_BATCHNORM_H
#include "engine.h"

// A BatchNorm's arrays, each of cp floats or doubles (whole blocks, zero in the padding).
struct batchnorm {
	int c, cp, pixels;
	double eps;
	double *mean, *var;                      // the statistics that normalise
	const double *partial;                   // of the images [n][2][cp]: mean, squared deviations over pixels
	float *gamma, *beta;
	float *mu, *scale, *shift;               // its term: (x − mu)·scale + shift
	float *slope, *offset;                   // of its statistics' gradient: (x − mu)·slope + offset
	const float *sum, *dot;                  // of the images [n][cp]: Σ d and Σ d·(x − mu) of the gradient d at its node
	float *dgamma, *dbeta;
	const float *factor;                     // of its term, for each image; NULL: 1
};

// batchnorms_forward merges the partials of the first rows images into the means and the biased variances over rows·pixels, of
// count BatchNorms, and forms mu, scale and shift from the statistics, γ and β. With rows == 0 the statistics are given.
void batchnorms_forward(const struct place *at, const struct batchnorm *b, int count, int rows);

// batchnorms_backward forms dγ = r·Σ f·d·(x−μ) and dβ = Σ f·d, f the factor of the image, and slope and offset over n·pixels
// elements.
void batchnorms_backward(const struct place *at, const struct batchnorm *b, int count);

// batchnorm_samples writes dγ and dβ of each of n images: row i at dst + i·stride, c numbers and then c numbers.
void batchnorm_samples(const struct batchnorm *b, float *dst, int stride, int n);

// linear_weight_grad: dw[o][c] = Σ_i dy[i][o]·u[i][c]. A row of u has whole blocks.
void linear_weight_grad(float *dw, const float *dy, const float *u, int n, int out, int dy_stride, int in, int u_stride);
#endif
