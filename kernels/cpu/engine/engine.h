// The steps of the engine, as Go describes them. All arrays are in blocks, as in conv.h. Per-channel arrays have whole
// blocks, with zeros in the padding.
#ifndef BNAS_ENGINE_H
#define BNAS_ENGINE_H
#include <stdint.h>
#include "conv.h"
#include "pool.h"

// A term is (x − mu)·scale + shift per channel. A BatchNorm is mu = μ rounded to float, scale = γr,
// shift = β − (μ − mu)·γr. The difference is taken first: a mean that is large against the deviation loses no precision.
// The gradient of a BatchNorm's input is two such terms: δ·γr and (x − mu)·(−γr²·dγ/m) + (…). The term of image i is multiplied
// by factor[i] if factor is not NULL. x is of floats, or of 16-bit floats (half.inc.h) with half. Block b of image i is then in units
// of unit[i·cb + b], a power of two. A term that is x itself is bare.
struct term { const void *x; const float *unit, *mu, *scale, *shift, *factor; int half, bare; };

// A load computes min(max(Σ terms, lo), hi) of one image: terms[first … first+count).
struct load {
	int first, count;
	int c, cb, h, w; // channels, channel blocks, rows, columns
	float lo, hi;    // of the activation; ∓∞ where it has none
};

// An out is a value that a step stores, in floats, or in 16-bit floats with half. If partial is not NULL, it receives the mean and
// the sum of squared deviations of each image and channel of what is stored: [image][2][cb·LANES]. With half, unit receives the unit
// of each image and block: [image][cb].
struct out {
	void *data;
	double *partial;
	float *unit;
	int c, cb, half;
};

// A grad adds the input gradient of a step to that of its node: d (+)= g where lo < node < hi. The last addition also sums d
// and d·(x − mu) of each term for each image: sum and dot are [image][cb·LANES] or NULL.
struct grad {
	struct load node;
	float *d, *sum, *dot[3];
	int first, last;
};

struct conv_job {
	struct conv_shape shape;
	const struct core *core;
	int group;
	// Loaded pixel (y, x), if y and x are multiples of step, goes to (y/step·spread + y0, x/step·spread + x0) of the
	// padded input, if that is inside.
	int y0, x0, spread, step;
	// Floats of a thread: lists of pointers, padded inputs, outputs before they are added, the core's scratch.
	size_t list, pad, out, scratch;
};

enum op_kind { OP_SUM, OP_MAX_POOL, OP_AVG_POOL, OP_GLOBAL_AVG, OP_CONCAT, OP_LINEAR };

struct op_job {
	enum op_kind kind;
	int kernel, stride, pad, dilation;
	int h, w; // of the output
	const float *weight, *bias; // OP_LINEAR: [out c][in cb·LANES], [out cb·LANES]
	float *input;               // OP_LINEAR, backward: receives the loaded input, [image][in cb·LANES]
};

// A parallel loop over n images. Thread t has stride floats at scratch + t·stride.
struct place {
	struct pool *pool;
	int n;
	float *scratch;
	size_t stride;
	struct profile *profiles; // of each thread, or NULL
};

// Sums over pixels are of as many accumulators as hide the latency of an addition: pixel p belongs to p % WAYS.
enum { WAYS = 4 };

// The sums of a covariance or of products are of stretches of the images, merged in order: the same bits for any number of
// threads. Those of a covariance are of pairs of channel blocks, and then of blocks.
enum { STRETCHES = 8 };
static inline size_t covariance_pair(int r, int c) { return ((size_t)r * (r + 1) / 2 + c) * LANES * LANES; }
static inline size_t covariance_len(int cb) { return covariance_pair(cb, 0) + (size_t)cb * LANES; }
// With many blocks, the products are most of the work, and a stretch is an item for each row of blocks.
static inline int covariance_ranges(int cb) { return cb > 8 ? cb : 1; }
// The rows of an image that are formed at a time: few, so that they stay in the first-level cache, and a multiple of WAYS, so that a
// pixel has the way of its place in the image.
static inline int covariance_rows(int h, int w) {
	enum { PIXELS = 128 };
	int rows = w * WAYS < PIXELS ? PIXELS / (w * WAYS) * WAYS : WAYS;
	return rows < h ? rows : h;
}
// Floats of scratch: these rows of all blocks, the ways of each block, and the sums of an image, of the pairs of an item.
static inline size_t covariance_scratch(int cb, int h, int w) {
	size_t pairs = covariance_ranges(cb) == 1 ? covariance_pair(cb, 0) : (size_t)cb * LANES * LANES;
	return (size_t)cb * (covariance_rows(h, w) * w + WAYS) * LANES + pairs;
}

