// What the host lays out for the kernels: package cuda writes these structures into the table of an Exec once a
// Compile, and every launch gets a pointer to its own. Every field and every kernel parameter is 8 bytes wide
// (Affine and Slope are data, four floats). cuda/abi.go mirrors this file; `abi_sizes` lets a test compare them.
//
// A feature map is float [image][y][x][pitch], pitch the channels rounded up to 8; the channels beyond are zeros. The
// values of a step that has several (sibling convolutions) are seen side by side: column c of the step is channel
// c − out[b].column of the value b that holds it. Columns come in whole pitches, so that eight columns from a multiple
// of eight belong to one value.
#pragma once

typedef long long i64;

// y = (x − mean)·scale + beta with scale = γ/√(σ²+ε); x̂ = (x − mean)·rstd. Of one channel. The mean is subtracted
// first: x of 10³ with a variance of 10⁻² keeps its digits.
struct alignas(16) Affine {
	float mean, scale, beta, rstd;
};

// dx = scale·D + offset + slope·(x − mean): BatchNorm backward with D at its output. scale = γr, offset = −γr·dβ/m,
// slope = −γr²·dγ/m; with frozen statistics offset and slope are 0.
struct alignas(16) Slope {
	float scale, offset, slope, mean;
};

struct BatchNorm {
	Affine *affine; // [channels]
	Slope *slope; // [channels]
	const float *gamma, *beta;
	float *dgamma, *dbeta;
	double *moments; // of its value: μ [channels]
	double *variance; // σ², biased
	double eps;
	i64 channels;
	i64 column; // of the step that stores its value
};

// One summand of a node: a value through a BatchNorm, or as it is (affine == 0). half: the value is stored in
// half precision, laid out alike.
struct Term {
	const void *value;
	const Affine *affine;
	i64 half;
};

enum { LINEAR, RELU, RELU6 };

// u = act(Σ terms), formed by whoever loads it.
struct Node {
	Term term[3];
	i64 terms;
	i64 activation;
	i64 channels, pitch, height, width;
};

// How a launch is cut into blocks: block (x, y) has tile x % tiles of image x / tiles, tile_h × tile_w pixels, and
// columns [y·channel_tile, (y+1)·channel_tile).
struct Tiling {
	i64 tile_h, tile_w, tiles_x, tiles; // tiles_x in a row of tiles, tiles in an image
	i64 channel_tile;
};

// Where channel statistics are gathered: partial results of tiles, then of images, then of the batch, each in order.
struct Statistics {
	double2 *tile; // [image][tile][columns]: mean and Σ(x − mean)²
	double2 *image; // [image][columns]
	unsigned *arrived; // [channel tiles][1 + images], zero between launches
	double *mean, *variance; // [columns], of the batch
	const BatchNorm *norm; // those over the step's values
	i64 norms; // 0: no statistics
};

struct Output {
	void *value;
	const void *weight; // conv: see pack.cu
	i64 channels, pitch;
	i64 column; // where its channels are among the step's columns
	i64 half; // the same for all values of a step
};

struct Forward {
	const Node *in;
	i64 ins; // > 1 for a concatenation
	const Output *out;
	i64 outs; // > 1 for sibling convolutions
	i64 columns; // Σ pitch of out
	i64 height, width; // of out
	i64 kernel, stride, pad, dilation, groups;
	Tiling tiling;
	Statistics statistics;
};

// One place where a value is used: D, the gradient at the node, through the BatchNorm's slope (or as it is: slope == 0).
struct Source {
	const float *gradient;
	const Slope *slope;
};

// ∂loss/∂value = Σ over sources.
struct Incoming {
	const void *value;
	const Source *source;
	i64 sources; // 0: the value is not used, its gradient is zero
	const void *weight; // conv: see pack.cu
	i64 channels, pitch;
	i64 column;
	i64 half;
};

// Where dγ and dβ are gathered: ΣD and ΣD·x̂ of the BatchNorms that enter a node by its up to three terms.
struct Sums {
	float4 *tile; // [image][tile][pitch]: ΣD, ΣD·x̂₀, ΣD·x̂₁, ΣD·x̂₂
	float4 *image; // [image][pitch]
	unsigned *arrived; // [channel tiles][1 + images], zero between launches
	const BatchNorm *norm[3]; // 0 where a term has none
};

// The gradient at the node that a step loads, D = (∂loss/∂u) ⊙ act′(Σ terms).
struct Backward {
	const Incoming *out; // the step's values
	i64 outs;
	i64 columns; // Σ pitch of out
	i64 height, width; // of out
	i64 column; // concatenation: where this node's channels begin among those of out
	i64 kernel, stride, pad, dilation, groups;
	Node in;
	float *gradient; // D, laid out as the node
	i64 add; // add to what is there
	i64 last; // D is complete: form the sums
	Tiling tiling;
	Sums sums;
};

// The gradient of one convolution's weights. Block (x, y) has output channels [(x / across)·tile_out, + tile_out), input
// channels and taps by x % across, and images of chunk y: see weight_gradient.cu.
struct WeightGradient {
	Node in;
	Incoming out; // of this convolution alone
	i64 height, width; // of out
	i64 kernel, stride, pad, dilation, groups;
	float *gradient; // [out][in / groups][kernel][kernel], as the store has it
	float *partial; // [chunks][the same]
	unsigned *arrived; // [blocks of a chunk], zero between launches
	i64 chunks; // pieces of the batch
	i64 tile_h, tile_w; // pixels of out that are staged at once
	i64 tile_out, tile_in; // channels of a block
};

// Where an image's dγ and dβ go in a row of the per-sample Jacobian: columns [column, column + channels) and the
// `channels` after. image is that of the Sums of the node that the BatchNorm enters as its term; 0: it enters none.
struct SampleBN {
	const float4 *image;
	i64 term, channels, pitch, column;
};

// A parameter that the optimizer updates. moment1 and moment2 may be 0 where the rule does not use them.
struct Parameter {
	float *data;
	const float *grad;
	float *moment1, *moment2;
	i64 length;
	double decay;
	double bias1, bias2; // 1 − βᵗ
};

// One outcome of an augmentation: pixel (y, x) shows the original at (y + dy, x + dx), counted from the right if flip;
// rows [top, bottom) of columns [left, right) are cut out.
struct View {
	i64 dy, dx, flip;
	i64 top, left, bottom, right;
};
