// The convolution cores of the CPU engine, and the layout that they share with it.
//
// Feature maps are stored as [image][channel block][row][column][16]: LANES channels together, the last block padded
// with zero channels. A core does not handle BatchNorm, activation and sums. The engine computes the activated input of a
// group of images, with a border of zeros, in scratch memory that stays in cache. It calls the core and sums the statistics
// of the outputs while they are in cache. The input gradient is the same core with the rotated weights. Its input is the
// concatenated channels of the siblings.
//
// <core>.inc.h is included after simd.h by each kernels_<isa>.c and defines `static const struct core <core>_core`.
// isa.c chooses the instruction set. struct isa lists the cores; the engine uses the first that fits a shape.
#ifndef BNAS_CONV_H
#define BNAS_CONV_H
#include <stddef.h>
#include "watch.h"

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

// The dense weights [outs][ins/groups][kernel][kernel] of a convolution. Turned, they are those of the input gradient: outputs and inputs
// change places and the window is turned round. Its input blocks begin at c0: the input of the gradient of siblings is that of all.
struct dense { const float *w; int outs, ins, groups, taps, turned, c0; };

// dense_window returns the window from input channel c of a call to output channel o, or NULL if there is none.
static inline const float *dense_window(const struct dense *d, int o, int c) {
	c -= d->c0 * LANES;
	int out = d->turned ? c : o, in = d->turned ? o : c, ins = d->ins, first = 0;
	if (out >= d->outs || in >= d->ins)
		return NULL;
	if (d->groups > 1) {
		ins /= d->groups;
		first = out / (d->outs / d->groups) * ins;
		if (in < first || in >= first + ins)
			return NULL;
	}
	return d->w + ((size_t)out * ins + in - first) * d->taps;
}

// dense_tap returns tap t of a window.
static inline float dense_tap(const struct dense *d, const float *window, int t) {
	return window ? window[d->turned ? d->taps - 1 - t : t] : 0;
}

// A panel is the nk output blocks from block first on that a core computes together. Their weights lie together, or apart if they are
// those of siblings of one block each.
struct panel { int first, nk, apart; };

// next_panel returns the nk of the next panel, if left blocks remain, of a core whose panels have at most most blocks.
static inline int next_panel(int most, int left) { return most == 1 || left == 1 ? 1 : left == 3 ? 3 : 2; }

// panel_of returns the panel that has output block k of kb.
static inline struct panel panel_of(int most, int kb, int k) {
	struct panel p = {0, next_panel(most, kb), 0};
	while (k >= p.first + p.nk) {
		p.first += p.nk;
		p.nk = next_panel(most, kb - p.first);
	}
	return p;
}

// The packed weights of a call of n panels to kb output blocks. Those from the input blocks of part p are at[p·kb + k]: to output block k,
// or to all blocks of the panel that begins with k and is not apart. Part p has cb[p] input blocks. All siblings of a convolution have the
// same input, which is one part; the input gradient of siblings can have a part for each.
struct packed {
	const struct panel *panels;
	int n, kb;
	const float *const *at;
	const int *cb;
};

// The memory that the next call will touch: stretches of cache lines, read or written. A core fetches some of it between its
// products, while the multipliers are busy (ahead_share, ahead_some).
enum { AHEAD_STRETCHES = 16 };
struct ahead {
	struct { const char *at; size_t lines; int written; } stretches[AHEAD_STRETCHES];
	int count;
	size_t share; // lines to fetch at a time
};

// A core convolves nimg images. in[i*cb+c] is the padded block c of image i: ph*pw*LANES floats. Output pixel (0,0) reads
// input pixel (0,0) at kernel position (0,0). out[i*kb+k] receives h*w*LANES floats, overwritten. packed has the output of
// the core's pack function. scratch has at least scratch_size floats. All pointers are 64-byte aligned. The output of an
// image must not depend on nimg or on the other images. What a core does after its last lap is a product.
typedef void conv_core(const struct conv_shape *s, int nimg, float *const *out, const float *const *in,
                       const struct packed *packed, float *scratch, struct ahead *ahead, struct watch *watch);

struct core {
	const char *name;
	// fits reports whether the core can compute s (ph and pw not yet raised). Every shape has a core that fits.
	int (*fits)(const struct conv_shape *s);
	// widen raises s->ph and s->pw from the least that the window needs to the size that the core reads. The engine
	// fills the surplus with zeros. May be NULL.
	void (*widen)(struct conv_shape *s);
	// group returns the best number of images of a call (≥ 1). The last call of a batch may have fewer.
	int (*group)(const struct conv_shape *s);
	int panel; // the most output blocks of a panel
	// block_size is the size of the packed weights from cb input blocks to one output block, in floats. pack writes those from input block
	// c of cb to output block k of kb into dst, which has all of these, panel after panel. A depthwise core has no input blocks; c is then 0.
	size_t (*block_size)(const struct conv_shape *s, int cb);
	void (*pack)(const struct conv_shape *s, int kb, int cb, float *dst, const struct dense *w, int k, int c);
	size_t (*scratch_size)(const struct conv_shape *s, int nimg); // floats
	conv_core *run;
};
#endif
