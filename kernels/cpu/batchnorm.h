// The numbers of a channel between the steps: statistics, BatchNorm coefficients, dγ and dβ. They are summed in doubles, in
// the order of the images, on one thread.
#ifndef BNAS_BATCHNORM_H
#define BNAS_BATCHNORM_H

// A BatchNorm's arrays, each of cp floats or doubles (whole blocks, zero in the padding).
struct batchnorm {
	int c, cp;
	double eps;
	double *mean, *var;                      // the statistics that normalise
	float *gamma, *beta;
	float *mu, *scale, *shift;               // its term: (x − mu)·scale + shift
	float *slope, *offset;                   // of its statistics' gradient: (x − mu)·slope + offset
	float *dgamma, *dbeta;
	const float *factor;                     // of its term, for each image; NULL: 1
};

// value_statistics merges the images' partials [rows][2][cp] (mean, squared deviations over pixels) into the mean and
// the biased variance over rows·pixels.
void value_statistics(double *mean, double *var, const double *partial, int rows, int pixels, int cp);

// batchnorm_forward forms mu, scale and shift from the statistics, γ and β.
void batchnorm_forward(const struct batchnorm *b);

// batchnorm_backward forms dγ = r·Σ f·d·(x−μ) and dβ = Σ f·d, f the factor of the image, from the images' sum and dot [n][cp] at
// the node, and slope and offset over n·pixels elements.
void batchnorm_backward(const struct batchnorm *b, const float *sum, const float *dot, int n, int pixels);

// batchnorm_samples writes dγ and dβ of each image: row i at dst + i·stride, c numbers and then c numbers.
void batchnorm_samples(const struct batchnorm *b, float *dst, int stride, const float *sum, const float *dot, int n);

// linear_weight_grad: dw[o][c] = Σ_i dy[i][o]·u[i][c].
void linear_weight_grad(float *dw, const float *dy, const float *u, int n, int out, int dy_stride, int in, int u_stride);
#endif
