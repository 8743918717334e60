// The tables that package cuda lays out for the kernels. It writes these structures once a Compile. Every launch gets a
// pointer to its own. Every field and every kernel parameter has 8 bytes; Affine and Slope are data, four floats.
// kernels/gpu/abi.go mirrors this file. `abi_sizes` lets a test compare the two.
//
// A feature map is float [image][y][x][pitch]. pitch is the number of channels rounded up to 8; the channels beyond are
// zero. A step with several values (sibling convolutions) sees them side by side: column c of the step is channel
// c − out[b].column of value b. A value has a whole pitch of columns, so eight columns from a multiple of eight belong to
// one value.
#pragma once

typedef long long i64;

// One channel of a BatchNorm: y = (x − mean)·scale + beta with scale = γ/√(σ²+ε), and x̂ = (x − mean)·rstd. The mean is
// subtracted first: x of 10³ with a variance of 10⁻² keeps its digits.
struct alignas(16) Affine {
	float mean, scale, beta, rstd;
};

// One channel of BatchNorm backward, with D at its output: dx = scale·D + offset + slope·(x − mean). scale = γr,
// offset = −γr·dβ/m, slope = −γr²·dγ/m. With frozen statistics offset and slope are 0.
struct alignas(16) Slope {
	float scale, offset, slope, mean;
};

struct BatchNorm {
	Affine *affine; // [channels]
	Slope *slope; // [channels]
	const float *gamma, *beta;
	float *dgamma, *dbeta;
	double *moments; // μ of its value [channels]
	double *variance; // σ² of its value, biased [channels]
	double eps;
	i64 channels;
	i64 column; // of its first channel in the step that stores its value
};

// One summand of a node: a value through a BatchNorm, or as it is (affine == 0). With a factor it is multiplied by that of
// its image.
struct Term {
	const void *value;
	const Affine *affine;
	const float *factor; // [images], 0: none
	i64 half; // the value is stored in half precision, in the same layout
};

enum { LINEAR, RELU, RELU6 };

// u = act(Σ terms). A node is not materialised: each step that reads it recomputes the sum.
struct Node {
	Term term[3];
	i64 terms;
	i64 activation;
	i64 channels, pitch, height, width;
};

// The blocks of a launch. Block (x, y) has tile x % tiles of image x / tiles, which is tile_h × tile_w pixels, and columns
// [y·channel_tile, (y+1)·channel_tile).
struct Tiling {
	i64 tile_h, tile_w, tiles_x, tiles; // an image has `tiles` tiles, a row of tiles has tiles_x
	i64 channel_tile; // columns of a block, a multiple of 8
};

// Of many images, the results of GROUP at a time are merged, and then those of the groups: the last block of a launch has few of
// either. Of at most two groups it merges the images.
#define GROUP 16
__device__ __forceinline__ int image_groups(int images) { return images > 2 * GROUP ? (images + GROUP - 1) / GROUP : 0; }

// Channel statistics: partial results of tiles, then of images, of groups of images, and of the batch, each in order.
struct Statistics {
	double2 *tile; // [image][tile][columns]: mean and Σ(x − mean)²
	double2 *image; // [images, then groups][columns]
	unsigned *arrived; // [channel tiles][1 + groups + images], zero between launches
	double *mean, *variance; // [columns], of the batch
	const BatchNorm *norm; // [norms], over the step's values
	i64 norms; // 0: no statistics
};

struct Output {
	void *value;
	const void *weight; // conv: see pack.cu
	i64 channels, pitch;
	i64 column; // of its first channel among the step's columns
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

// One use of a value: D, the gradient at the node, times the term's factor, through the BatchNorm's slope, or without
// (slope == 0).
struct Source {
	const float *gradient;
	const Slope *slope;
	const float *factor; // of the term
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

// The sums of dγ and dβ: ΣD, and ΣD·x̂ of the BatchNorm of each of a node's terms, three at most. They are without the
// terms' factors, which are of whole images.
struct Sums {
	float4 *tile; // [image][tile][pitch]: ΣD, ΣD·x̂₀, ΣD·x̂₁, ΣD·x̂₂
	float4 *image; // [images, then groups][pitch]
	unsigned *arrived; // [channel tiles][1 + groups + images], zero between launches
	const BatchNorm *norm[3]; // 0 for a term without one
};

// The gradient at a node that a step loads: D = (∂loss/∂u) ⊙ act′(Σ terms).
struct Backward {
	const Incoming *out; // the step's values
	i64 outs;
	i64 columns; // Σ pitch of out
	i64 height, width; // of out
	i64 column; // concatenation: of the node's first channel among those of out
	i64 kernel, stride, pad, dilation, groups;
	Node in;
	float *gradient; // D, laid out as the node
	i64 add; // D is added to the gradient that is there
	i64 last; // D is then complete: form the sums
	Tiling tiling;
	Sums sums;
};

// The gradient of one convolution's weights. Block (x, y) has a tile of weights by x, and the images of chunk y: see
// weight_gradient.cu.
struct WeightGradient {
	Node in;
	Incoming out; // of this convolution alone
	i64 height, width; // of out
	i64 kernel, stride, pad, dilation, groups;
	float *gradient; // [out][in / groups][kernel][kernel] in the store
	i64 row; // elements from an output to the next in gradient: more than in / groups·kernel² in a part of a larger weight
	float *partial; // [chunks], each [out][in / groups][kernel][kernel]
	unsigned *arrived; // [blocks of a chunk], zero between launches
	i64 chunks; // pieces of the batch
	i64 tile_h, tile_w; // the pixels of out that a block stages at once
	i64 tile_out, tile_in; // the channels of a block
};

// The columns of one BatchNorm in a row of the per-sample Jacobian: dγ has [column, column + channels), dβ the `channels`
// after. image is that of the Sums of its node, term its place there, factor the term's. image == 0: the node has no
// gradient.
struct SampleBN {
	const float4 *image;
	const float *factor;
	i64 term, channels, pitch, column;
};

// A parameter that the optimizer updates. moment1 and moment2 may be 0 if the rule does not use them.
struct Parameter {
	float *data;
	const float *grad;
	float *moment1, *moment2;
	i64 length;
	double decay;
	double bias1, bias2; // 1 − βᵗ
};

// Floats that are copied from one place to another.
struct Piece {
	float *to;
	const float *from;
	i64 length;
};

// One outcome of an augmentation. Pixel (y, x) shows the original at (y + dy, x + dx), counted from the right if flip.
// Rows [top, bottom) of columns [left, right) are cut out.
struct View {
	i64 dy, dx, flip;
	i64 top, left, bottom, right;
};
