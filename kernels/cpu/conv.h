// The convolution cores of the CPU engine, and the layout that they share with it.
//
// Feature maps are stored as [image][channel block][row][column][16]: LANES channels together, the last block padded
// with zero channels. A core sees none of BatchNorm, activation or sums: the engine forms the activated input of one
// group of images in scratch that stays in cache, with a zero border, calls the core, and sums the outputs' statistics
// while they are hot. The input gradient is the same core with the weights turned round and the siblings' channels
// concatenated as input.
//
// <core>.inc.h is included after simd.h by each kernels_<isa>.c and defines `static const struct core <core>_core`.
// isa.c chooses the instruction set; struct isa lists the cores, the first that fits a shape is used.
#ifndef BNAS_CONV_H
#define BNAS_CONV_H
#include <stddef.h>

#define LANES 16

// Geometry of one call, in channel blocks of LANES. Output pixel o reads padded input pixels o·stride + k·dilation.
struct conv_shape {
	int cb, kb;         // input and output channel blocks (for siblings: kb is the sum over them)
	int h, w;           // output rows and columns
	int ph, pw;         // rows and columns of the padded input
	int kernel, stride, dilation;
	int depthwise;      // 1: kb == cb and each channel is its own group
	int tail;           // input channels in use in the last block, so that a core can skip the others; 0: all
};

// A core convolves nimg images. in[i*cb+c] is image i's padded block c: ph*pw*LANES floats, input pixel (0,0) being
// what output pixel (0,0) reads at kernel position (0,0). out[i*kb+k] receives h*w*LANES floats, overwritten.
// packed is what the core's pack function made of the weights; scratch is at least what its scratch function asks.
// All pointers are 64-byte aligned. What a core writes for an image must not depend on nimg or on the other images.
typedef void conv_core(const struct conv_shape *s, int nimg, float *const *out, const float *const *in,
                       const float *packed, float *scratch);

struct core {
	const char *name;
	// fits reports whether the core can do s (ph and pw not yet raised). For every shape there is one that fits.
	int (*fits)(const struct conv_shape *s);
	// widen raises s->ph and s->pw from the least that the window needs to what the core wants to read; the engine
	// fills the surplus with zeros. May be NULL.
	void (*widen)(struct conv_shape *s);
	// group is how many images the core wants in one call (≥ 1); the last call of a batch may have fewer.
	int (*group)(const struct conv_shape *s);
	// pack writes the core's form of the dense weights w[kb*LANES][cb*LANES][kernel][kernel] (depthwise:
	// [kb*LANES][kernel][kernel]) into dst, pack_size floats; padded channels are zero in w.
	size_t (*pack_size)(const struct conv_shape *s);
	void (*pack)(const struct conv_shape *s, float *dst, const float *w);
	size_t (*scratch_size)(const struct conv_shape *s, int nimg); // floats
	conv_core *run;
};
#endif
