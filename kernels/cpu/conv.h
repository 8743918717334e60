// The convolution cores of the CPU engine, and the layout that they share with it.
//
// Feature maps are stored as [image][channel block][row][column][16]: LANES channels together, the last block padded
// with zero channels. A core sees none of BatchNorm, activation or sums: the engine forms the activated input of one
// group of images in scratch that stays in cache, with a zero border, calls the core, and sums the outputs' statistics
// while they are hot. The input gradient is the same core with the weights turned round and the siblings' channels
// concatenated as input.
#ifndef BNAS_CONV_H
#define BNAS_CONV_H
#include <stddef.h>

#define LANES 16

// Geometry of one call, in channel blocks of LANES.
struct conv_shape {
	int cb, kb;         // input and output channel blocks (for siblings: kb is the sum over them)
	int h, w;           // output rows and columns
	int ph, pw;         // rows and columns of the padded input
	int kernel, stride, dilation;
	int depthwise;      // 1: kb == cb and each channel is its own group
};

// A core convolves nimg images. in[i*cb+c] is image i's padded block c: ph*pw*LANES floats, input pixel (0,0) being
// what output pixel (0,0) reads at kernel position (0,0). out[i*kb+k] receives h*w*LANES floats, overwritten.
// packed is what the core's pack function made of the weights; scratch is at least what its scratch function asks,
// 64-byte aligned.
typedef void conv_core(const struct conv_shape *s, int nimg, float *const *out, const float *const *in,
                       const float *packed, float *scratch);

// pack writes a core's form of the dense weights w[out][in][kernel][kernel] (depthwise: [channel][1][kernel][kernel])
// into dst; out and in are true channel counts, padded lanes become zero. pack_size and scratch_size are in floats.
// group is how many images the core wants in one call.
#endif