// The products of a gradient g and a seed, as kernels.Observer.NodeProducts describes them: [image][rb][h·dh][w·dw][LANES] and
// [image][cb][h][w][LANES].
struct products {
	const float *g, *seed;
	int rows, rb, columns, cb; // channels and blocks of g, and of the seed
	int h, w, dh, dw;          // the seed's pixels; pixels of g that belong to one
};
static inline size_t products_len(const struct products *j) {
	return (size_t)j->rb * j->dh * j->dw * j->cb * LANES * LANES;
}

struct weight_core;
struct weight_job;
struct weight_slice;

struct isa {
	const char *name;
	const struct core *const *cores; // in order of preference, NULL at the end
	const struct core *const *fast_cores; // the same with those that are less exact
	const struct weight_core *const *weight_cores;
	// conv computes outs from the concatenated loads; conv_grad adds the one output to a node's gradient. Statistics
	// are of the first rows images. With weight, conv_grad also computes the sums of the weight gradient, if
	// weight_joins says that it can; u is the load of the step's input.
	void (*conv)(const struct place *, const struct conv_job *, const struct load *, int nloads, const struct term *,
	             const struct out *, int nouts, int rows, const struct packed *);
	void (*conv_grad)(const struct place *, const struct conv_job *, const struct load *, int nloads,
	                  const struct term *, const struct grad *, const struct packed *, const struct weight_job *weight,
	                  const struct load *u, float *sums);
	// weight_grad computes the sums of all items from the loads of u and of each output's gradient; weight_merge adds them
	// to the dense gradient of one sibling. See weight.h.
	void (*weight_grad)(const struct place *, const struct weight_job *, const struct load *, int nloads,
	                    const struct term *, float *sums);
	void (*weight_merge)(const struct place *, const struct weight_job *, const struct weight_slice *, float *dw,
	                     const float *sums);
	// op runs any other step; op_grad its backward: dy is the load of the output's gradient, loads the step's own.
	void (*op)(const struct place *, const struct op_job *, const struct load *, int nloads, const struct term *,
	           const struct out *, int rows);
	void (*op_grad)(const struct place *, const struct op_job *, const struct load *dy, const struct load *loads,
	                const struct term *, const struct grad *, int ngrads);
	// block and unblock convert dense N×C×H×W; block also computes statistics, unblock
	// also applies a load.
	void (*block)(const struct place *, const float *src, const struct out *, int h, int w, int rows);
	void (*unblock)(const struct place *, float *dst, const struct load *, const struct term *);
	// Probes. spatial_mean: [image][c]. covariance: means and biased covariances [c][c] over images and pixels, from deviations
	// from a centre; sums is scratch of STRETCHES·covariance_len doubles. states packs the signs of u, words 64-bit words an
	// image, and counts u > 0 per image and channel. products: sums is scratch of STRETCHES·products_len doubles.
	void (*spatial_mean)(const struct place *, double *dst, const struct load *, const struct term *);
	void (*covariance)(const struct place *, double *sums, const float *centre, double *mean, double *cov, const struct load *,
	                   const struct term *);
	void (*products)(const struct place *, const struct products *, double *sums, double *dst);
	void (*states)(const struct place *, uint64_t *dst, size_t words, int64_t *count, const struct load *, const struct term *);
	// agree adds weight·(number of equal bits among units) to k[n][n] for all pairs of codes.
	void (*agree)(const struct place *, int64_t *k, const uint64_t *codes, size_t words, int64_t units, int64_t weight);
	double (*peak)(void); // see peak.inc.h
};
#endif
